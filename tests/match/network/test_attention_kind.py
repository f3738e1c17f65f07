import json

import numpy as np
import pytest
import torch

from yanmo.encode import ModelType
from yanmo.errors import InputError
from yanmo.export.folded import FoldedClassifier
from yanmo.export.onnx_export import export_matcher
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.fit.matching.config import load_train_config
from yanmo.layers import LinearTaylorAttention, RotaryAttention
from yanmo.match import Architecture, AttentionKind, Matcher
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize import PairBudget

PAIRS = [("今天天气不错", "天气"), ("我们去公园" * 3, "学生去公园"), ("学", "园")]
WHOLE = {"joint_from": 0}


def _logits(matcher):
    return np.concatenate([matcher.logits(PAIRS, task=task) for task in ("loose", "strict")])


@pytest.mark.parametrize("kind", AttentionKind)
def test_a_saved_matcher_attends_as_it_was_trained_to(tiny_matcher, tmp_path, kind):
    matcher = tiny_matcher(attention=kind, **WHOLE)
    matcher.save_pretrained(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "matching.json").read_text())["model"]["attention"] == kind.value
    np.testing.assert_allclose(_logits(Matcher.from_pretrained(tmp_path / "run")), _logits(matcher), atol=1e-6)


def test_the_kinds_differ_but_for_the_two_forms_of_order_2(tiny_matcher):
    logits = {kind: _logits(tiny_matcher(attention=kind, **WHOLE)) for kind in AttentionKind}
    linear = logits.pop(AttentionKind.LINEAR_TAYLOR)
    np.testing.assert_allclose(linear, logits[AttentionKind.TAYLOR_2], atol=1e-4)
    values = list(logits.values())
    assert all(np.abs(a - b).max() > 1e-3 for i, a in enumerate(values) for b in values[:i])


def test_folders_from_before_the_choice_are_softmax(tiny_matcher, tmp_path):
    matcher = tiny_matcher(**WHOLE)
    matcher.save_pretrained(tmp_path / "run")
    path = tmp_path / "run" / "matching.json"
    older = json.loads(path.read_text())
    del older["model"]["attention"]
    path.write_text(json.dumps(older))
    (tmp_path / "run" / "files.json").unlink()
    np.testing.assert_allclose(_logits(Matcher.from_pretrained(tmp_path / "run")), _logits(matcher), atol=1e-6)


def test_an_exported_graph_scores_the_same(tiny_matcher, tmp_path):
    matcher = tiny_matcher(n_layers=1, attention=AttentionKind.LINEAR_TAYLOR, conditional_from=None, **WHOLE)
    export_matcher(matcher, tmp_path / "onnx", plan=WeightPlan.uniform(WeightForm.FLOAT32))
    loaded = Matcher.from_pretrained(tmp_path / "onnx", n_threads=1)
    np.testing.assert_allclose(_logits(loaded), _logits(matcher), atol=1e-4)


@pytest.mark.parametrize("kind", AttentionKind)
@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ROFORMER])
def test_what_is_traced_for_export_scores_the_same_and_has_no_chunks(tiny_matcher, kind, model_type):
    matcher = tiny_matcher(attention=kind, model_type=model_type, **WHOLE)
    classifier = matcher.engine.classifier
    batch = collate(matcher.pair_encoder.encode_batch(PAIRS, budgets=PairBudget(40, 20)), pad_id=1)
    fields = (batch.token_ids, batch.type_ids, batch.position_ids, batch.side, batch.mask)
    tasks, folded = torch.tensor([0, 1, 1]), FoldedClassifier(classifier)
    with torch.no_grad():
        torch.testing.assert_close(folded(*fields, tasks), classifier(batch, tasks), atol=1e-4, rtol=0)
    (kernel,) = {type(_innermost(block)) for block in folded.encoder.blocks}
    assert kernel is not LinearTaylorAttention
    (left,) = {type(_innermost(block)) for block in classifier.encoder.blocks}
    assert (left is LinearTaylorAttention) == (kind is AttentionKind.LINEAR_TAYLOR)


def _innermost(block):
    kernel = block.attention.kernel
    return kernel.within if isinstance(kernel, RotaryAttention) else kernel


def test_taylor_attention_keeps_two_texts_apart_below_joint_from(tiny_matcher):
    matcher = tiny_matcher(attention=AttentionKind.TAYLOR_2, joint_from=2, n_layers=2)
    encoder, engine = matcher.engine.classifier.encoder, matcher.engine

    def first_side(other):
        (pair,) = matcher.pair_encoder.encode_batch([("今天天气", other)], budgets=PairBudget(40, 20))
        batch = collate([pair], pad_id=engine.config.pad_id)
        condition = engine.classifier.task_vectors(torch.tensor([0]))
        return encoder(batch, condition)[0, :6]

    torch.testing.assert_close(first_side("公园"), first_side("学生"))


@pytest.mark.parametrize("name", ["taylor3", "linear", "taylor"])
def test_an_unknown_kind_is_refused_with_the_list(name):
    with pytest.raises(
        InputError, match=r"architecture\.attention.*'taylor2', 'taylor4', 'taylor6' or 'linear_taylor'"
    ):
        load_train_config(None, overrides=[f"architecture.attention={name}"])


def test_linear_attention_below_joint_from_is_refused():
    with pytest.raises(InputError, match=r"joint_from is 3: set it to 0, or take taylor2"):
        load_train_config(None, overrides=["architecture.attention=linear_taylor", "architecture.joint_from=3"])
    assert Architecture(attention=AttentionKind.TAYLOR_2, joint_from=3).joint_from == 3


def test_relative_positions_are_refused(tiny_matcher):
    with pytest.raises(InputError, match=r"nezha encoder was asked to attend by TaylorAttention.*Fix"):
        tiny_matcher(attention=AttentionKind.TAYLOR_2, model_type=ModelType.NEZHA, **WHOLE)
