"""What every regularizer must do, on one small network with dropout: act, leave nothing behind, and add up."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from yanmo.errors import InputError
from yanmo.regularize import MEMBERS, Batch, plain_backward, vat_backward


class Toy(nn.Module):
    def __init__(self, dropout=0.3):
        super().__init__()
        self.table = nn.Embedding(11, 6)
        self.dropout = nn.Dropout(dropout)
        self.up, self.out = nn.Linear(6, 7), nn.Linear(7, 3)
        self.ids = torch.randint(11, (5, 4))
        self.labels = torch.randint(3, (5,))

    def one_pass(self) -> tuple[Tensor, Tensor]:
        x = self.dropout(self.table(self.ids))
        x = F.scaled_dot_product_attention(x, x, x).mean(1)
        logits = self.out(self.dropout(torch.tanh(self.up(x))))
        return F.cross_entropy(logits, self.labels), logits

    def loss(self) -> Tensor:
        return self.one_pass()[0]

    def logits(self) -> Tensor:
        return self.one_pass()[1]

    def run(self, member, strength, backward=plain_backward):
        batch = Batch(self.one_pass, [self.table.weight], self.parameters())
        member.run(batch, strength=strength, backward=backward)


every = pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS.keys())


def _plain(toy):
    return _same_dropout(toy, lambda: toy.loss().backward())


def _gradient(toy, member, strength, **more):
    return _same_dropout(toy, lambda: toy.run(member, strength, **more))


def _same_dropout(toy, step):
    """The gradient of one step from no gradient, always with the same dropout."""
    toy.zero_grad()
    torch.manual_seed(7)
    step()
    return [p.grad.clone() for p in toy.parameters()]


def _flat(tensors):
    return torch.cat([t.flatten() for t in tensors])


@every
def test_it_acts(member):
    """A disguised multiple of the plain gradient would show a cosine of 1."""
    toy = Toy().double()
    plain, bent = _flat(_plain(toy)), _flat(_gradient(toy, member, member.strength))
    assert torch.cosine_similarity(plain, bent, dim=0) < 0.9999


@every
def test_strength_zero_is_the_plain_step_bit_for_bit_in_one_pass(member):
    toy = Toy()
    calls = []
    original = toy.one_pass
    toy.one_pass = lambda: (calls.append(1), original())[1]
    expected = _plain(toy)
    after = torch.get_rng_state()
    calls.clear()
    found = _gradient(toy, member, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert torch.equal(torch.get_rng_state(), after)
    assert len(calls) == 1


@every
def test_a_small_strength_does_little(member):
    """FGM's common form would double the gradient here."""
    toy = Toy().double()
    plain, bent = _flat(_plain(toy)), _flat(_gradient(toy, member, 1e-7))
    if member is MEMBERS["r_drop"]:  # its loss is the mean over two dropouts
        torch.manual_seed(7)
        toy.zero_grad()
        ((toy.loss() + toy.loss()) / 2).backward()
        plain = _flat([p.grad for p in toy.parameters()])
    torch.testing.assert_close(bent, plain, atol=1e-5, rtol=0)


@every
@pytest.mark.parametrize("strength", [-0.5, float("nan"), float("inf")])
def test_a_strength_that_is_none_is_refused(member, strength):
    with pytest.raises(InputError, match=rf"is {strength}, a number from 0 up was expected\. Fix: 0 turns"):
        _gradient(Toy(), member, strength)


@every
def test_parameters_are_the_same_afterwards_also_when_any_pass_raises(member):
    toy = Toy()
    before = [p.detach().clone() for p in toy.parameters()]
    original = toy.one_pass
    for n_good in range(member.n_passes + 1):
        left = iter(range(n_good))

        def one_pass(left=left, failing=n_good < member.n_passes):
            if failing and next(left, None) is None:
                raise ZeroDivisionError
            return original()

        toy.one_pass = one_pass
        if n_good < member.n_passes:
            with pytest.raises(ZeroDivisionError):
                _gradient(toy, member, member.strength)
        else:
            _gradient(toy, member, member.strength)
        assert all(torch.equal(a, b) for a, b in zip(before, toy.parameters(), strict=True))
        assert not toy.table.weight._backward_hooks


@every
def test_it_adds_to_gradients_that_are_there_and_is_not_led_by_them(member):
    toy = Toy().double()
    alone = _gradient(toy, member, member.strength)
    there = [torch.randn_like(p) * 10 for p in toy.parameters()]
    for p, g in zip(toy.parameters(), there, strict=True):
        p.grad = g.clone()
    torch.manual_seed(7)
    toy.run(member, member.strength)
    for p, g, a in zip(toy.parameters(), there, alone, strict=True):
        torch.testing.assert_close(p.grad, g + a)


@every
def test_a_scaled_backward_scales_the_whole_gradient(member):
    """As accumulation (a share of the loss) and float16 scalers do."""
    toy = Toy().double()
    expected = _gradient(toy, member, member.strength)
    for factor in (0.25, 1024.0):
        found = _gradient(toy, member, member.strength, backward=lambda loss, f=factor: (loss * f).backward())
        for a, b in zip(expected, found, strict=True):
            torch.testing.assert_close(b, a * factor)


@every
def test_every_pass_drops_the_same_components_and_those_of_r_drop_others(member):
    toy = Toy(0.5)
    masks = []
    toy.dropout.register_forward_hook(lambda m, inputs, output: masks.append(output.detach() == 0))
    _gradient(toy, member, member.strength)
    assert len(masks) == 2 * member.n_passes
    assert 0 < masks[0].double().mean() < 1
    passes = [torch.cat([a.flatten(), b.flatten()]) for a, b in zip(masks[::2], masks[1::2], strict=True)]
    if member is MEMBERS["r_drop"]:
        assert not torch.equal(*passes)
        return
    of_its_own = passes[1:] if member is MEMBERS["vat"] else passes  # the first is that of the loss it is added to
    assert all(torch.equal(mask, of_its_own[0]) for mask in of_its_own)


@every
def test_later_draws_are_those_of_the_plain_run(member):
    toy = Toy()
    _plain(toy)
    after = torch.get_rng_state()
    _gradient(toy, member, member.strength)
    draws_more = member in (MEMBERS["r_drop"], MEMBERS["vat"])  # another dropout, and a random direction
    assert torch.equal(torch.get_rng_state(), after) == (not draws_more)


@every
def test_nothing_is_nan_where_the_gradient_is_zero(member):
    toy = Toy()
    nn.init.zeros_(toy.out.weight)
    nn.init.zeros_(toy.table.weight)
    assert all(torch.isfinite(g).all() for g in _gradient(toy, member, member.strength))
    with torch.no_grad():
        toy.out.bias.copy_(torch.tensor([100.0, 0.0, 0.0]))
    toy.labels.zero_()
    assert all(torch.isfinite(g).all() for g in _gradient(toy, member, member.strength))


@every
def test_a_loss_that_is_not_finite_stops_with_a_word(member):
    if member is MEMBERS["flooding"]:
        return  # is given a loss, not a function
    toy = Toy()
    with torch.no_grad():
        toy.up.bias[0] = float("nan")
    if member is MEMBERS["vat"]:
        with pytest.raises(InputError, match=r"the loss is nan.*first_nonfinite"):
            vat_backward(toy.logits, [toy.table.weight], weight=1.0, epsilon=1.0)
        return
    with pytest.raises(InputError, match=r"the loss is nan.*first_nonfinite"):
        _gradient(toy, member, member.strength)
