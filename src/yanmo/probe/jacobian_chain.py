"""Norms of ``J_T J_{T-1} ... J_{t+1}`` along a chain of functions: by all rows, or by a few that stand for them."""

import math
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import InputError, chosen

__all__ = ["ChainStep", "DerivedStep", "FlowNorm", "chain_norms"]


class FlowNorm(str, Enum):
    """Root mean square over all directions (Frobenius), or the worst one (spectral: one SVD a step)."""

    FROBENIUS = "frobenius"
    SPECTRAL = "spectral"


@runtime_checkable
class ChainStep(Protocol):
    """One function of the chain, with its Jacobian ``J`` from both sides; states are flat, [batch, width]."""

    def __call__(self, state: Tensor) -> Tensor:
        """Computes the next state."""
        ...

    def pull(self, state: Tensor, rows: Tensor) -> Tensor:
        """Returns ``rows J``, from [batch, n, width after] to [batch, n, width before]."""
        ...

    def push(self, state: Tensor, columns: Tensor) -> Tensor:
        """Returns ``J columns``, laid out as rows: [batch, n, width before] to [batch, n, width after]."""
        ...


class DerivedStep:
    """A function of the state, differentiated automatically; no example of the batch may depend on another.

    Args:
        function: From [batch, width] to [batch, width after].
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self._function = function

    def __call__(self, state: Tensor) -> Tensor:
        """Computes the next state."""
        return self._function(state)

    def pull(self, state: Tensor, rows: Tensor) -> Tensor:
        """Returns ``rows J``, by the reverse derivative of each row."""
        transposed = vjp(self._function, state)[1]
        pulled: Tensor = vmap(lambda row: transposed(row)[0], in_dims=1, out_dims=1)(rows)
        return pulled

    def push(self, state: Tensor, columns: Tensor) -> Tensor:
        """Returns ``J columns``: ``J^T u`` is linear in ``u``, and its reverse derivative is ``J``.

        Every function with a backward pass has this; forward derivatives are missing for some.
        """
        anywhere = torch.zeros_like(self._function(state))
        forward = vjp(lambda u: vjp(self._function, state)[1](u)[0], anywhere)[1]
        pushed: Tensor = vmap(lambda column: forward(column)[0], in_dims=1, out_dims=1)(columns)
        return pushed


@torch.no_grad()
def chain_norms(
    steps: Sequence[ChainStep],
    start: Float[Tensor, "batch width"],
    *,
    followed: slice,
    norm: FlowNorm | str,
    n_probes: int | None,
    seed: int,
) -> Float[Tensor, " distances"]:
    """Multiplies Jacobians from the last step backwards, rescaled at every step, in the precision of ``start``.

    With ``n_probes`` not every row of the product is carried back. Half of the probes span the directions that come
    out of the chain largest, found by pushing directions of chance through all of it, its last quarter, the last
    quarter of that, and so on: products of many Jacobians are nearly of low rank, and their left singular vectors
    settle as the distance grows (Oseledets), so that these few rows hold nearly everything from some distance on. The
    other half is drawn by chance beside them and stands for the rest, which counts at short distances, where it is
    spread evenly.

    Args:
        steps: The chain, first step first.
        start: The state before it.
        followed: Components of the states that are followed; of every state where widths differ.
        norm: Which norm; the spectral one needs all rows.
        n_probes: Rows carried back; None, or as many as there are components, for all of them.
        seed: Draws the probes.

    Returns:
        Natural logarithm of the norm at distance 0, 1, ..., root mean square over the batch, relative to distance 0.

    Raises:
        InputError: A state is not finite, there are fewer than 2 probes, or the spectral norm is asked of probes.
    """
    norm = chosen(FlowNorm, norm, name="norm")
    if n_probes is not None and n_probes < 2:
        raise InputError(f"{n_probes} probes were asked for, expected at least 2", fix="take 16, or None for all rows")
    with sdpa_kernel(SDPBackend.MATH):  # the fused attention kernels have no second derivative
        states = [start]
        for t, step in enumerate(steps):
            states.append(step(states[-1]))
            if not states[-1].isfinite().all():
                raise InputError(f"the state is no longer finite at step {t + 1} of {len(steps)}", fix="shorten x")
        width = len(range(*followed.indices(states[-1].shape[1])))
        if n_probes is None or n_probes >= width:
            rows, shares = torch.eye(states[-1].shape[1]).to(start)[followed].expand(len(start), -1, -1), None
        else:
            if norm is FlowNorm.SPECTRAL:
                raise InputError("a few probes do not find the worst direction at every distance", fix="leave them out")
            rows, shares = _probes(steps, states, followed=followed, n=n_probes, seed=seed)
        scale = rows.new_zeros(len(start))
        log_norms = [_log_size(rows[..., followed], norm, shares)]
        for step, state in zip(reversed(steps), reversed(states[:-1]), strict=True):
            rows = step.pull(state, rows)
            size = torch.linalg.matrix_norm(rows)
            rows = rows / torch.where(size > 0, size, 1.0)[:, None, None]  # a gradient that died stays zero
            scale = scale + size.log()
            log_norms.append(_log_size(rows[..., followed], norm, shares) + scale)
    # Root mean square over the batch, in logarithms; rows that died count as zero.
    mean = (torch.logsumexp(2 * torch.stack(log_norms), dim=1) - math.log(len(start))) / 2
    return (mean - mean[0]).double().cpu()


def _probes(
    steps: Sequence[ChainStep], states: Sequence[Tensor], *, followed: slice, n: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Gives rows [batch, n, width] of unit length, orthogonal to each other, and how many rows each stands for, [n]."""
    generator = torch.Generator().manual_seed(seed)
    end, n_large = states[-1], n // 2

    def drawn(k: int, width: int) -> Tensor:
        found = torch.zeros(len(end), k, width, dtype=torch.float64)
        shape = found[..., followed].shape
        found[..., followed] = torch.randn(shape, generator=generator, dtype=torch.float64)
        return found.to(end)

    lengths = [len(steps)]
    while lengths[-1] >= 4 and len(lengths) < n_large // 2:
        lengths.append(lengths[-1] // 4)
    large = torch.zeros(len(end), n_large, end.shape[1]).to(end)
    for i, length in enumerate(lengths):
        columns = _orthonormal(drawn(len(range(i, n_large, len(lengths))), states[-1 - length].shape[1]))
        for step, state in zip(steps[-length:], states[-1 - length :], strict=False):
            columns = _orthonormal(step.push(state, columns))
        large[:, i :: len(lengths), followed] = columns[..., followed]
    large = _orthonormal(large)
    rest = drawn(n - n_large, end.shape[1])
    rest = _orthonormal(rest - rest @ large.mT @ large)
    width = large[..., followed].shape[-1]
    shares = torch.cat([torch.ones(n_large), torch.full((n - n_large,), (width - n_large) / (n - n_large))])
    return torch.cat([large, rest], 1), shares.to(end)


def _orthonormal(rows: Tensor) -> Tensor:
    """Spans the same by orthogonal rows of length 1; of rows that are zero or spanned by others it makes some."""
    found: Tensor = torch.linalg.qr(rows.mT)[0].mT
    return found


def _log_size(matrix: Float[Tensor, "batch n m"], norm: FlowNorm, shares: Tensor | None) -> Float[Tensor, " batch"]:
    """Logarithm of the norm of the rows, each of which stands for a share of all; constant factors left as they are."""
    if norm is FlowNorm.SPECTRAL:
        worst: Tensor = torch.linalg.matrix_norm(matrix, 2)
        return worst.log()
    if shares is not None:
        matrix = matrix * shares.sqrt()[:, None]
    size: Tensor = torch.linalg.matrix_norm(matrix)
    return size.log()
