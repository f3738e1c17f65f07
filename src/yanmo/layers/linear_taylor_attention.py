"""Taylor attention of order 2 in time and memory linear in the length, bidirectional and causal."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..errors import InputError
from .taylor import taylor_polynomial

__all__ = ["CausalLinearTaylorAttention", "LinearTaylorAttention"]

# Tokens of a chunk: large enough to be mostly matrix products, small enough for its features to stay in the cache.
_CHUNK = 128


class LinearTaylorAttention:
    """Order 2 of ``TaylorAttention``, every token seeing every other, through an inner product of features.

    With ``x`` a query or key over ``head^(1/4)``, the weight ``1 + s + s^2 / 2`` is ``phi(q) . phi(k)`` for
    ``phi(x) = (1, x, x (x) x / sqrt 2)``. So ``sum_j w_ij v_j = phi(q_i) . sum_j phi(k_j) v_j^T``, and the sum over the
    keys is made once. Features exist for one chunk of tokens at a time, and are made again for the gradient.

    Computed in float32 at least. The weights are at least 1/2, so that the denominator is no smaller than half the
    number of keys; but its parts are squares of ``|q| |k| / sqrt(head)``, and float32 has seven digits: beyond 100 use
    ``TaylorAttention``, or normalize queries and keys.

    Source: kexue.fm/archives/7919 and 7546. The one for decoders is ``CausalLinearTaylorAttention``.
    """

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],  # noqa: ARG002 - part of the seam; this kernel has no positions
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Mixes the values.

        Args:
            query: Queries of every head.
            key: Keys of every head.
            value: Values of every head.
            position_ids: Not used.
            allowed: Which keys may be seen, the same for all queries: shape [batch, 1, 1, seq]. None lets all be seen.

        Returns:
            The context; zero where no key may be seen.

        Raises:
            InputError: The mask differs from query to query.
        """
        with torch.autocast(query.device.type, enabled=False):
            chunks = _prepare(query, key, value, allowed)
            state = _empty_state(chunks[0])
            for _, keys, values in chunks:
                state = _remade(_add, state, keys, values)
            return torch.cat([_divide(_remade(_read, state, queries)) for queries, _, _ in chunks], 2).to(value.dtype)


class CausalLinearTaylorAttention:
    """``LinearTaylorAttention`` where a token sees itself and those before it.

    Within a chunk of tokens the weights are spelled out; all earlier chunks are one sum over their keys.

    Source: kexue.fm/archives/7919 and 7546.
    """

    def __call__(
        self,
        query: Float[Tensor, "batch heads seq head"],
        key: Float[Tensor, "batch heads seq head"],
        value: Float[Tensor, "batch heads seq head"],
        *,
        position_ids: Int[Tensor, "batch seq"],  # noqa: ARG002 - part of the seam; this kernel has no positions
        allowed: Bool[Tensor, "batch 1 #seq seq"] | None,
    ) -> Float[Tensor, "batch heads seq head"]:
        """Mixes the values.

        Args:
            query: Queries of every head.
            key: Keys of every head.
            value: Values of every head.
            position_ids: Not used.
            allowed: Which keys may be seen by the queries at and after them, shape [batch, 1, 1, seq]; None for all.

        Returns:
            The context; zero where no key may be seen.

        Raises:
            InputError: The mask differs from query to query.
        """
        with torch.autocast(query.device.type, enabled=False):
            chunks = _prepare(query, key, value, allowed)
            state, mixed = _empty_state(chunks[0]), []
            for i, (queries, keys, values) in enumerate(chunks):
                sums = _remade(_within, queries, keys, values)
                mixed.append(_divide(sums if i == 0 else sums + _remade(_read, state, queries)))
                if i + 1 < len(chunks):
                    state = _remade(_add, state, keys, values)
            return torch.cat(mixed, 2).to(value.dtype)


def _prepare(
    query: Tensor, key: Tensor, value: Tensor, allowed: Bool[Tensor, "batch 1 #seq seq"] | None
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Cuts scaled queries and keys, and values with a one behind them for the denominator, into chunks of tokens."""
    dtype = torch.promote_types(query.dtype, torch.float32)
    value = torch.cat([value.to(dtype), value.new_ones((*value.shape[:-1], 1), dtype=dtype)], -1)
    if allowed is not None:
        if allowed.shape[2] != 1:
            raise InputError(
                f"linear attention takes a mask of keys, [batch, 1, 1, seq], not {list(allowed.shape)}",
                fix="use TaylorAttention where queries see different keys, as below joint_from",
            )
        value = value.masked_fill(~allowed.transpose(-1, -2), 0)
    scale = query.shape[-1] ** -0.25
    parts = (x.split(_CHUNK, 2) for x in (query.to(dtype) * scale, key.to(dtype) * scale, value))
    return list(zip(*parts, strict=True))


def _features(x: Float[Tensor, "batch heads chunk head"]) -> Float[Tensor, "batch heads chunk feature"]:
    """``(1, x, x_i x_j for i <= j)``; a slice a component is 20 times as fast as gathering the pairs."""
    products = [x[..., i : i + 1] * x[..., i:] for i in range(x.shape[-1])]
    return torch.cat([torch.ones_like(x[..., :1]), x, *products], -1)


def _shares(like: Float[Tensor, "batch heads chunk head"]) -> Float[Tensor, "feature 1"]:
    """What each feature counts in ``1 + s + s^2 / 2``: every square half, a mixed product twice that half."""
    head = like.shape[-1]
    row, column = torch.triu_indices(head, head, device=like.device)
    return torch.cat([like.new_ones(1 + head), torch.where(row == column, 0.5, 1.0).to(like)])[:, None]


def _empty_state(chunk: tuple[Tensor, Tensor, Tensor]) -> Float[Tensor, "batch heads feature sums"]:
    _, keys, values = chunk
    head = keys.shape[-1]
    return values.new_zeros(*values.shape[:2], 1 + head + head * (head + 1) // 2, values.shape[-1])


def _add(state: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return state + _features(keys).transpose(-1, -2) @ values * _shares(keys)


def _read(state: Tensor, queries: Tensor) -> Tensor:
    return _features(queries) @ state


def _within(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return taylor_polynomial(queries @ keys.transpose(-1, -2), order=2).tril() @ values


def _divide(sums: Float[Tensor, "batch heads chunk sums"]) -> Float[Tensor, "batch heads chunk head"]:
    # No sum of weights is below 1/2, save that of no keys at all, whose numerator is zero.
    return sums[..., :-1] / sums[..., -1:].clamp_min(0.5)


def _remade(function: Callable[..., Tensor], *given: Tensor) -> Tensor:
    """Calls a function whose intermediate results are computed again for the gradient rather than kept."""
    if not torch.is_grad_enabled():
        return function(*given)
    result: Tensor = checkpoint(function, *given, use_reentrant=False, preserve_rng_state=False)
    return result
