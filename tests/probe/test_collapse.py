import inspect
import math

import numpy as np
import pytest
import torch

from yanmo.errors import InputError
from yanmo.probe import AlarmAction, CollapseAlarm, CollapseLimits, CollapseVerdict, collapse_reading


def _unit(x):
    return [row / norm if (norm := np.linalg.norm(row)) else row for row in x.double().numpy()]


def _slowly(x):
    """std, uniformity and neighbor ratio by loops; the rank from eigenvalues of the covariance matrix."""
    u = _unit(x)
    n, width = len(u), len(u[0])
    std = np.mean([np.std([row[k] for row in u]) for k in range(width)]) * math.sqrt(width)
    apart = [[np.linalg.norm(u[i] - u[j]) for j in range(n) if j != i] for i in range(n)]
    uniformity = math.log(np.mean([math.exp(-2 * d * d) for row in apart for d in row]))
    ratio = np.mean([min(row) / np.mean(row) for row in apart])
    share = np.linalg.eigvalsh(np.cov(np.array(u).T, bias=True))
    share = share[share > 1e-14] / share.sum()
    return std, math.exp(-sum(s * math.log(s) for s in share)), uniformity, ratio


def test_the_numbers_are_those_of_loops():
    x = torch.randn(20, 7) * torch.rand(20, 1) + torch.tensor([1.0, 0, 0, 0, 0, 0, 0.5])
    reading = collapse_reading(x)
    found = (reading.std, reading.effective_rank, reading.uniformity, reading.neighbor_ratio)
    assert found == pytest.approx(_slowly(x), rel=1e-9)
    assert reading.alignment is None


def test_orthogonal_vectors_have_closed_forms():
    n = 24
    reading = collapse_reading(torch.eye(n) * 3)
    assert reading.std == pytest.approx(math.sqrt(1 - 1 / n))
    assert reading.effective_rank == pytest.approx(n - 1)
    assert reading.uniformity == pytest.approx(-4)
    assert reading.neighbor_ratio == pytest.approx(1)
    assert reading.verdict is CollapseVerdict.HEALTHY


def test_alignment_is_that_of_the_angle():
    x = torch.randn(8, 2)
    angle = 0.3
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    reading = collapse_reading(x, partners=5 * x @ turn)
    assert reading.alignment == pytest.approx(2 - 2 * math.cos(angle), rel=1e-5)


def test_a_rank_one_batch_is_collapsed_although_its_std_is_high():
    v = torch.randn(512)
    a = torch.tensor([1.0, -2.0, 3.0, -4.0] * 8)[:, None]
    reading = collapse_reading(a * v)
    # Half of the unit vectors are v / |v|, half are its negative.
    assert reading.std == pytest.approx((v.abs() / v.norm()).mean().item() * math.sqrt(512), rel=1e-5)
    assert 0.7 < reading.std < 0.9
    assert reading.effective_rank == pytest.approx(1)
    assert reading.verdict is CollapseVerdict.RANK_ONE


def test_noise_in_many_directions_does_not_hide_that_one_carries_everything():
    signs = torch.tensor([1.0, -1.0] * 64)[:, None]
    x = signs * torch.nn.functional.normalize(torch.randn(256), dim=0) + 0.01 * torch.randn(128, 256) / 16
    assert collapse_reading(x).verdict is CollapseVerdict.RANK_ONE


@pytest.mark.parametrize("x", [torch.ones(6, 4), torch.zeros(6, 4), torch.full((2, 3), -7.0), torch.ones(6, 4).half()])
def test_equal_and_zero_vectors_are_constant_and_give_numbers(x):
    reading = collapse_reading(x, partners=x)
    assert reading.verdict is CollapseVerdict.CONSTANT
    assert reading.collapsed
    numbers = (reading.std, reading.effective_rank, reading.uniformity, reading.neighbor_ratio, reading.alignment)
    assert numbers == pytest.approx((0, 0, 0, 0, 0), abs=1e-7)


def test_nearly_equal_vectors_are_constant_too():
    x = torch.ones(32, 64) + 1e-3 * torch.randn(32, 64)
    assert collapse_reading(x).verdict is CollapseVerdict.CONSTANT


def test_a_zero_row_among_others_is_a_row_at_the_origin():
    x = torch.eye(5)
    x[4] = 0
    reading = collapse_reading(x)
    assert reading.neighbor_ratio == pytest.approx((4 / (3 / 4 * math.sqrt(2) + 1 / 4) + 1) / 5)


def test_two_vectors_are_judged_by_their_own_rank():
    assert collapse_reading(torch.tensor([[1.0, 2.0], [-2.0, -4.0]])).verdict is CollapseVerdict.RANK_ONE
    assert collapse_reading(torch.tensor([[1.0, 2.0], [2.0, -1.0]])).verdict is CollapseVerdict.HEALTHY
    assert collapse_reading(torch.randn(3, 8)).verdict is CollapseVerdict.HEALTHY
    assert collapse_reading(torch.randn(3, 1) @ torch.randn(1, 8)).collapsed


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(1, 8), "a batch of 1 vectors of width 8.*at least 2 vectors.*larger batch"),
        (torch.ones(0, 8), "a batch of 0"),
        (torch.ones(4, 0), "of width 0"),
        (torch.tensor([[1.0], [float("nan")]]), "NaN or an infinity"),
    ],
)
def test_what_cannot_be_read_is_refused(x, message):
    with pytest.raises(InputError, match=message):
        collapse_reading(x)


def test_limits_move_the_verdict_and_are_checked():
    x = torch.ones(64, 16) + 0.2 * torch.randn(64, 16)
    assert not collapse_reading(x).collapsed
    assert collapse_reading(x, limits=CollapseLimits(std=0.5)).verdict is CollapseVerdict.CONSTANT
    assert collapse_reading(torch.randn(64, 4), limits=CollapseLimits(effective_rank=3.99)).collapsed
    with pytest.raises(InputError, match=r"std is 0.0, expected between 0 and 1"):
        CollapseLimits(std=0.0)
    with pytest.raises(InputError, match=r"effective rank is 1.0, expected above 1"):
        CollapseLimits(effective_rank=1.0)
    with pytest.raises(InputError, match=r"neighbor ratio is 1.0, expected from 0 to 1"):
        CollapseLimits(neighbor_ratio=1.0)
    assert not collapse_reading(torch.randn(64, 3) @ torch.randn(3, 64), limits=CollapseLimits(low_rank=2.0)).collapsed


def test_trackers_get_plain_numbers_by_name():
    x = torch.randn(8, 4)
    numbers = collapse_reading(x, partners=x).readings("vectors")
    assert set(numbers) == {
        f"collapse/vectors_{name}" for name in ("std", "effective_rank", "uniformity", "neighbor_ratio", "alignment")
    }
    assert all(type(value) is float for value in numbers.values())
    assert len(collapse_reading(x).readings("z")) == 4


class TestAlarm:
    good, bad = collapse_reading(torch.eye(8)), collapse_reading(torch.ones(8, 8))

    def test_only_a_row_of_collapsed_readings_sets_it_off_and_again_after_as_many(self):
        alarm = CollapseAlarm(patience=2)
        order = [self.bad, self.good, self.bad, self.bad, self.bad, self.bad, self.good]
        assert [alarm.sees(one) for one in order] == [False, False, False, True, False, True, False]

    def test_one_of_several_is_enough(self):
        alarm = CollapseAlarm(patience=1)
        assert not alarm.sees(self.good, self.good)
        assert alarm.sees(self.good, self.bad)

    def test_it_goes_on_from_its_count(self):
        first, second = CollapseAlarm(patience=3), CollapseAlarm(patience=3)
        first.sees(self.bad)
        first.sees(self.bad)
        second.n_collapsed = first.n_collapsed
        assert second.sees(self.bad)

    def test_patience_is_checked(self):
        with pytest.raises(InputError, match="patience is 0, expected at least 1"):
            CollapseAlarm(patience=0)

    def test_actions_are_a_closed_choice(self):
        assert [action.value for action in AlarmAction] == ["warn", "stop", "slow"]


def test_vectors_of_another_shape_are_refused():
    """Without the suite's own checks of shapes."""
    unchecked = inspect.unwrap(collapse_reading)
    with pytest.raises(InputError, match=r"vectors of shape \[2, 3, 4\].*pool the tokens"):
        unchecked(torch.randn(2, 3, 4))
    with pytest.raises(InputError, match=r"partners of shape \[1, 4\] came with vectors of shape \[8, 4\]"):
        unchecked(torch.randn(8, 4), partners=torch.randn(1, 4))
