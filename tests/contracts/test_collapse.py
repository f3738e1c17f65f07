"""What holds for every reading of collapse, and for every siamese method that is read."""

import math

import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.layers import predictor_head, projector_head
from yanmo.probe import CollapseAlarm, CollapseVerdict, collapse_reading
from yanmo.vectors.byol import Byol
from yanmo.vectors.simsiam import SimSiam

NUMBERS = ("std", "effective_rank", "uniformity", "neighbor_ratio", "alignment")


def _draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def _orthogonal(width):
    return torch.linalg.qr(_draw(width, width))[0]


BATCHES = {
    "isotropic": _draw(40, 12),
    "narrow cone": _draw(40, 12) + 3 * torch.ones(12, dtype=torch.float64),
    "clumps": _draw(4, 12).repeat(10, 1) + 0.01 * _draw(40, 12),
    "half zeros": torch.cat([_draw(20, 12), torch.zeros(20, 12, dtype=torch.float64)]),
    "wide and few": _draw(5, 200),
    "four directions": _draw(40, 4) @ _draw(4, 12),
    "constant": torch.ones(40, 12, dtype=torch.float64) * -2,
    "almost constant": torch.ones(40, 12, dtype=torch.float64) + 1e-3 * _draw(40, 12),
    "zero": torch.zeros(40, 12, dtype=torch.float64),
    "a line": _draw(40, 1) @ _draw(1, 12),
    "a plane": _draw(40, 2) @ _draw(2, 12),
    "three directions of many": _draw(64, 3) @ _draw(3, 64),
    "ten clumps": _draw(10, 64).repeat(7, 1)[:64] + 0.05 * _draw(64, 64),
    "each text twice in a quarter": torch.cat([_draw(48, 64), _draw(48, 64)[:16]]),
    "few rows, some alike": _draw(4, 64).repeat(2, 1),
    "a line of two": torch.tensor([[1.0, 2, 3], [-1, -2, -3]], dtype=torch.float64),
}
COLLAPSED = {
    "constant": CollapseVerdict.CONSTANT,
    "almost constant": CollapseVerdict.CONSTANT,
    "zero": CollapseVerdict.CONSTANT,
    "a line": CollapseVerdict.RANK_ONE,
    "a plane": CollapseVerdict.RANK_ONE,  # the limit of 2 is that of a plane used evenly
    "a line of two": CollapseVerdict.RANK_ONE,
    "three directions of many": CollapseVerdict.LOW_RANK,
    "ten clumps": CollapseVerdict.CLUSTERED,
    "clumps": CollapseVerdict.CLUSTERED,
}


def _numbers(x, partners):
    reading = collapse_reading(x, partners=partners)
    return [getattr(reading, name) for name in NUMBERS]


@pytest.mark.parametrize("name", BATCHES)
class TestReading:
    def test_the_verdict_is_the_right_one(self, name):
        expected = COLLAPSED.get(name, CollapseVerdict.HEALTHY)
        reading = collapse_reading(BATCHES[name])
        assert reading.verdict is expected
        assert reading.collapsed == (name in COLLAPSED)

    def test_every_number_is_finite_and_within_its_bounds(self, name):
        x = BATCHES[name]
        std, rank, uniformity, ratio, alignment = _numbers(x, x.flip(0))
        assert 0 <= std <= 1 + 1e-12
        assert 0 <= rank <= min(len(x), x.shape[1]) + 1e-9
        assert -8 <= uniformity <= 1e-12
        assert 0 <= ratio <= 1 + 1e-12
        assert 0 <= alignment <= 4 + 1e-12

    def test_neither_order_nor_lengths_matter(self, name):
        x = BATCHES[name]
        expected = _numbers(x, x.roll(1, 0))
        order = torch.randperm(len(x))
        assert _numbers(x[order], x.roll(1, 0)[order]) == pytest.approx(expected, abs=1e-9)
        lengths = 10 ** torch.linspace(-3, 3, len(x), dtype=torch.float64)[:, None]
        assert _numbers(x * lengths, x.roll(1, 0) / lengths) == pytest.approx(expected, abs=1e-9)

    def test_turning_space_changes_nothing_but_std(self, name):
        x = BATCHES[name]
        turned = x @ _orthogonal(x.shape[1])
        assert _numbers(turned, turned.roll(1, 0))[1:] == pytest.approx(_numbers(x, x.roll(1, 0))[1:], abs=1e-6)
        assert collapse_reading(turned).verdict is collapse_reading(x).verdict

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
    def test_half_precision_reads_the_same_verdict(self, name, dtype):
        x = BATCHES[name]
        assert collapse_reading(x.to(dtype)).verdict is collapse_reading(x).verdict

    def test_nothing_is_changed_and_no_graph_is_kept(self, name):
        x = BATCHES[name].clone().requires_grad_()
        collapse_reading(x, partners=x)
        assert torch.equal(x, BATCHES[name])
        assert x.grad is None

    def test_collapsed_batches_and_only_they_set_off_an_alarm(self, name):
        alarm = CollapseAlarm(patience=2)
        assert [alarm.sees(collapse_reading(BATCHES[name])) for _ in range(2)] == [False, name in COLLAPSED]


def test_a_batch_of_one_is_refused():
    with pytest.raises(InputError, match="at least 2 vectors"):
        collapse_reading(torch.ones(1, 4))


def _simsiam(encoder):
    heads = projector_head(5, hidden_width=8, out_width=6), predictor_head(6, hidden_width=3)
    return SimSiam(encoder, projector=heads[0], predictor=heads[1])


def _byol(encoder):
    heads = projector_head(5, hidden_width=8, out_width=6, n_layers=2), predictor_head(6, hidden_width=8)
    return Byol(encoder, projector=heads[0], predictor=heads[1], decay=0.9)


@pytest.mark.parametrize("method", [_simsiam, _byol])
class TestMethod:
    def test_the_loss_is_a_distance_and_everything_learns(self, method):
        model = method(nn.Linear(4, 5))
        found = model(torch.randn(32, 4))
        assert 0 <= found.loss.item() <= 2
        found.loss.backward()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                assert torch.isfinite(parameter.grad).all(), name
                assert parameter.grad.any(), name

    def test_swapping_the_views_changes_nothing(self, method):
        model = method(nn.Linear(4, 5))
        x = torch.randn(32, 4)
        assert model(x).loss.item() == pytest.approx(model(x.roll(16, 0)).loss.item(), abs=1e-6)

    def test_equal_and_zero_inputs_give_finite_gradients(self, method):
        for x in (torch.zeros(8, 4), torch.ones(8, 4)):
            model = method(nn.Linear(4, 5, bias=False))
            loss = model(x).loss
            loss.backward()
            assert math.isfinite(loss.item())
            assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    def test_what_is_read_is_what_was_compared(self, method):
        found = method(nn.Linear(4, 5))(torch.randn(64, 4))
        for name, (x, partners) in {"vectors": found.vectors, "projections": found.projections}.items():
            assert not x.requires_grad, name
            assert not collapse_reading(x, partners=partners).collapsed, name

    def test_one_input_is_no_batch(self, method):
        with pytest.raises(InputError, match="two views of at least 2 inputs"):
            method(nn.Linear(4, 5))(torch.randn(2, 4))
