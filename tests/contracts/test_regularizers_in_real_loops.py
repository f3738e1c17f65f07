"""What every regularizer must do where gradients are cast, scaled, checkpointed, shared, frozen or masked."""

from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from yanmo.errors import InputError
from yanmo.probe import implicit_regularization
from yanmo.regularize import MEMBERS, Batch, Scope, fgm_backward, pgd_backward, plain_backward, vat_backward

every = pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS.keys())
MOVING = [name for name in MEMBERS if name not in ("flooding", "r_drop")]
moving = pytest.mark.parametrize("member", [MEMBERS[name] for name in MOVING], ids=MOVING)
THROUGH_AUTOGRAD_GRAD = [MEMBERS[name] for name in ("pgd", "vat", "input_penalty", "parameter_penalty")]


class Recurring(nn.Module):
    """One layer used three times, dropout, and a class that may be masked."""

    def __init__(self):
        super().__init__()
        self.table, self.mix, self.out = nn.Embedding(11, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.ids, self.labels = torch.randint(11, (5, 4)), torch.randint(2, (5,))
        self.dropout = nn.Dropout(0.5)
        for weight in (self.mix.weight, self.out.weight):
            nn.init.normal_(weight)
        self.segment = lambda function, h: function(h)
        self.seen = lambda logits: logits

    def one_pass(self) -> tuple[Tensor, Tensor]:
        h = self.dropout(self.table(self.ids))
        for _ in range(3):
            h = self.segment(lambda h: torch.tanh(self.mix(h)), h)
        logits = self.seen(self.out(h.mean(1)))
        return F.cross_entropy(logits.float() if logits.dtype != torch.float64 else logits, self.labels), logits

    def gradient(self, member, *, strength=None, inputs=None, parameters=None, backward=plain_backward):
        self.zero_grad()
        torch.manual_seed(7)
        all_of_them = list(self.parameters())
        words = [self.table.weight, self.mix.weight] if inputs is None else inputs
        batch = Batch(self.one_pass, words, all_of_them if parameters is None else parameters)
        member.run(batch, strength=strength, backward=backward)
        return torch.cat([p.grad.flatten() for p in all_of_them])


def _cast(toy):
    original = toy.one_pass

    def one_pass():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return original()

    toy.one_pass = one_pass


@every
@pytest.mark.parametrize("where", ["around each pass", "around the step", "around each pass, in one that is off"])
def test_autocast_bends_the_gradient_as_float32_does(member, where):
    """Until its outermost block ends autocast keeps copies of the weights, which do not move along with them."""
    toy = Recurring()
    exact = toy.gradient(member) - toy.gradient(member, strength=1e-9)
    if where != "around the step":
        _cast(toy)
    outer = torch.autocast("cpu", dtype=torch.bfloat16, enabled=where == "around the step")
    with nullcontext() if where == "around each pass" else outer:
        found = toy.gradient(member) - toy.gradient(member, strength=1e-9)
    assert (found - exact).norm() < 0.5 * exact.norm()


@every
def test_after_a_step_inside_autocast_the_weights_are_those_from_before(member):
    toy = Recurring().eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = toy.one_pass()[1].detach()
        toy.gradient(member)
        assert torch.equal(toy.one_pass()[1], expected)


@every
def test_a_scaler_that_overflows_skips_the_step_as_in_the_plain_loop(member):
    toy = Recurring()
    before = [p.detach().clone() for p in toy.parameters()]
    optimizer, scaler = torch.optim.SGD(toy.parameters(), lr=1.0), torch.amp.GradScaler("cpu", init_scale=2.0**24)
    with torch.autocast("cpu", dtype=torch.float16):
        toy.gradient(member, backward=lambda loss: scaler.scale(loss).backward())
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**23
    assert all(torch.equal(a, b) for a, b in zip(before, toy.parameters(), strict=True))


@every
def test_unscaled_first_the_gradient_and_its_reading_are_those_without_a_scaler(member):
    toy = Recurring()
    optimizer, scaler = torch.optim.SGD(toy.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    expected = toy.gradient(member)
    reading = implicit_regularization(optimizer)
    toy.gradient(member, backward=lambda loss: scaler.scale(loss).backward())
    assert implicit_regularization(optimizer, factor=scaler.get_scale()) == pytest.approx(reading, rel=1e-4)
    scaler.unscale_(optimizer)
    assert implicit_regularization(optimizer) == pytest.approx(reading, rel=1e-4)
    torch.testing.assert_close(torch.cat([p.grad.flatten() for p in toy.parameters()]), expected)


@every
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_changes_nothing_or_is_refused(member, reentrant):
    """Reentrant, the hooks of the shared layer are called once for each of its three uses."""
    toy = Recurring().double()
    expected = toy.gradient(member)
    toy.segment = lambda function, h: checkpoint(function, h, use_reentrant=reentrant)
    if reentrant and member in THROUGH_AUTOGRAD_GRAD:
        with pytest.raises(InputError, match=r"reentrant checkpointing\. Fix: checkpoint with use_reentrant=False"):
            toy.gradient(member)
        return
    torch.testing.assert_close(toy.gradient(member), expected)


@every
def test_generators_and_tied_parameters_are_read_once(member):
    toy = Recurring()
    words = [toy.table.weight, toy.mix.weight]
    expected = toy.gradient(member)
    assert torch.equal(toy.gradient(member, inputs=iter(words), parameters=toy.parameters()), expected)
    twice = [p for p in toy.parameters() for _ in range(2)]
    assert torch.equal(toy.gradient(member, inputs=words * 2, parameters=twice), expected)


@moving
def test_tensors_that_no_gradient_reaches_are_refused(member):
    toy = Recurring()
    toy.mix.weight.requires_grad_(False)
    read = toy.parameters()
    assert len(list(read)) == 5
    for wrong, word in [
        (list(toy.parameters()), r"shape \[6, 6\] is no (leaf|tensor) that requires a gradient"),
        (read, "no tensor was given"),
        (toy.table.weight, "one tensor was given, a list"),
    ]:
        with pytest.raises(InputError, match=word):
            toy.gradient(member, inputs=wrong, parameters=wrong)


@every
def test_a_masked_class_is_one_that_is_not_there(member):
    toy = Recurring().double()
    toy.seen = lambda logits: logits[:, :2]
    expected = toy.gradient(member)
    toy.seen = lambda logits: logits + torch.tensor([0.0, 0.0, -torch.inf])
    torch.testing.assert_close(toy.gradient(member), expected)


@pytest.mark.parametrize("name", ["fgm", "pgd", "vat"])
def test_a_scope_may_be_its_word_and_nothing_else(name):
    w = torch.randn(3, 4, dtype=torch.float64)

    def gradient(scope):
        torch.manual_seed(7)
        x = torch.arange(12.0, dtype=torch.float64).view(4, 3).div(7).requires_grad_()
        labels = torch.tensor([0, 1, 2, 3])
        if name == "vat":
            vat_backward(lambda: x @ w, [x], weight=1.0, epsilon=1.0, scope=scope)
        else:
            step = fgm_backward if name == "fgm" else pgd_backward
            step(lambda: F.cross_entropy(x @ w, labels), [x], epsilon=1.0, scope=scope)
        return x.grad

    for scope in Scope:
        assert torch.equal(gradient(scope.value), gradient(scope))
    assert not torch.equal(gradient("example"), gradient("whole"))
    with pytest.raises(InputError, match=r"scope is 'per-row', which is no Scope.*'whole', 'example'"):
        gradient("per-row")
