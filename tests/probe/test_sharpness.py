"""The largest eigenvalue of a Hessian: against dense ones and closed forms, in small and in odd places."""

import pytest
import torch
from torch import nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from yanmo.errors import InputError
from yanmo.probe import sharpness


def quadratic(eigenvalues, *, seed=0):
    """A loss whose Hessian has these eigenvalues in a direction each drawn by chance, and its point."""
    torch.manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(len(eigenvalues), len(eigenvalues), dtype=torch.float64))[0]
    matrix = rotation @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ rotation.T
    x = torch.randn(len(eigenvalues), dtype=torch.float64, requires_grad=True)
    return lambda: x @ matrix @ x / 2, x


def network(width, *, n_examples=40):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(16, width), nn.Tanh(), nn.Linear(width, 10)).double()
    x, y = torch.randn(n_examples, 16, dtype=torch.float64), torch.randint(10, (n_examples,))
    return model, lambda m=model: nn.functional.cross_entropy(m(x), y)


class TestTheValue:
    @pytest.mark.parametrize(
        "eigenvalues",
        [[1.0, 2.0, 5.0], [-3.0, -2.0, -1.0], [-50.0, 0.1, 3.0, 3.0], [4.0] * 6, [7.0], [0.0, 0.0, 1e-6]],
    )
    def test_it_is_the_largest_of_a_quadratic_of_any_sign(self, eigenvalues):
        loss, x = quadratic(eigenvalues)
        found = sharpness(loss, [x])
        assert found.value == pytest.approx(max(eigenvalues), rel=2e-3)
        assert found.converged
        assert found.n_products <= len(set(eigenvalues))

    def test_it_is_the_dense_one_of_a_network(self):  # of 5,000 parameters: study edge-of-stability
        model, loss = network(24)
        named = dict(model.named_parameters())
        flat = torch.cat([p.detach().reshape(-1) for p in named.values()])

        def of_flat(v):
            sizes = [p.numel() for p in named.values()]
            parts = {name: part.view_as(named[name]) for name, part in zip(named, v.split(sizes), strict=True)}
            return loss(lambda x: functional_call(model, parts, (x,)))

        expected = torch.linalg.eigvalsh(hessian(of_flat, flat))[-1].item()
        found = sharpness(loss, model.parameters())
        assert found.value == pytest.approx(expected, rel=0.01)
        assert abs(found.value - expected) <= found.residual + 1e-9

    def test_the_residual_bounds_the_error_before_it_has_converged(self):
        loss, x = quadratic([float(i) for i in range(1, 41)])
        found = sharpness(loss, [x], n_products=6)
        assert not found.converged
        assert found.n_products == 6
        assert min(abs(found.value - i) for i in range(1, 41)) <= found.residual

    def test_float32_and_tied_and_frozen_parameters_and_what_the_loss_is_linear_in(self):
        model = network(8)[0].float()
        bias = nn.Parameter(torch.zeros(3))
        frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        x, y = torch.randn(20, 16), torch.randint(10, (20,))

        def single():
            return nn.functional.cross_entropy(model(x), y) + bias.sum()

        alone = sharpness(lambda: nn.functional.cross_entropy(model(x), y), model.parameters())
        several = sharpness(single, [*model.parameters(), *model.parameters(), bias, frozen])
        assert several.value == pytest.approx(alone.value, rel=5e-3)


class TestWhatItLeavesAsItWas:
    def test_gradients_generators_and_modes_stay(self):
        model, loss = network(8)
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        state = torch.get_rng_state()
        with torch.no_grad():
            sharpness(loss, model.parameters())
            assert not torch.is_grad_enabled()
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(p.grad, torch.ones_like(p)) for p in model.parameters())

    def test_the_same_seed_gives_the_same(self):
        model, loss = network(8)
        first, second, other = (sharpness(loss, model.parameters(), seed=seed) for seed in (0, 0, 1))
        assert first == second
        assert other.value == pytest.approx(first.value, rel=5e-3)


class TestAttentionAndCheckpointing:
    def test_fused_attention_can_be_asked(self):
        torch.manual_seed(0)
        x = torch.randn(2, 3, 5, 4, requires_grad=True)
        found = sharpness(lambda: nn.functional.scaled_dot_product_attention(x, x, x).square().sum(), [x])
        assert found.converged

    def test_checkpoints_without_reentry_can_be_asked(self):
        model, loss = network(8)
        plain = sharpness(loss, model.parameters())
        kept = sharpness(lambda: loss(lambda x: checkpoint(model, x, use_reentrant=False)), model.parameters())
        assert kept.value == pytest.approx(plain.value, rel=1e-6)


class TestBadInput:
    def test_each_is_refused_by_what_is_wrong(self):
        x = torch.zeros(2, requires_grad=True)
        model, loss = network(4)
        for problem, given in [
            ("one tensor", (lambda: x.sum(), x)),
            ("no parameter that learns", (lambda: x.sum(), [])),
            ("no parameter that learns", (lambda: x.sum(), [torch.zeros(2)])),
            ("no finite number", (lambda: (x - 1).log().sum(), [x])),
            ("no finite number", (lambda: x, [x])),
            ("does not hang on", (lambda: torch.tensor(1.0), [x])),
            ("linear", (lambda: x.sum(), [x])),
        ]:
            with pytest.raises(InputError, match=problem):
                sharpness(*given)
        for options in ({"tolerance": 0.0}, {"tolerance": 1.0}, {"n_products": 0}):
            with pytest.raises(InputError, match="tolerance"):
                sharpness(loss, model.parameters(), **options)

    def test_a_second_derivative_that_is_infinite_is_told(self):
        x = torch.zeros(1, requires_grad=True)
        with pytest.raises(InputError, match="second derivative"):
            sharpness(lambda: (x + 1e-30).pow(1.5).sum() * 1e30, [x])


def test_readings_and_the_rate():
    loss, x = quadratic([1.0, 4.0])
    found = sharpness(loss, [x])
    optimizer = torch.optim.SGD([{"params": [x], "lr": 0.25}, {"params": [torch.zeros(1)], "lr": 0.1}])
    assert found.rate_product(optimizer) == pytest.approx(1.0, rel=2e-3)
    assert found.readings()["sharpness/value"] == found.value
