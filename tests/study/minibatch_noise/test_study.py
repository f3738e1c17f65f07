"""What an epoch adds: closed forms on a quadratic, all orders by hand, and the whole study in its quick form."""

import json
from itertools import permutations

import pytest
import torch

pytest.importorskip("matplotlib")

from rich.console import Console

from yanmo.errors import InputError
from yanmo.study.minibatch_noise.epochs import NoiseFlow, epoch_distance, mean_epoch
from yanmo.study.minibatch_noise.losses import BatchedLoss, network_loss, product_loss, quadratic_loss
from yanmo.study.minibatch_noise.study import run_minibatch_noise
from yanmo.study.outcome import save_outcome


def test_the_mean_epoch_is_that_of_all_orders_by_hand():
    example, rate = product_loss(), 0.05
    ends = []
    for order in permutations(range(4)):
        x = example.start.clone().requires_grad_()
        optimizer = torch.optim.SGD([x], lr=rate)
        for i in order:
            optimizer.zero_grad()
            example.batches[i](x).backward()
            optimizer.step()
        ends.append(x.detach())
    torch.testing.assert_close(mean_epoch(example, rate=rate), torch.stack(ends).mean(0), rtol=1e-14, atol=0)


def test_second_order_is_the_formula():
    # x - g m grad L + g^2/2 (m^2 H grad L - sum H_i grad L_i), on a quadratic with known H_i.
    example = quadratic_loss()
    hessians = [torch.autograd.functional.hessian(loss, example.start) for loss in example.batches]
    slopes = [torch.autograd.functional.jacobian(loss, example.start) for loss in example.batches]
    mean = sum(slopes) / 4
    curve = 16 * (sum(hessians) / 4) @ mean - sum(h @ s for h, s in zip(hessians, slopes, strict=True))
    for rate in (1e-4, 2e-4):
        expected = example.start - 4 * rate * mean + rate**2 / 2 * curve
        gap = (mean_epoch(example, rate=rate) - expected).norm().item()
        assert gap < 60 * rate**3 * max(h.norm().item() for h in hessians) ** 2 * mean.norm().item()


def test_equal_batches_have_no_noise():
    loss = product_loss().batches[1]
    example = BatchedLoss("equal", (loss,) * 3, torch.tensor([1.5, 0.7], dtype=torch.float64))
    end = mean_epoch(example, rate=0.01)
    full, noisy = (
        epoch_distance(example, end, rate=0.01, flow=flow) for flow in (NoiseFlow.FULL_BATCH, NoiseFlow.MINIBATCH)
    )
    assert full == pytest.approx(noisy, rel=1e-6)
    assert full < epoch_distance(example, end, rate=0.01, flow="L") / 10


def test_the_network_s_batches_are_examples_of_their_own():
    example = network_loss(n_examples=3, hidden_width=2)
    losses = {loss(example.start).item() for loss in example.batches}
    assert len(losses) == 4
    assert len(example.start) == 64 * 2 + 2 + 2 * 10 + 10


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_has_the_slopes(tmp_path):
    outcome = run_minibatch_noise(quick=True, data=None, console=Console(quiet=True))
    written = save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    assert [path.name for path in written] == ["minibatch_noise.json", "minibatch_noise_epochs.png"]
    for row in json.loads(written[0].read_text())["numbers"]["losses"]:
        for flow in NoiseFlow:
            assert row["slopes"][flow.value] == pytest.approx(flow.expected_slope, abs=0.05)


def test_data_that_would_be_ignored_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"makes its own losses"):
        run_minibatch_noise(quick=True, data=tmp_path, console=Console(quiet=True))
