"""What holds for every loss and every attention kernel of the Taylor family, and for the softmax it stands beside."""

import math

import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.layers import (
    CausalLinearTaylorAttention,
    LinearTaylorAttention,
    PlainAttention,
    RelativeAttention,
    RotaryAttention,
    TaylorAttention,
    TaylorCrossEntropy,
    TaylorForm,
    log_taylor_softmax,
    taylor_softmax,
)

LOSSES = {"softmax": nn.CrossEntropyLoss} | {
    f"{order} {form.value}": lambda order=order, form=form, **more: TaylorCrossEntropy(order=order, form=form, **more)
    for order in (2, 4, 6, 20)
    for form in TaylorForm
}
HEAD = 6
BIDIRECTIONAL = {
    "plain": PlainAttention(),
    "rotary": RotaryAttention(HEAD),
    "relative": RelativeAttention(HEAD, max_distance=3),
    "taylor 2": TaylorAttention(2),
    "taylor 4": TaylorAttention(4),
    "taylor 6": TaylorAttention(6),
    "rotary taylor 4": RotaryAttention(HEAD, within=TaylorAttention(4)),
    "linear": LinearTaylorAttention(),
    "rotary linear": RotaryAttention(HEAD, within=LinearTaylorAttention()),
}
KERNELS = BIDIRECTIONAL | {"causal linear": CausalLinearTaylorAttention()}


@pytest.mark.parametrize("name", LOSSES)
class TestLoss:
    def test_equal_logits_cost_the_log_of_the_number_of_classes(self, name):
        for at in (0.0, 2.5):
            loss = LOSSES[name]()(torch.full((3, 5), at), torch.tensor([0, 2, 4]))
            assert loss.item() == pytest.approx(math.log(5), rel=1e-6)

    def test_one_class_costs_nothing(self, name):
        assert LOSSES[name]()(torch.randn(4, 1), torch.zeros(4, dtype=torch.int64)).item() == 0

    def test_the_mean_is_of_the_losses_one_by_one(self, name):
        logits, target = torch.randn(6, 5, dtype=torch.float64) * 3, torch.randint(0, 5, (6,))
        each = [LOSSES[name]()(row, label).item() for row, label in zip(logits, target, strict=True)]
        assert LOSSES[name](reduction="none")(logits, target).tolist() == pytest.approx(each)
        assert LOSSES[name]()(logits, target).item() == pytest.approx(sum(each) / 6)

    def test_further_axes_are_further_examples(self, name):
        logits, target = torch.randn(2, 5, 3, 4, dtype=torch.float64), torch.randint(0, 5, (2, 3, 4))
        flat = LOSSES[name]()(logits.movedim(1, -1).reshape(-1, 5), target.flatten())
        torch.testing.assert_close(LOSSES[name]()(logits, target), flat)

    def test_classes_have_no_order(self, name):
        logits, target, order = torch.randn(4, 5, dtype=torch.float64), torch.randint(0, 5, (4,)), torch.randperm(5)
        moved = LOSSES[name]()(logits[:, order], order.argsort()[target])
        torch.testing.assert_close(moved, LOSSES[name]()(logits, target))

    def test_gradients_are_right(self, name):
        logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: LOSSES[name]()(x, torch.tensor([0, 3, 1])), logits)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    def test_large_logits_are_finite_in_every_precision(self, name, dtype):
        logits = (torch.randn(8, 5) * 3000).clamp(-1e4, 1e4).to(dtype).requires_grad_()
        loss = LOSSES[name]()(logits, torch.randint(0, 5, (8,)))
        loss.backward()
        assert loss.dtype == dtype
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()

    def test_a_masked_class_is_one_that_is_not_there(self, name):
        logits, target = torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
        few, many = logits[:, :3].clone().requires_grad_(), logits.clone().requires_grad_()
        masked = torch.tensor([False, False, False, True, True])
        expected = LOSSES[name]()(few, target)
        found = LOSSES[name]()(many.masked_fill(masked, -torch.inf), target)
        torch.testing.assert_close(found, expected)
        expected.backward()
        found.backward()
        torch.testing.assert_close(many.grad[:, :3], few.grad)
        assert not many.grad[:, 3:].any()
        assert LOSSES[name]()(many.masked_fill(~masked, -torch.inf), target).item() == torch.inf

    def test_a_perceptron_learns_by_it(self, name):
        model, x = nn.Linear(3, 3), torch.eye(3).repeat(4, 1)
        optimizer, target = torch.optim.Adam(model.parameters(), lr=0.1), torch.arange(3).repeat(4)
        for _ in range(150):
            optimizer.zero_grad()
            loss = LOSSES[name]()(model(x), target)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.2


@pytest.mark.parametrize("form", TaylorForm)
@pytest.mark.parametrize("order", [2, 6, 20])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("mask", ["-inf", "lowest"])
def test_masked_logits_have_probability_0_and_no_gradient(form, order, dtype, mask):
    low = -torch.inf if mask == "-inf" else torch.finfo(dtype).min
    x = torch.tensor([[0.5, -1.0, low], [low, low, low], [low, 2.0, low]], dtype=dtype).requires_grad_()
    p, log_p = (f(x, order=order, form=form) for f in (taylor_softmax, log_taylor_softmax))
    torch.testing.assert_close(p[0, :2], taylor_softmax(x[0, :2], order=order, form=form))
    assert p[1].tolist() == [0, 0, 0]
    assert p[2].tolist() == [0, 1, 0]
    assert torch.equal(log_p == -torch.inf, p == 0)
    torch.testing.assert_close(taylor_softmax(x.T, order=order, form=form, dim=0), p.T)
    (p[0, 0] + p[1].sum() + log_p[0, 1] + log_p[2, 1]).backward()
    assert torch.isfinite(x.grad).all()
    assert not x.grad[x <= low].any()


@pytest.mark.parametrize("form", TaylorForm)
def test_an_example_of_masks_only_has_a_cost_but_no_gradient(form):
    x = torch.tensor([[-torch.inf] * 4, [0.0, 1.0, 0.0, 2.0]], requires_grad=True)
    each = TaylorCrossEntropy(order=2, form=form, reduction="none")(x, torch.tensor([1, 1]))
    assert each[0].item() == pytest.approx(math.log(4))
    each.sum().backward()
    assert torch.isfinite(x.grad).all()
    x.grad = None
    TaylorCrossEntropy(order=2, form=form)(x, torch.tensor([-100, 1])).backward()
    assert not x.grad[0].any()
    assert x.grad[1].any()


def test_a_form_may_be_its_word_and_nothing_else():
    x = torch.tensor([-8.0, 0.0, 1.0])
    for form in TaylorForm:
        assert torch.equal(taylor_softmax(x, order=2, form=form.value), taylor_softmax(x, order=2, form=form))
        by_word, by_member = (TaylorCrossEntropy(order=2, form=f)(x, torch.tensor(1)) for f in (form.value, form))
        assert torch.equal(by_word, by_member)
    assert taylor_softmax(x, order=2, form="plain")[0] > taylor_softmax(x, order=2, form="monotone")[0]
    for use in (taylor_softmax, log_taylor_softmax, lambda x, **more: TaylorCrossEntropy(**more)):
        with pytest.raises(InputError, match=r"form is 'round', which is no TaylorForm.*'plain', 'monotone'"):
            use(x, order=2, form="round")


def test_the_order_leads_to_softmax():
    logits, target = torch.randn(20, 6, dtype=torch.float64), torch.randint(0, 6, (20,))
    softmax = nn.CrossEntropyLoss()(logits, target)
    gaps = [(TaylorCrossEntropy(order=order)(logits, target) - softmax).abs().item() for order in (2, 6, 10, 14)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-5


def _inputs(seq, *, rows=2):
    return [torch.randn(rows, 3, seq, HEAD, dtype=torch.float64) for _ in range(3)]


def _attend(kernel, query, key, value, allowed=None):
    positions = torch.arange(query.shape[2]).expand(query.shape[0], -1)
    return kernel(query, key, value, position_ids=positions, allowed=allowed)


@pytest.mark.parametrize("name", KERNELS)
class TestAttention:
    def test_a_batch_is_its_rows(self, name):
        inputs = _inputs(140)
        together = _attend(KERNELS[name], *inputs)
        for row in range(2):
            alone = _attend(KERNELS[name], *(x[row : row + 1] for x in inputs))
            torch.testing.assert_close(together[row : row + 1], alone)

    def test_padding_changes_nothing(self, name):
        inputs, n = _inputs(140), 100
        allowed = (torch.arange(140) < n).expand(2, 1, 1, 140)
        padded = _attend(KERNELS[name], *inputs, allowed)
        torch.testing.assert_close(padded[:, :, :n], _attend(KERNELS[name], *(x[:, :, :n] for x in inputs)))

    def test_the_weights_of_a_token_add_up_to_one(self, name):
        if "relative" in name:
            pytest.skip("relative positions are added to the values")
        query, key, value = _inputs(140)
        constant = value[:, :, :1].expand_as(value)
        torch.testing.assert_close(_attend(KERNELS[name], query, key, constant), constant)

    def test_a_token_alone_gets_its_own_value(self, name):
        if "relative" in name:
            pytest.skip("relative positions are added to the values")
        query, key, value = _inputs(1)
        torch.testing.assert_close(_attend(KERNELS[name], query, key, value), value)

    def test_gradients_are_right(self, name):
        leaves = [x.requires_grad_() for x in _inputs(4, rows=1)]
        assert torch.autograd.gradcheck(lambda *x: _attend(KERNELS[name], *x), leaves)

    def test_all_padding_keeps_gradients_finite(self, name):
        if name in ("plain", "rotary"):
            pytest.skip("torch decides")
        leaves = [x.requires_grad_() for x in _inputs(5)]
        allowed = torch.tensor([True, False])[:, None, None, None].expand(2, 1, 1, 5)
        mixed = _attend(KERNELS[name], *leaves, allowed)
        mixed.sum().backward()
        assert torch.isfinite(mixed).all()
        assert all(torch.isfinite(x.grad).all() for x in leaves)


@pytest.mark.parametrize("name", [name for name in BIDIRECTIONAL if name not in ("relative",) and "rotary" not in name])
def test_without_positions_tokens_have_no_order(name):
    inputs, order = _inputs(140), torch.randperm(140)
    moved = _attend(KERNELS[name], *(x[:, :, order] for x in inputs))
    torch.testing.assert_close(moved, _attend(KERNELS[name], *inputs)[:, :, order])
