"""Each regularizer against something that is not itself: closed forms of quadratics, slow loops, finite differences."""

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from yanmo.errors import InputError
from yanmo.regularize import (
    Scope,
    fgm_backward,
    finite_difference_penalty_backward,
    flooding_loss,
    gradient_penalty_loss,
    pgd_backward,
    r_drop_loss,
    sam_backward,
    shifted_input,
    vat_backward,
)
from yanmo.regularize.backward import evaluate
from yanmo.regularize.divergence import divergence
from yanmo.regularize.leaves import learning_tensors

A = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)


def _quadratic():
    x = torch.tensor([0.7, -1.3], dtype=torch.float64, requires_grad=True)
    return x, lambda: x @ A @ x / 2


def test_fgm_of_a_quadratic():
    """The gradient at x + d is A(x + d)."""
    x, loss = _quadratic()
    start = x.detach().clone()
    losses = fgm_backward(loss, [x], epsilon=0.3)
    g = A @ start
    moved = start + 0.3 * g / math.hypot(*g.tolist())
    torch.testing.assert_close(x.grad, (g + A @ moved) / 2)
    torch.testing.assert_close(losses.adversarial, moved @ A @ moved / 2)


def test_fgm_by_example_moves_every_row_by_the_same_length():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.1], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    losses = fgm_backward(lambda: x.square().sum() / 2, [x], epsilon=1.0, scope=Scope.EXAMPLE)
    assert losses.adversarial.item() == pytest.approx((6.0**2 + 1.1**2) / 2)
    torch.testing.assert_close(x.grad, torch.tensor([[3.3, 4.4], [0.0, 0.6], [0.0, 0.0]], dtype=torch.float64))


def test_pgd_is_the_slow_loop():
    x, loss = _quadratic()
    a, start = A.numpy(), x.detach().numpy().copy()
    losses = pgd_backward(loss, [x], epsilon=0.5, n_steps=4)
    d = np.zeros(2)
    for _ in range(4):
        g = a @ (start + d)
        d = d + 1.5 * 0.5 / 4 * g / np.linalg.norm(g)
        if np.linalg.norm(d) > 0.5:
            d = d * 0.5 / np.linalg.norm(d)
    np.testing.assert_allclose(x.grad.numpy(), (a @ start + a @ (start + d)) / 2, rtol=1e-12)
    assert np.linalg.norm(d) == pytest.approx(0.5)
    one = _quadratic()
    other = _quadratic()
    pgd_backward(one[1], [one[0]], epsilon=0.5, n_steps=1)
    fgm_backward(other[1], [other[0]], epsilon=0.5)
    torch.testing.assert_close(one[0].grad, other[0].grad)
    assert losses.adversarial > losses.plain
    with pytest.raises(InputError, match="n_steps is 0, at least 1"):
        pgd_backward(one[1], [one[0]], epsilon=0.5, n_steps=0)


def test_vat_finds_the_top_of_the_fisher_matrix():
    """For logits W x the divergence is d' W'(diag p - p p')W d / 2: its top eigenvector, found by eigh."""
    w = torch.randn(4, 5, dtype=torch.float64)
    x = torch.randn(1, 5, dtype=torch.float64, requires_grad=True)
    p = torch.softmax(x.detach() @ w.T, -1)[0]
    fisher = w.T @ (torch.diag(p) - torch.outer(p, p)) @ w
    top = torch.linalg.eigvalsh(fisher)[-1]
    epsilon = 1e-3
    found = vat_backward(lambda: x @ w.T, [x], weight=1.0, epsilon=epsilon, probe_length=1e-4, n_iterations=60)
    assert found.item() == pytest.approx(top.item() * epsilon**2 / 2, rel=1e-3)


def test_vat_bends_weights_as_finite_differences_of_the_divergence_do():
    """With two classes the worst direction is that of w1 - w0, up to its sign."""
    w = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(1, 3, dtype=torch.float64, requires_grad=True)
    vat_backward(lambda: x @ w.T, [x], weight=2.0, epsilon=0.7, probe_length=1e-3)
    values, at = w.detach().numpy(), x.detach().numpy()[0]

    def softmax(z):
        return np.exp(z) / np.exp(z).sum()

    p = softmax(values @ at)
    direction = values[1] - values[0]
    expected = []
    for sign in (1, -1):
        moved = at + sign * 0.7 * direction / np.linalg.norm(direction)

        def kl(v, moved=moved):
            return float((p * np.log(p / softmax(v @ moved))).sum())

        slope = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[place] = 1e-6
            slope[place] = 2.0 * (kl(values + step) - kl(values - step)) / 2e-6
        expected.append(slope)
    assert min(np.abs(w.grad.numpy() - slope).max() for slope in expected) < 1e-6


class Network(nn.Module):
    """Attention, norm, tanh and gelu: whatever our encoders differentiate twice."""

    def __init__(self):
        super().__init__()
        self.q, self.v, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 1)
        self.norm = nn.LayerNorm(4)
        self.x = nn.Parameter(torch.randn(3, 5, 4))

    def forward(self):
        x = self.norm(self.x)
        y = F.scaled_dot_product_attention(self.q(x)[:, None], x[:, None], self.v(x)[:, None])[:, 0]
        return self.out(F.gelu(torch.tanh(y) + x)).mean(1).square().mean()


def _gradients(network, tensors):
    network.zero_grad()
    network().backward()
    return [t.grad.clone() for t in tensors]


@pytest.mark.parametrize("of", ["inputs", "parameters"])
def test_the_penalty_is_a_finite_difference_hessian_vector_product(of):
    """g + 2 weight H g, with H g from two plain gradients half a step either way."""
    network = Network().double()
    every = list(network.parameters())
    penalized = [network.x] if of == "inputs" else every
    weight, h = 0.8, 1e-5
    plain = _gradients(network, every)
    direction = [g for g, p in zip(plain, every, strict=True) if any(p is q for q in penalized)]
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            for p, g in zip(penalized, direction, strict=True):
                p.add_(g, alpha=sign * h)
        ends.append(_gradients(network, every))
        with torch.no_grad():
            for p, g in zip(penalized, direction, strict=True):
                p.sub_(g, alpha=sign * h)
    network.zero_grad()
    gradient_penalty_loss(network, penalized, weight=weight).backward()
    for p, g, up, down in zip(every, plain, *ends, strict=True):
        expected = g + 2 * weight * (up - down) / (2 * h)
        torch.testing.assert_close(p.grad, expected, rtol=1e-4, atol=1e-9)
        assert (expected - g).abs().max() > 1e-4 * g.abs().max()


def test_the_cheap_penalty_tends_to_the_exact_one_as_its_step_does():
    network = Network().double()
    every = list(network.parameters())
    network.zero_grad()
    gradient_penalty_loss(network, every, weight=0.8).backward()
    exact = torch.cat([p.grad.flatten().clone() for p in every])
    plain = torch.cat([g.flatten() for g in _gradients(network, every)])
    errors = []
    for step in (1e-2, 1e-3):
        network.zero_grad()
        found = finite_difference_penalty_backward(network, every, weight=0.8, step=step)
        errors.append((torch.cat([p.grad.flatten() for p in every]) - exact).norm().item())
        assert found.squared_norm.item() == pytest.approx(plain.square().sum().item())
    assert errors[1] / errors[0] == pytest.approx(0.1, rel=0.1)
    assert errors[1] < 1e-3 * (exact - plain).norm()
    with pytest.raises(InputError, match=r"step is 0\.0, a number above 0"):
        finite_difference_penalty_backward(network, every, weight=0.8, step=0.0)


def test_at_its_unit_weight_the_cheap_penalty_is_sharpness_aware_minimization():
    x, loss = _quadratic()
    g = A @ x.detach()
    finite_difference_penalty_backward(loss, [x], weight=0.05 / (2 * g.norm().item()), step=0.05)
    torch.testing.assert_close(x.grad, A @ (x.detach() + 0.05 * g / g.norm()))


def test_sharpness_aware_minimization_is_the_gradient_up_the_gradient():
    x, loss = _quadratic()
    start = x.detach().clone()
    g = A @ start
    losses = sam_backward(loss, [x], rho=0.3)
    moved = start + 0.3 * g / g.norm()
    torch.testing.assert_close(x.grad, A @ moved)
    assert torch.equal(x.detach(), start)
    assert losses.adversarial.item() == pytest.approx((moved @ A @ moved / 2).item())
    assert losses.plain.item() == pytest.approx((start @ A @ start / 2).item())
    # To first order it descends L + rho |g|, whose gradient is g + rho H g / |g|.
    torch.testing.assert_close(x.grad, g + 0.3 * A @ g / g.norm())


def test_two_flooded_steps_descend_the_gradients_norm():
    """Up and down around the level: x moves by -rate^2 H g to first order."""
    x, loss = _quadratic()
    rate, start = 1e-3, x.detach().clone()
    level = loss().item() - 1e-9
    for _ in range(2):
        x.grad = None
        flooding_loss(loss(), level=level).backward()
        with torch.no_grad():
            x -= rate * x.grad
    torch.testing.assert_close(x.detach() - start, -(rate**2) * A @ A @ start, rtol=1e-6, atol=0)


def test_r_drop_of_two_classes_in_closed_form():
    """Symmetric divergence of Bernoullis: (p0 - p1)(z0 - z1), of which half counts."""
    z = torch.tensor([[0.3, -1.0], [0.9, 0.4]], dtype=torch.float64, requires_grad=True)
    passes = iter(z)

    def one_pass():
        logit = next(passes)
        return logit.sum(), torch.stack([torch.zeros_like(logit), logit], -1)

    r_drop_loss(one_pass, weight=3.0).backward()
    z0, z1 = z.detach()
    p0, p1 = torch.sigmoid(z0), torch.sigmoid(z1)
    slope0 = p0 * (1 - p0) * (z0 - z1) + p0 - p1
    slope1 = p1 * (1 - p1) * (z1 - z0) + p1 - p0
    expected = 0.5 + 3.0 / 2 * torch.stack([slope0, slope1]) / 2
    torch.testing.assert_close(z.grad, expected)


def test_a_shifted_input_is_the_shift_and_leaves_no_hook():
    layer = nn.Linear(3, 2)
    offset = torch.randn(4, 3, requires_grad=True)
    x = torch.randn(4, 3)
    with shifted_input(layer, offset):
        y = layer(x)
    torch.testing.assert_close(y, F.linear(x + offset, layer.weight, layer.bias))
    torch.testing.assert_close(layer(x), F.linear(x, layer.weight, layer.bias))


def test_what_cannot_be_moved_is_named():
    frozen = torch.zeros(3, 2)
    with pytest.raises(InputError, match=r"shape \[3, 2\] is no leaf that requires a gradient"):
        fgm_backward(lambda: frozen.sum(), [frozen], epsilon=1.0)
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(InputError, match=r"shape \[2\], one number was expected"):
        fgm_backward(lambda: x * 2, [x], epsilon=1.0)
    with pytest.raises(InputError, match="backward did not carry"):
        fgm_backward(lambda: x.sum(), [x], epsilon=1.0, backward=lambda _: None)


def test_directions_survive_the_ends_of_the_number_range():
    for scale in (1e-30, 1e30):
        x = torch.tensor([3.0, 4.0], requires_grad=True)
        fgm_backward(lambda x=x, s=scale: (x * torch.tensor([3.0, 4.0]) * s).sum(), [x], epsilon=1.0)
        torch.testing.assert_close(x.grad / scale, torch.tensor([3.0, 4.0]))
    x = torch.zeros(2, dtype=torch.float16, requires_grad=True)
    losses = fgm_backward(lambda: (x * torch.tensor([3e-4, 4e-4], dtype=torch.float16)).sum(), [x], epsilon=1.0)
    assert losses.adversarial.item() == pytest.approx(5e-4, rel=1e-2)


def test_pgd_finds_its_way_where_float16_would_flush_the_gradient():
    """A linear loss of slope 3e-8, below half of float16's smallest number: the worst place is epsilon up the slope."""
    x = torch.tensor([1.0, 1.0], requires_grad=True)
    slope = torch.tensor([0.6, 0.8], dtype=torch.float16)

    def loss():
        return (x.half() * slope).float().sum() * 3e-8

    losses = pgd_backward(loss, [x], epsilon=1.0, backward=lambda loss: (loss * 2.0**20).backward())
    assert (losses.adversarial - losses.plain).item() == pytest.approx(3e-8, rel=1e-2)


def test_memory_that_two_tensors_share_is_not_moved_twice():
    model = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    model[1].weight.data = model[0].weight.data
    with pytest.raises(InputError, match="two different tensors share their memory"):
        fgm_backward(lambda: model[1](model[0](torch.ones(2))).sum(), model.parameters(), epsilon=1.0)


def test_a_gradient_of_an_embedding_may_be_sparse():
    table, other = nn.Embedding(5, 3, sparse=True), nn.Embedding(5, 3)
    other.load_state_dict(table.state_dict())
    for embedding in (table, other):
        fgm_backward(lambda e=embedding: e(torch.tensor([1, 1, 4])).square().sum(), [embedding.weight], epsilon=1.0)
    torch.testing.assert_close(table.weight.grad.to_dense(), other.weight.grad)


@pytest.mark.parametrize("reference", [[0.0, 1.0, -math.inf], [0.0, -math.inf, -math.inf], [-math.inf] * 3])
def test_the_divergence_is_over_the_classes_there_are(reference):
    rows = [torch.tensor(reference, dtype=torch.float64), torch.tensor(reference, dtype=torch.float64) + 0.5]
    rows[1][0] += 1
    there = rows[0] > -math.inf
    p, q = (row[there].softmax(0) for row in rows)
    p0, p1 = (row.clone().requires_grad_() for row in rows)
    found = divergence(p0[None], p1[None])
    assert found.item() == pytest.approx((p * (p.log() - q.log())).sum().item(), abs=1e-12)
    found.sum().backward()
    slope = torch.zeros(3, dtype=torch.float64)
    slope[there] = q - p
    torch.testing.assert_close(p1.grad, slope)
    assert torch.isfinite(p0.grad).all()


def test_a_class_that_only_one_prediction_masks_is_a_word_not_a_number():
    passes = iter([torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, -torch.inf]])])
    assert divergence(torch.zeros(1, 2), torch.tensor([[0.0, -torch.inf]])).item() == math.inf
    with pytest.raises(InputError, match="the loss is inf"):
        r_drop_loss(lambda: (torch.tensor(1.0), next(passes)), weight=1.0)


def test_a_loss_that_nothing_can_learn_from_is_refused():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad(), pytest.raises(InputError, match="depends on nothing that requires a gradient"):
        fgm_backward(lambda: x.sum(), [x], epsilon=1.0)


def test_a_loss_that_is_a_plain_number_is_refused():
    with pytest.raises(InputError, match="the loss is a float, a tensor was expected"):
        inspect.unwrap(evaluate)(lambda: 1.0)


def test_names_among_the_tensors_are_a_word_too():
    """Without the suite's own checks of types."""
    with pytest.raises(InputError, match="a tuple stands among the tensors"):
        inspect.unwrap(learning_tensors)(nn.Linear(2, 2).named_parameters())


def test_a_single_number_has_no_rows():
    x = torch.tensor(1.0, requires_grad=True)
    with pytest.raises(InputError, match="a single number has no rows"):
        fgm_backward(lambda: x.square(), [x], epsilon=1.0, scope=Scope.EXAMPLE)
