import json

import numpy as np
import pytest
import torch

from yanmo.encode import ModelType
from yanmo.errors import InputError
from yanmo.export.plain_scores import score_by_graph
from yanmo.export.task_graph import export_task_graph
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.match import HeadKind, MatchingFile
from yanmo.tokenize import PairLayout

FLOAT32 = WeightPlan.uniform(WeightForm.FLOAT32)
PAIRS = [("今天天气不错", "天气"), ("我们去公园", "学生去公园"), ("学", "园"), ("", "今天"), ("a[SEP]天", "不")]


@pytest.mark.parametrize(
    "changes",
    [
        {"joint_from": 1},
        {"layout": PairLayout.JOINT, "joint_from": 0, "head": HeadKind.ALIGNMENT},
        {"joint_from": 1, "separate_heads": True, "model_type": ModelType.ROFORMER},
    ],
    ids=["apart", "joint", "roformer"],
)
def test_any_architecture_gives_its_calibrated_probabilities_without_yanmo(tiny_matcher, tmp_path, changes):
    matcher = tiny_matcher(n_layers=1, **changes)
    with torch.no_grad():
        heads = matcher.engine.classifier.head
        factor = 1 / float(np.ptp(matcher.logits(PAIRS, task="strict")))
        assert factor < 50
        for head in heads if isinstance(heads, torch.nn.ModuleList) else [heads]:
            head.out.weight.mul_(factor)
        matcher.engine.classifier.task_bias[1] -= float(matcher.logits(PAIRS, task="strict").mean())
    export_task_graph(matcher, tmp_path / "out", task="strict", plan=FLOAT32)
    expected = matcher.score(PAIRS, task="strict")
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(score_by_graph(tmp_path / "out", PAIRS), expected, atol=1e-5)
    for pair, score in zip(PAIRS, expected, strict=True):
        np.testing.assert_allclose(score_by_graph(tmp_path / "out", [pair]), [score], atol=1e-5)
    written = MatchingFile.load(tmp_path / "out")
    assert (written.decision("strict").threshold, written.decision("strict").calibration.scale) == (0.3, 1.0)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["id2label"] == {"0": "match"}


def test_padding_beyond_the_position_table_changes_nothing(tiny_matcher, tmp_path):
    # 64 positions, and 80 tokens in the longest row.
    matcher = tiny_matcher(n_layers=1, joint_from=1, budget=128)
    export_task_graph(matcher, tmp_path / "out", task="loose", plan=FLOAT32)
    pairs = [("天气", "天"), ("今天" * 19, "公园" * 19)]
    both = score_by_graph(tmp_path / "out", pairs)
    np.testing.assert_allclose(both, matcher.score(pairs, task="loose"), atol=1e-5)


def test_what_transformers_cannot_read_leaves_nothing_behind(tiny_matcher, tmp_path):
    with pytest.raises(InputError, match="transformers has no nezha model"):
        export_task_graph(tiny_matcher(model_type=ModelType.NEZHA), tmp_path / "out", task="loose", plan=FLOAT32)
    with pytest.raises(InputError, match="unknown task 'no'"):
        export_task_graph(tiny_matcher(), tmp_path / "out", task="no", plan=FLOAT32)
    assert not list(tmp_path.iterdir())
