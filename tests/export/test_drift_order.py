import numpy as np
import pytest
import torch

from yanmo.errors import InputError
from yanmo.export import stored_weights as stored
from yanmo.export.drift_order import linears_by_drift
from yanmo.export.folded import FoldedClassifier
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.match import Matcher
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize import PairBudget

PAIRS = [("今天天气不错", "天气"), ("我们去公园", "学生去公园"), ("学", "园"), ("不错", "今天")]


@pytest.fixture(autouse=True)
def _small_matrices_count(monkeypatch):
    monkeypatch.setattr(stored, "_SMALLEST", 8 * 8)


@pytest.mark.parametrize("form", [WeightForm.INT8, WeightForm.INT8_ROWS, WeightForm.INT4, WeightForm.INT4_ROWS])
def test_the_estimate_is_what_rounding_one_layer_alone_does(tiny_matcher, form):
    matcher = tiny_matcher()
    plan = WeightPlan.uniform(form)
    estimate = dict(linears_by_drift(matcher, {"strict": PAIRS}, plan=plan))
    assert list(estimate.values()) == sorted(estimate.values(), reverse=True)
    assert len(estimate) == 2 * 6 + 1
    budget = PairBudget(128, 128)
    batch = collate(matcher.pair_encoder.encode_batch(PAIRS, budgets=budget), pad_id=1)
    fields = (batch.token_ids, batch.type_ids, batch.position_ids, batch.side, batch.mask)
    tasks = torch.ones(len(PAIRS), dtype=torch.int64)

    def logits(rounded):
        model = FoldedClassifier(matcher.engine.classifier)
        if rounded is not None:
            layer = model.get_submodule(rounded)
            kind = plan.form_of(rounded)
            weight = _nearest(layer.weight, kind)
            layer.register_forward_hook(
                lambda layer, given, _: torch.nn.functional.linear(_nearest_rows(given[0], kind), weight, layer.bias)
            )
        with torch.no_grad():
            return model(*fields, tasks)

    exact = logits(None)
    for name, expected in estimate.items():
        moved = float((logits(name) - exact).abs().mean())
        # First order: exact for the last layers, near for the first.
        assert moved == pytest.approx(expected, rel=0.6, abs=2e-4), name


def _nearest(weight, form):
    """Rounds a matrix narrower than a block: one scale a row, from the largest weight."""
    weight = weight.detach()
    if form is WeightForm.INT4_ROWS:
        return _nearest(_nearest(weight, WeightForm.INT4), WeightForm.INT8_ROWS)
    if form is WeightForm.INT8_ROWS:
        step = weight.abs().amax(-1, keepdim=True) / 63
        return (weight / step).round() * step
    half = 2 ** (form.bits - 1)
    extreme = weight.gather(-1, weight.abs().argmax(-1, keepdim=True))
    tried = []
    for factor in np.arange(1, 0.69, -0.025) if form is WeightForm.INT4 else [1.0]:
        step = extreme * (-float(factor) / half)
        tried.append((weight / step).round().clamp(-half, half - 1) * step)
    every = torch.stack(tried)
    best = (every - weight).square().sum(-1).argmin(0)
    return every[best, torch.arange(len(weight))]


def _nearest_rows(x, form):
    if form not in (WeightForm.INT8_ROWS, WeightForm.INT4_ROWS) and x.shape[-1] > form.block:
        raise AssertionError("the tiny model has one block a row")
    step = x.abs().amax(-1, keepdim=True).clamp(min=1e-30) / 127
    return (x / step).round() * step


def test_layers_that_stay_float_are_not_listed(tiny_matcher):
    mixed = WeightPlan(WeightForm.FLOAT32, WeightForm.FLOAT32, WeightForm.INT8, upper_from=1)
    names = [name for name, _ in linears_by_drift(tiny_matcher(), {"loose": PAIRS}, plan=mixed)]
    assert all(name.startswith(("encoder.blocks.1.", "head.")) for name in names)


def test_an_export_has_no_gradients(exported):
    with pytest.raises(InputError, match="only a matcher with torch weights"):
        linears_by_drift(
            Matcher.from_pretrained(exported[1]), {"loose": PAIRS}, plan=WeightPlan.uniform(WeightForm.INT8)
        )


def test_where_nothing_is_rounded_there_is_no_order(tiny_matcher):
    assert linears_by_drift(tiny_matcher(), {"loose": PAIRS}, plan=WeightPlan.uniform(WeightForm.FLOAT32)) == []
