"""The adding problem: two marked numbers far apart, whose sum is wanted at the end; many cells are trained at once."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from ...layers import RecurrentCell

__all__ = ["AddingPlan", "AddingRun", "draw_sums", "learn_sums"]


@dataclass(frozen=True, slots=True)
class AddingPlan:
    """How the adding problem is trained.

    Attributes:
        n_updates: Most updates.
        batch_size: Fresh sequences an update.
        learning_rate: Of Adam.
        max_norm: Gradients of every member are scaled down to this norm; infinity leaves them as they are.
        solved: Mean squared error on held-out sequences from which it counts as learned; always answering 1 gives 1/6.
        n_heldout: Held-out sequences.
        n_between: Updates between two looks at them.
    """

    n_updates: int
    batch_size: int = 32
    learning_rate: float = 0.01
    max_norm: float = 1.0
    solved: float = 0.02
    n_heldout: int = 128
    n_between: int = 25


@dataclass(frozen=True, slots=True)
class AddingRun:
    """How the training of one cell went.

    Attributes:
        learned_at: Updates after which it was first below ``solved``; None if never.
        best: Lowest held-out mean squared error; None where it was never finite.
        errors: The error at every look; None where it was beyond all numbers.
        cell: As it is at the end; None where its weights are beyond all numbers.
    """

    learned_at: int | None
    best: float | None
    errors: tuple[float | None, ...]
    cell: RecurrentCell | None


class _Adder(nn.Module):
    """A cell run over a sequence, and a linear map of its last hidden state to one number, for all members at once."""

    def __init__(self, cell: RecurrentCell) -> None:
        super().__init__()
        self.cell = cell
        self.weight = nn.Parameter(torch.zeros(1, cell.hidden_width))
        self.bias = nn.Parameter(torch.ones(1))

    def forward(self, x: Float[Tensor, "members batch seq 2"]) -> Float[Tensor, "members batch"]:
        state = x.new_zeros(*x.shape[:2], self.cell.state_width)
        # Steps in front, so that one step of all members is contiguous.
        projected = self.cell.project(x.transpose(1, 2).flatten(1, 2))
        for step in torch.split(projected, x.shape[1], dim=1):
            state = self.cell.step(step, state)
        return (state[..., : self.cell.hidden_width] @ self.weight.mT + self.bias).squeeze(-1)


def draw_sums(
    n: int, *, n_steps: int, generator: torch.Generator
) -> tuple[Float[Tensor, "batch seq 2"], Float[Tensor, " batch"]]:
    """Draws sequences and their answers.

    Args:
        n: How many.
        n_steps: Steps of a sequence.
        generator: Where the numbers come from.

    Returns:
        Inputs [n, n_steps, 2], a number from 0 to 1 and a mark (1 at one step of each half, 0 elsewhere); and the sums
        of the two marked numbers.

    Example:
        >>> x, total = draw_sums(3, n_steps=10, generator=torch.Generator().manual_seed(0))
        >>> bool(torch.allclose((x[..., 0] * x[..., 1]).sum(1), total)), x[..., 1].sum(1).tolist()
        (True, [2.0, 2.0, 2.0])

    Source: Hochreiter and Schmidhuber 1997, in the form of arXiv:1504.00941.
    """
    numbers = torch.rand(n, n_steps, generator=generator)
    half = n_steps // 2
    first = torch.randint(half, (n, 1), generator=generator)
    second = torch.randint(half, n_steps, (n, 1), generator=generator)
    marks = torch.zeros(n, n_steps).scatter_(1, torch.cat([first, second], dim=1), 1.0)
    return torch.stack([numbers, marks], dim=-1), (numbers * marks).sum(1)


def learn_sums(
    cells: Sequence[RecurrentCell],
    *,
    n_steps: int,
    plan: AddingPlan,
    seed: int,
    watch: Callable[[int, int], None],
) -> list[AddingRun]:
    """Trains cells of one kind and size side by side on the same sequences, each with its own gradient clipping.

    One operation does a step of all members: steps of a recurrence are so small that a dozen members cost little more
    than one. Stops when all have learned.

    Args:
        cells: What to train, modules of one class and shape; they are copied.
        n_steps: Length of the sequences.
        plan: How to train.
        seed: Of the sequences.
        watch: Called with the number of updates done and of members that have learned, at every look at the held-out
            sequences.

    Returns:
        One record a cell.
    """
    members = [_Adder(copy.deepcopy(cell)) for cell in cells]
    stacked, _ = stack_module_state(list[nn.Module](members))
    # A bias gets an axis for the batch, which a map has already.
    parameters = {
        name: (value if value.ndim > 2 else value.unsqueeze(1)).detach().requires_grad_()
        for name, value in stacked.items()
    }

    def answer(values: dict[str, Tensor], x: Tensor) -> Tensor:
        answered: Tensor = functional_call(members[0], values, (x.expand(len(members), *x.shape),))
        return answered

    optimizer = torch.optim.Adam(list(parameters.values()), lr=plan.learning_rate)
    generator = torch.Generator().manual_seed(seed)
    heldout_x, heldout_y = draw_sums(plan.n_heldout, n_steps=n_steps, generator=generator)
    errors: list[Tensor] = []
    for update in range(1, plan.n_updates + 1):
        x, y = draw_sums(plan.batch_size, n_steps=n_steps, generator=generator)
        loss = (answer(parameters, x) - y).square().mean(1)
        optimizer.zero_grad()
        torch.autograd.backward(loss.sum())
        _clip(list(parameters.values()), max_norm=plan.max_norm)
        optimizer.step()
        if update % plan.n_between == 0:
            with torch.no_grad():
                errors.append((answer(parameters, heldout_x) - heldout_y).square().mean(1))
            n_learned = int((torch.stack(errors) < plan.solved).any(0).sum())
            watch(update, n_learned)
            if n_learned == len(cells):
                break
    return [_record(k, members[k], parameters, torch.stack(errors)[:, k], plan=plan) for k in range(len(cells))]


def _clip(parameters: Sequence[Tensor], *, max_norm: float) -> None:
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()
    factor = (max_norm / norm).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)))


def _record(
    k: int, member: _Adder, parameters: dict[str, Tensor], errors: Float[Tensor, " looks"], *, plan: AddingPlan
) -> AddingRun:
    own = member.state_dict()
    member.load_state_dict({name: value[k].detach().view_as(own[name]) for name, value in parameters.items()})
    learned = (errors < plan.solved).nonzero()
    finite = errors[errors.isfinite()]
    is_finite = all(bool(value[k].isfinite().all()) for value in parameters.values())
    return AddingRun(
        learned_at=(int(learned[0]) + 1) * plan.n_between if len(learned) else None,
        best=finite.min().item() if len(finite) else None,
        errors=tuple(error if math.isfinite(error) else None for error in errors.tolist()),
        cell=member.cell if is_finite else None,
    )
