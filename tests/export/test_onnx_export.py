import sys

import numpy as np
import onnx
import pytest
import torch

from yanmo.encode import ModelType
from yanmo.errors import InputError, MissingExtraError
from yanmo.export.onnx_export import export_graph, export_matcher
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.layers import mean_pool
from yanmo.match import Architecture, HeadKind, Matcher
from yanmo.match.engines.onnx_engine import OnnxEngine
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize import PairBudget, PairLayout

FLOAT32 = WeightPlan.uniform(WeightForm.FLOAT32)
PAIRS = [("今天天气不错", "天气"), ("", "我们"), ("我们去公园" * 3, "学生去公园"), ("学", "园"), ("", "")]


def _mixed_logits(engine, matcher):
    """Every pair under both tasks, in one call."""
    encoded = matcher.pair_encoder.encode_batch(PAIRS, budgets=PairBudget(40, 20))
    return engine.logits([pair for pair in encoded for _ in range(2)], [0, 1] * len(encoded))


# What a layer does below and above joint_from is in the shared export (two layers); test_folded has all combinations.
@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": ModelType.ROBERTA, "layout": PairLayout.JOINT, "joint_from": 0, "separate_heads": True},
        {"model_type": ModelType.NEZHA, "head": HeadKind.ALIGNMENT, "conditional_from": None},
        {"model_type": ModelType.ROFORMER, "head": HeadKind.POOLED, "joint_from": 0},
        {"head": HeadKind.CLASSIFICATION, "layout": PairLayout.JOINT, "joint_from": 0},
    ],
    ids=["roberta", "nezha", "roformer", "classifier"],
)
def test_graphs_score_as_torch_does(tiny_matcher, tmp_path, changes):
    matcher = tiny_matcher(n_layers=1, **changes)
    ours = matcher.engine
    architecture = Architecture.model_validate(matcher.matching.model)
    export_graph(ours.classifier, ours.config, architecture, tmp_path / "g.onnx", plan=FLOAT32)
    expected = _mixed_logits(ours, matcher)
    assert np.ptp(expected) > 0.05
    # All in one batch, and one row at a time: a size that exporters like to take for a constant.
    for max_tokens in (4096, 1):
        engine = OnnxEngine(tmp_path / "g.onnx", n_threads=1, max_tokens=max_tokens)
        np.testing.assert_allclose(_mixed_logits(engine, matcher), expected, atol=1e-4)


def test_vectors_are_the_means_that_the_head_compares(tiny_matcher, tmp_path):
    matcher = tiny_matcher(n_layers=2, conditional_from=1)
    ours, network = matcher.engine, matcher.engine.classifier
    architecture = Architecture.model_validate(matcher.matching.model)
    export_graph(network, ours.config, architecture, tmp_path / "g.onnx", plan=FLOAT32)
    encoded = matcher.pair_encoder.encode_batch(PAIRS, budgets=PairBudget(40, 20))
    tasks = [0, 1] * len(encoded)
    found = OnnxEngine(tmp_path / "g.onnx", n_threads=1).vectors([pair for pair in encoded for _ in range(2)], tasks)
    for i, pair in enumerate(encoded):
        batch, task = collate([pair], pad_id=ours.config.pad_id), torch.tensor([tasks[2 * i + 1]])
        with torch.inference_mode():
            condition = network.task_vectors(task)
            x = network.encoder.run(network.encoder.embed(batch, condition), batch, condition, first=0, last=2)
            for side in (0, 1):
                expected = mean_pool(x, batch.mask & (batch.side == side))[0].numpy()
                np.testing.assert_allclose(found[2 * i + 1, side], expected, atol=1e-4)
    assert np.abs(found[0::2] - found[1::2]).max() > 1e-3  # under another task another vector


def test_an_exported_folder_carries_everything(exported):
    matcher, folder = exported
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".txt") == [
        "config.json",
        "files.json",
        "matching.json",
        "model.onnx",
        "tokenizer_config.json",
    ]
    loaded = Matcher.from_pretrained(folder, n_threads=1)
    assert isinstance(loaded.engine, OnnxEngine)
    assert loaded.matching == matcher.matching
    for task, expected in matcher.score_all(PAIRS).items():
        np.testing.assert_allclose(loaded.score(PAIRS, task=task), expected, atol=1e-5)
        assert loaded.decide(PAIRS, task=task).tolist() == matcher.decide(PAIRS, task=task).tolist()
    np.testing.assert_allclose(_mixed_logits(loaded.engine, loaded), _mixed_logits(matcher.engine, matcher), atol=1e-4)


def test_the_graph_has_tables_a_task_and_tells_nothing_of_the_machine(exported):
    folder = exported[1]
    graph = onnx.load(folder / "model.onnx")
    sizes = {entry.name: list(entry.dims) for entry in graph.graph.initializer}
    tables = [name for name in sizes if name.endswith(("norm.weight", "norm.bias"))]
    # Embedding, two norms in each of two layers, head: every one conditional, over 8 components or the head's 6.
    assert len(tables) == 12
    assert {tuple(sizes[name]) for name in tables} == {(2, 8), (2, 6)}
    assert not any("weight_map" in name or "task_vectors" in name for name in sizes)
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)
    assert b"/yanmo/" not in (folder / "model.onnx").read_bytes()


def test_an_export_is_not_exported_again_and_a_full_folder_stays(exported, tmp_path):
    matcher, folder = exported
    with pytest.raises(InputError, match="only a matcher with torch weights"):
        export_matcher(Matcher.from_pretrained(folder), tmp_path / "again", plan=FLOAT32)
    assert not (tmp_path / "again").exists()
    with pytest.raises(InputError, match="exists and is not empty"):
        export_matcher(matcher, folder, plan=FLOAT32)


def test_a_missing_exporter_is_named(tiny_matcher, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"onnxscript.*yanmo\[onnx\]"):
        export_matcher(tiny_matcher(), tmp_path / "out", plan=FLOAT32)
    assert not list(tmp_path.iterdir())
