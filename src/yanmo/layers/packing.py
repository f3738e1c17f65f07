"""Sequences laid end to end without padding: attention within each, everything else over all tokens at once."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Segments"]


class Segments:
    """Boundaries of the sequences that lie end to end in one row; used in place of an attention mask.

    Sequences of one length that stand side by side attend in one call, so sort them by length.

    Args:
        lengths: Tokens of each sequence, in order; none is 0.

    Example:
        >>> import torch
        >>> from yanmo.layers import PlainAttention
        >>> q = torch.randn(1, 2, 5, 4)
        >>> position_ids = torch.tensor([[0, 1, 0, 1, 2]])
        >>> packed = Segments([2, 3]).attend(PlainAttention(), q, q, q, position_ids=position_ids)
        >>> tail, ids = q[:, :, 2:], position_ids[:, 2:]
        >>> torch.allclose(packed[:, :, 2:], PlainAttention()(tail, tail, tail, position_ids=ids, allowed=None))
        True
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = tuple(lengths)

    def attend(
        self,
        kernel: Callable[..., Tensor],
        query: Float[Tensor, "1 heads tokens head"],
        key: Float[Tensor, "1 heads tokens head"],
        value: Float[Tensor, "1 heads tokens head"],
        *,
        position_ids: Int[Tensor, "1 tokens"],
    ) -> Float[Tensor, "1 heads tokens head"]:
        """Lets every sequence attend to itself.

        Args:
            kernel: How heads attend, an ``AttentionKernel``.
            query: Queries, [1, heads, tokens, head].
            key: Keys, same shape.
            value: Values, same shape.
            position_ids: Position of every token in its own sequence, [1, tokens].

        Returns:
            What each token gathered, same shape.
        """
        gathered = torch.empty_like(value.transpose(1, 2))
        for start, n, length in self._runs():
            rows = [_rows(x, start, n, length) for x in (query, key, value)]
            ids = position_ids[0, start : start + n * length].view(n, length)
            context = kernel(*rows, position_ids=ids, allowed=None)
            _rows(gathered.transpose(1, 2), start, n, length).copy_(context)
        return gathered.transpose(1, 2)

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        start = 0
        for length, same in groupby(self.lengths):
            n = len(list(same))
            yield start, n, length
            start += n * length


def _rows(
    x: Float[Tensor, "1 heads tokens head"], start: int, n: int, length: int
) -> Float[Tensor, "{n} heads {length} head"]:
    """A view of ``n`` sequences of one length as the rows of a batch."""
    tokens = x[0].transpose(0, 1)[start : start + n * length]
    return tokens.view(n, length, x.shape[1], x.shape[3]).transpose(1, 2)
