"""Gradient norms of every cell before any training: against the distance, and against the size of its matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jacrev, vmap

from ...errors import chosen
from ...layers import GatedCell, LSTMCell, RecurrentCell, ResetLastGRUCell
from ...probe import FlowPart, GradientFlow, recurrent_flow
from .adding_problem import draw_sums
from .cells import CellKind, Start, make_cell

__all__ = ["FlowPlan", "flows", "gain_scan", "jacobian_errors", "matrix_terms"]


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """Sizes of the cells and sequences on which gradients are measured.

    Attributes:
        n_steps: Longest distance, in steps.
        hidden_width: Size of the hidden states.
        n_sequences: Sequences a measurement; their norms are averaged (root mean square).
        seeds: One draw of weights and inputs each.
    """

    n_steps: int
    hidden_width: int
    n_sequences: int
    seeds: tuple[int, ...]

    def inputs(self, seed: int, *, n_steps: int | None = None) -> Float[Tensor, "batch seq 2"]:
        """Draws sequences of the adding problem, as wide as all cells here read."""
        x, _ = draw_sums(
            self.n_sequences, n_steps=n_steps or self.n_steps, generator=torch.Generator().manual_seed(seed)
        )
        return x

    def cell(self, kind: CellKind | str, start: Start, seed: int) -> RecurrentCell:
        """Makes a cell of this size."""
        kind = chosen(CellKind, kind, name="kind")
        return make_cell(kind, input_width=2, hidden_width=self.hidden_width, start=start, seed=seed)


def jacobian_errors(kind: CellKind | str, *, seeds: Sequence[int]) -> float:
    """Compares the closed form with automatic differentiation in float64.

    Args:
        kind: Which cell.
        seeds: One draw of standard normal weights (width 16), inputs and states each.

    Returns:
        The largest absolute difference of any entry.
    """
    kind = chosen(CellKind, kind, name="kind")
    worst = 0.0
    for seed in seeds:
        cell = make_cell(kind, input_width=3, hidden_width=16, start=Start(), seed=seed)
        if not isinstance(cell, torch.nn.Module):
            raise TypeError(f"{kind.value} is no module")
        generator = torch.Generator().manual_seed(seed)
        cell.double()
        for parameter in cell.parameters():
            parameter.data.normal_(generator=generator)
        x = torch.randn(8, 3, generator=generator, dtype=torch.float64)
        state = torch.randn(8, cell.state_width, generator=generator, dtype=torch.float64)
        difference = cell.jacobian(x, state) - vmap(jacrev(cell, argnums=1))(x, state)
        worst = max(worst, difference.abs().max().item())
    return worst


def flows(kind: CellKind | str, start: Start, *, plan: FlowPlan) -> list[GradientFlow]:
    """Measures ``|d state_T / d state_t|`` at the start of training, once a seed."""
    kind = chosen(CellKind, kind, name="kind")
    return [recurrent_flow(plan.cell(kind, start, seed), plan.inputs(seed)) for seed in plan.seeds]


def gain_scan(kind: CellKind | str, *, gains: Sequence[float], plan: FlowPlan) -> NDArray[np.float64]:
    """Measures the rate a step against the factor on orthogonal recurrent matrices.

    Args:
        kind: Which cell.
        gains: The factors.
        plan: Sizes and seeds.

    Returns:
        Rates, shape [gain, seed], of the memory where the cell has one and of the hidden state otherwise: with the same
        parts compared, a second vector to carry is no advantage by itself.
    """
    kind = chosen(CellKind, kind, name="kind")
    rates = np.empty((len(gains), len(plan.seeds)))
    for row, gain in enumerate(gains):
        for column, seed in enumerate(plan.seeds):
            cell = plan.cell(kind, Start(gain=gain), seed)
            part = FlowPart.MEMORY if cell.state_width > cell.hidden_width else FlowPart.HIDDEN
            rates[row, column] = recurrent_flow(cell, plan.inputs(seed), part=part).rate
    return rates


@torch.no_grad()
def matrix_terms(kind: CellKind | str, *, gain: float, plan: FlowPlan) -> NDArray[np.float64]:
    """Measures what is left of one step's derivative without its main term: ``|d c_t / d c_{t-1} - diag(keep)|``.

    The article's argument: the main term (``f_t``, ``1 - z_t``) lies between 0 and 1, so that steadiness hangs on the
    terms with a matrix, and more gates on them make them smaller. ``c`` is the GRU's ``h``.

    Args:
        kind: A gated cell.
        gain: Factor on orthogonal recurrent matrices.
        plan: Sizes and seeds.

    Returns:
        Spectral norms, one a seed: root mean square over sequences and steps.
    """
    kind = chosen(CellKind, kind, name="kind")
    sizes = []
    for seed in plan.seeds:
        cell = plan.cell(kind, Start(gain=gain), seed)
        if not isinstance(cell, GatedCell):
            raise TypeError(f"{kind.value} has no gate")
        x = plan.inputs(seed)
        state = x.new_zeros(len(x), cell.state_width)
        squares = []
        for t, inputs in enumerate(x.unbind(1)):
            if t:  # from a zero state there is nothing to derive through the gates
                rest = _total(cell, inputs, state) - torch.diag_embed(cell.keep(inputs, state))
                squares.append(torch.linalg.matrix_norm(rest, 2).square().mean())
            state = cell(inputs, state)
        sizes.append(torch.stack(squares).mean().sqrt().item())
    return np.array(sizes)


def _total(cell: GatedCell, x: Tensor, state: Tensor) -> Tensor:
    if isinstance(cell, (LSTMCell, ResetLastGRUCell)):
        hidden, memory = state.chunk(2, dim=-1)
        shown = memory.tanh() if isinstance(cell, LSTMCell) else memory
        return cell.memory_jacobian(x, memory, gate=hidden / shown)
    return cell.jacobian(x, state)
