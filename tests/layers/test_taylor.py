import math
from fractions import Fraction

import jaxtyping
import pytest
import torch

from yanmo.errors import InputError
from yanmo.layers import (
    MAX_ORDER,
    TaylorCrossEntropy,
    TaylorForm,
    log_taylor_polynomial,
    log_taylor_softmax,
    taylor_derivative,
    taylor_minimum,
    taylor_polynomial,
    taylor_softmax,
)

PLACES = [-1e4, -301.25, -12.0, -6.5, -2.75, -1.59607, -1.0, -0.5, 0.0, 1e-3, 0.75, 3.5, 40.0, 1e4]
ORDERS = [2, 4, 6, 10, 20, MAX_ORDER]
# Units in the last place that a product of 16 factors, or a logarithm of them, may lose.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}


def _exact(x, order):
    """The sum as it is defined, over rational numbers."""
    return sum((Fraction(x) ** k / math.factorial(k) for k in range(order + 1)), Fraction(0))


def _log(fraction):
    """Of a fraction too large for a float."""
    shift = fraction.numerator.bit_length() - fraction.denominator.bit_length()
    return math.log(fraction / Fraction(2) ** shift) + shift * math.log(2)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("order", ORDERS)
def test_values_and_logarithms_equal_the_exact_sum(order, dtype):
    x = torch.tensor(PLACES, dtype=dtype)
    exact = [_exact(place, order) for place in x.tolist()]
    log = log_taylor_polynomial(x, order=order)
    assert log.dtype == dtype
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(
        log.double(), torch.tensor([_log(f) for f in exact], dtype=torch.float64), atol=tolerance, rtol=tolerance
    )
    expected = torch.tensor([float(f) for f in exact], dtype=torch.float64).to(dtype)
    torch.testing.assert_close(taylor_polynomial(x, order=order), expected, atol=0, rtol=tolerance)


@pytest.mark.parametrize("order", [0, 1, 3, 5, 9])
def test_odd_orders_have_values_too_and_order_0_is_one(order):
    x = torch.tensor([p for p in PLACES if abs(p) < 100], dtype=torch.float64)
    expected = torch.tensor([float(_exact(p, order)) for p in x.tolist()], dtype=torch.float64)
    torch.testing.assert_close(taylor_polynomial(x, order=order), expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 6, 11])
def test_the_derivative_is_autograds(order):
    x = torch.linspace(-9, 9, 41, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(taylor_polynomial(x, order=order).sum() + 0 * x.sum(), x)
    torch.testing.assert_close(taylor_derivative(x.detach(), order=order), gradient, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("order", ORDERS)
def test_the_gradient_of_the_logarithm_is_finite_and_right(order, dtype):
    x = torch.tensor(PLACES, dtype=dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad(log_taylor_polynomial(x, order=order).sum(), x)
    expected = [float(_exact(p, order - 1) / _exact(p, order)) for p in x.tolist()]
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(
        gradient.double(), torch.tensor(expected, dtype=torch.float64), atol=tolerance, rtol=tolerance
    )


# As kexue.fm/archives/7919 prints them.
@pytest.mark.parametrize(
    ("order", "x", "value"),
    [
        (2, "-1", "0.5"),
        (4, "-1.59607", "0.270395"),
        (6, "-2.18061", "0.149325"),
        (8, "-2.759", "0.0832715"),
        (10, "-3.33355", "0.0466991"),
    ],
)
def test_the_minimum_is_the_published_one(order, x, value):
    found = taylor_minimum(order)
    assert f"{found.x:.6g}" == x
    assert f"{found.value:.6g}" == value


@pytest.mark.parametrize("order", range(2, MAX_ORDER + 1, 2))
def test_the_minimum_is_a_sign_change_of_the_exact_derivative(order):
    x, value = taylor_minimum(order)
    left, right = math.nextafter(math.nextafter(x, -100), -100), math.nextafter(math.nextafter(x, 0), 0)
    assert _exact(left, order - 1) < 0 < _exact(right, order - 1)
    assert value == pytest.approx(float(_exact(x, order)), rel=1e-14)
    assert value > 0


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("form", TaylorForm)
def test_softmax_normalizes_the_polynomial(order, form):
    x = torch.linspace(-6, 6, 24, dtype=torch.float64).view(2, 3, 4)
    place = taylor_minimum(order).x
    weights = [float(_exact(max(v, place) if form is TaylorForm.MONOTONE else v, order)) for v in x.flatten().tolist()]
    weight = torch.tensor(weights, dtype=torch.float64).view_as(x)
    for dim in (-1, 1):
        expected = weight / weight.sum(dim, keepdim=True)
        torch.testing.assert_close(taylor_softmax(x, order=order, form=form, dim=dim), expected)
        torch.testing.assert_close(log_taylor_softmax(x, order=order, form=form, dim=dim), expected.log())


@pytest.mark.parametrize("order", [2, 8])
def test_only_the_monotone_form_never_prefers_a_lower_logit(order):
    x = torch.linspace(-20, 5, 200, dtype=torch.float64, requires_grad=True)
    assert (taylor_softmax(x, order=order, form=TaylorForm.MONOTONE).diff() >= 0).all()
    assert (taylor_softmax(x, order=order).diff() < 0).any()
    far = torch.tensor([-50.0, 2.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(log_taylor_softmax(far, order=order, form=TaylorForm.MONOTONE)[1], far)
    assert gradient[0] == 0
    assert gradient[1] > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_huge_logits_give_probabilities_and_gradients(dtype):
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]], dtype=dtype, requires_grad=True)
    loss = TaylorCrossEntropy(order=4)(logits, torch.tensor([2, 0]))
    loss.backward()
    assert loss.dtype == dtype
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    torch.testing.assert_close(taylor_softmax(logits, order=4).sum(-1), torch.ones(2, dtype=dtype), atol=2e-3, rtol=0)


def _negative_log_of_the_share(logits, target, order):
    weight = torch.tensor([float(_exact(v, order)) for v in logits.tolist()], dtype=torch.float64)
    return -math.log(weight[target] / weight.sum())


def test_the_loss_has_the_options_of_torchs_own():
    logits, target = torch.randn(5, 4, dtype=torch.float64) * 3, torch.tensor([0, 3, -100, 1, 3])
    each = [_negative_log_of_the_share(row, t, 4) for row, t in zip(logits, target.tolist(), strict=True) if t >= 0]
    class_weight = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    shares = class_weight[target[target >= 0]]
    weighted = float((torch.tensor(each, dtype=torch.float64) * shares).sum() / shares.sum())
    assert TaylorCrossEntropy(order=4)(logits, target).item() == pytest.approx(sum(each) / 4)
    assert TaylorCrossEntropy(order=4, reduction="sum")(logits, target).item() == pytest.approx(sum(each))
    assert TaylorCrossEntropy(class_weight, order=4)(logits, target).item() == pytest.approx(weighted)
    none = TaylorCrossEntropy(order=4, reduction="none")(logits, target)
    assert none[target < 0].item() == 0
    assert none[target >= 0].tolist() == pytest.approx(each)
    smooth = TaylorCrossEntropy(order=4, label_smoothing=0.2, ignore_index=3)(logits[:1], target[:1])
    of_all = [_negative_log_of_the_share(logits[0], t, 4) for t in range(4)]
    assert smooth.item() == pytest.approx(0.8 * each[0] + 0.2 * sum(of_all) / 4)
    soft = torch.tensor([[0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)
    expected = sum(w * v for w, v in zip(soft[0].tolist(), of_all, strict=True))
    assert TaylorCrossEntropy(order=4)(logits[:1], soft).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    "refused",
    [
        lambda order: TaylorCrossEntropy(order=order),
        lambda order: taylor_softmax(torch.zeros(2), order=order),
        lambda order: log_taylor_polynomial(torch.zeros(2), order=order),
        taylor_minimum,
    ],
)
@pytest.mark.parametrize("order", [3, -2, MAX_ORDER + 2])
def test_an_order_that_is_not_positive_everywhere_is_refused(refused, order):
    with pytest.raises(InputError, match=rf"the order is {order}, expected an even one from 0 to {MAX_ORDER}.*Fix"):
        refused(order)


def test_a_constant_has_no_minimum_and_no_negative_order_a_value():
    with pytest.raises(InputError, match="order 0 is a constant"):
        taylor_minimum(0)
    with pytest.raises(InputError, match="the order is -1, expected one from 0"):
        taylor_polynomial(torch.zeros(1), order=-1)


@pytest.mark.parametrize("order", [2.0, "2"])
def test_an_order_is_a_whole_number(order, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a caller has no checks of types
    with pytest.raises(InputError, match=rf"the order is {order!r}, expected a whole number"):
        log_taylor_polynomial(torch.zeros(2), order=order)
