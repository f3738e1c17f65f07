import json
from copy import deepcopy

import numpy as np
import pytest
import torch

from yanmo.errors import InputError
from yanmo.export import WeightForm, WeightPlan, export_matcher, stored_weights
from yanmo.export.block_weights import quantize_blocks, restore_blocks
from yanmo.export.row_int8 import ROW_LIMIT, quantize_channels
from yanmo.match import Architecture
from yanmo.match.engines.graph_weights import classifier_of_graph
from yanmo.match.engines.torch_engine import TorchEngine

PAIRS = [("今天天气不错", "天气"), ("我们去公园" * 3, "学生去公园"), ("学", "园")]
SMALLEST = 16
"""Weights of a matrix from which on it is rounded."""


def _export(matcher, folder, monkeypatch, form):
    monkeypatch.setattr(stored_weights, "_SMALLEST", SMALLEST)
    export_matcher(matcher, folder, plan=WeightPlan.uniform(form))
    return folder


def _logits(matcher, classifier):
    rows = matcher.rows(PAIRS, tasks=("loose", "strict"))
    return TorchEngine(classifier, matcher.engine.config).logits(rows.rows, rows.row_tasks)


def _rounded(classifier, plan):
    """The network whose matrices are what the export's codes stand for; its tables are too narrow for blocks."""
    rounded = deepcopy(classifier)
    for name, module in rounded.named_modules():
        if isinstance(module, torch.nn.Linear) and module.weight.numel() >= SMALLEST:
            form = plan.form_of(name)
            if form is WeightForm.INT8_ROWS:
                codes, scales = quantize_channels(module.weight, limit=ROW_LIMIT)
                module.weight.data = codes * scales[:, None]
                continue
            blocks = quantize_blocks(module.weight, form)
            module.weight.data = restore_blocks(*blocks, form, n_columns=module.in_features)
    return rounded


@pytest.mark.parametrize(
    ("form", "changes"),
    [
        (WeightForm.INT4, {"conditional_from": 1, "side_vectors": True}),
        (WeightForm.INT8, {"separate_heads": True}),
        (WeightForm.INT4, {"conditional_from": None}),
        (WeightForm.INT8_ROWS, {"conditional_from": 1, "side_vectors": True}),
        (WeightForm.INT8_ROWS, {"conditional_from": 0, "separate_heads": True}),
    ],
)
def test_a_network_comes_back_as_its_graph_rounds_it(tiny_matcher, tmp_path, monkeypatch, form, changes):
    matcher = tiny_matcher(**changes)
    if changes.get("side_vectors"):
        matcher.engine.classifier.is_sided.fill_(1.0)
    folder = _export(matcher, tmp_path / "export", monkeypatch, form)
    architecture = Architecture.model_validate(matcher.matching.model)
    found, config = classifier_of_graph(folder, architecture, n_tasks=2)
    assert config == matcher.engine.config
    assert found.state_dict().keys() == matcher.engine.classifier.state_dict().keys()
    expected = _logits(matcher, _rounded(matcher.engine.classifier, WeightPlan.uniform(form)))
    np.testing.assert_allclose(_logits(matcher, found), expected, atol=2e-4, rtol=1e-4)


def test_a_weight_that_a_graph_does_not_name_is_said(tiny_matcher, tmp_path, monkeypatch):
    matcher = tiny_matcher()
    folder = _export(matcher, tmp_path / "export", monkeypatch, WeightForm.INT4_ROWS)
    with pytest.raises(InputError, match="query"):
        classifier_of_graph(folder, Architecture.model_validate(matcher.matching.model), n_tasks=2)


def test_what_is_no_graph_is_said(tiny_matcher, tmp_path):
    matcher = tiny_matcher()
    (tmp_path / "config.json").write_text(json.dumps(matcher.engine.config.to_hf()))
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match="no ONNX graph"):
        classifier_of_graph(tmp_path, Architecture.model_validate(matcher.matching.model), n_tasks=2)


def test_more_tasks_than_a_vector_has_numbers_are_refused(tmp_path):
    with pytest.raises(InputError, match="5 tasks"):
        classifier_of_graph(tmp_path, Architecture(condition_width=4), n_tasks=5)
