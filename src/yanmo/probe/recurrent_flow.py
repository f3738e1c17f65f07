"""How much of a gradient survives the way back through a recurrent network: ``|d h_T / d h_t|`` against ``T - t``."""

import copy
import math
from enum import Enum
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import vjp, vmap

from ..errors import InputError, chosen
from .flow_fit import FlowLimits, RecurrentFlow, fit_flow
from .torch_recurrence import TorchRecurrence

__all__ = ["DifferentiableCell", "FlowNorm", "FlowPart", "recurrent_flow"]


@runtime_checkable
class DifferentiableCell(Protocol):
    """A cell with a closed-form Jacobian, as those of ``yanmo.layers``; ``(h, c)`` is one vector, ``h`` first."""

    hidden_width: int
    state_width: int

    def __call__(self, x: Tensor, state: Tensor) -> Tensor:
        """Computes one step."""
        ...

    def jacobian(self, x: Tensor, state: Tensor) -> Tensor:
        """Returns ``d state_t / d state_{t-1}``."""
        ...


class FlowPart(str, Enum):
    """Which part of the state is followed: all of it, ``d h_T / d h_t`` only, or ``d c_T / d c_t`` only."""

    STATE = "state"
    HIDDEN = "hidden"
    MEMORY = "memory"


class FlowNorm(str, Enum):
    """Root mean square over all directions (Frobenius), or the worst one (spectral: one SVD a step)."""

    FROBENIUS = "frobenius"
    SPECTRAL = "spectral"


def recurrent_flow(
    model: nn.Module | DifferentiableCell,
    x: Float[Tensor, "batch seq input"],
    *,
    part: FlowPart | str = FlowPart.STATE,
    norm: FlowNorm | str = FlowNorm.FROBENIUS,
    limits: FlowLimits | None = None,
) -> RecurrentFlow:
    """Measures the gradient's way back from the last step of ``x`` to every earlier one, and to the zero state before.

    ``d state_T / d state_t = J_T J_{T-1} ... J_{t+1}``, multiplied from the left in float64 on the CPU, rescaled at
    every step so that 1,000 steps neither underflow nor overflow; the root mean square over the batch. ``model`` is
    copied and does not change. Call it every so many steps of any loop and log ``readings()``.

    Args:
        model: An ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` with any number of layers (their states together are the state;
            dropout is left out), or a cell with a closed-form Jacobian (give ``layer.cell`` of a ``RecurrentLayer``).
        x: Inputs, shape [batch, seq, input], batch first whatever ``model.batch_first`` is.
        part: Which part of the state.
        norm: Which norm.
        limits: Where steady ends; None takes the defaults.

    Returns:
        The norms, the fit and the verdict.

    Raises:
        InputError: ``model`` is another kind of network, ``part`` or ``norm`` is none, ``x`` is packed, empty or not
            finite, the state overflows on the way forward, or the memory of a network without one is asked for.

    Example:
        >>> flow = recurrent_flow(nn.RNN(2, 8), torch.randn(4, 50, 2))
        >>> flow.verdict.value, flow.rate < 1
        ('vanishing', True)

    Source: kexue.fm/archives/7888.
    """
    part, norm = chosen(FlowPart, part, name="part"), chosen(FlowNorm, norm, name="norm")
    cell = _differentiable(model)
    hidden_width, state_width = cell.hidden_width, cell.state_width
    if part is FlowPart.MEMORY and hidden_width == state_width:
        raise InputError(f"a {type(model).__name__} keeps no memory beside its hidden state", fix="follow another part")
    followed = {
        FlowPart.STATE: slice(0, state_width),
        FlowPart.HIDDEN: slice(0, hidden_width),
        FlowPart.MEMORY: slice(hidden_width, state_width),
    }[part]
    steps = _checked(x).unbind(1)
    with torch.no_grad():
        states = [x.new_zeros(x.shape[0], state_width, dtype=torch.float64, device="cpu")]
        for t, inputs in enumerate(steps):
            states.append(cell.step(inputs, states[-1]))
            if not states[-1].isfinite().all():
                raise InputError(f"the state is no longer finite at step {t + 1} of {len(steps)}", fix="shorten x")
        rows = torch.eye(state_width, dtype=torch.float64)[followed].expand(x.shape[0], -1, -1)
        scale = rows.new_zeros(x.shape[0])
        log_norms = [_log_size(rows[..., followed], norm)]
        for inputs, state in zip(reversed(steps), reversed(states[:-1]), strict=True):
            rows = cell.pull(inputs, state, rows)
            size = torch.linalg.matrix_norm(rows)
            rows = rows / torch.where(size > 0, size, 1.0)[:, None, None]  # a gradient that died stays zero
            scale = scale + size.log()
            log_norms.append(_log_size(rows[..., followed], norm) + scale)
    # Root mean square over the batch, in logarithms; rows that died count as zero.
    mean = (torch.logsumexp(2 * torch.stack(log_norms), dim=1) - math.log(x.shape[0])) / 2
    return fit_flow(mean - mean[0], limits=limits)


class _TorchCell:
    """A ``torch.nn`` RNN as a cell whose rows are pulled back by automatic differentiation, all at once."""

    def __init__(self, module: nn.RNNBase) -> None:
        self.step = TorchRecurrence(module)
        self.hidden_width, self.state_width = self.step.hidden_width, self.step.state_width

    def pull(self, x: Tensor, state: Tensor, rows: Tensor) -> Tensor:
        transposed = vjp(lambda previous: self.step(x, previous), state)[1]
        pulled: Tensor = vmap(lambda row: transposed(row)[0], in_dims=1, out_dims=1)(rows)
        return pulled


class _ClosedFormCell:
    """A cell of ``yanmo.layers``, or one like it, in float64."""

    def __init__(self, cell: DifferentiableCell) -> None:
        self.step = copy.deepcopy(cell)
        if isinstance(self.step, nn.Module):
            self.step.to(device="cpu", dtype=torch.float64)
        self.hidden_width, self.state_width = cell.hidden_width, cell.state_width

    def pull(self, x: Tensor, state: Tensor, rows: Tensor) -> Tensor:
        return rows @ self.step.jacobian(x, state)


def _differentiable(model: object) -> _TorchCell | _ClosedFormCell:
    if isinstance(model, (nn.RNN, nn.LSTM, nn.GRU)):
        return _TorchCell(model)
    if isinstance(model, DifferentiableCell):
        return _ClosedFormCell(model)
    raise InputError(
        f"a {type(model).__name__} was given, expected an nn.RNN, nn.LSTM or nn.GRU, or a cell with a Jacobian",
        fix="hand in the recurrent part of the model, or the cell of a RecurrentLayer",
    )


def _checked(x: object) -> Tensor:
    if not isinstance(x, Tensor) or x.ndim != 3:
        given = f"inputs of shape {list(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise InputError(
            f"{given} was given, [batch, seq, input] was expected",
            fix="give one tensor of sequences of the same length; a PackedSequence has those of pad_packed_sequence",
        )
    if 0 in x.shape:
        raise InputError(f"inputs of shape {list(x.shape)} hold nothing", fix="give at least one sequence of one step")
    x = x.detach().to(device="cpu", dtype=torch.float64)
    if not x.isfinite().all():
        raise InputError("the inputs hold a NaN or an infinity", fix="clean them first")
    return x


def _log_size(matrix: Float[Tensor, "batch n n"], norm: FlowNorm) -> Float[Tensor, " batch"]:
    if norm is FlowNorm.SPECTRAL:
        worst: Tensor = torch.linalg.matrix_norm(matrix, 2)
        return worst.log()
    size: Tensor = torch.linalg.matrix_norm(matrix)
    return size.log() - math.log(matrix.shape[-1]) / 2
