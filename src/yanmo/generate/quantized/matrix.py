"""Weight matrices in 8 or 4 bits: rounding, the blocks they are stored in, rows back as floats, products."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError
from .int4_kernel import multiply_int4
from .int4_scales import choose_scales
from .int8_kernel import INT8_GROUPS, multiply_int8
from .kernel_blocks import LANES, STEP

__all__ = ["Int4Matrix", "Int8Matrix", "QuantizedMatrix", "RowProduct"]

RowProduct = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A matrix times one row, on weights that were looked up once."""


# A 4-bit scale is tried at these shares of the one that reaches the largest weight of its group.
_SHARES = tuple(1 - step / 40 for step in range(13))
# Weights rounded at a time, so that rounding needs little memory.
_AT_A_TIME = 2**22


@runtime_checkable
class QuantizedMatrix(Protocol):
    """A stored matrix [out, in]; its rows are the outputs of a layer, or the vectors of a table."""

    out_width: int
    in_width: int

    @property
    def stored_width(self) -> int:
        """Number of columns, with those that pad the last step or group."""
        ...

    def row_product(self) -> RowProduct:
        """Returns the function ``x -> W x`` for one row of ``stored_width`` numbers; its result fills whole blocks."""
        ...

    def multiply(self, x: Float[Tensor, "rows in_width"]) -> Float[Tensor, "rows out_width"]:
        """Returns ``x W^T``."""
        ...

    def rows(self, ids: Int[Tensor, " n"]) -> Float[Tensor, "n in_width"]:
        """Returns some rows as floats."""
        ...


class Int8Matrix(nn.Module):
    """Weights as whole multiples, -127 to 127, of one float32 scale for every row.

    Args:
        out_width: Rows; stored in blocks of ``LANES``, the last one filled up with zeros.
        in_width: Columns; stored in steps of ``STEP``, the last one filled up with zeros.
    """

    def __init__(self, out_width: int, in_width: int) -> None:
        super().__init__()
        self.out_width, self.in_width = out_width, in_width
        n_blocks, groups, lanes = -(-out_width // LANES), *INT8_GROUPS
        self.codes = nn.Buffer(torch.zeros(n_blocks, -(-in_width // STEP), groups, STEP, lanes, dtype=torch.int8))
        self.scales = nn.Buffer(torch.zeros(n_blocks, LANES))

    @classmethod
    def of(cls, weight: Float[Tensor, "out_width in_width"]) -> "Int8Matrix":
        """Rounds a matrix; ``scale = max |row| / 127``.

        Args:
            weight: The matrix.

        Returns:
            What it was rounded to.

        Example:
            >>> Int8Matrix.of(torch.tensor([[127.0, -3.2]])).dequantized()
            tensor([[127.,  -3.]])
        """
        matrix = cls(*weight.shape)

        def store(block: Float[Tensor, "rows in_width"], first: int, last: int) -> None:
            scale = block.abs().amax(-1) / 127
            codes = (block / torch.where(scale == 0, 1.0, scale)[:, None]).round().to(torch.int8)
            groups, lanes = INT8_GROUPS
            tiled = _padded(codes, matrix.codes.shape[1] * STEP).view(-1, groups, lanes, matrix.codes.shape[1], STEP)
            matrix.codes[first:last] = tiled.permute(0, 3, 1, 4, 2)
            matrix.scales[first:last] = scale.view(-1, LANES)

        _by_blocks(weight, store)
        return matrix

    @property
    def stored_width(self) -> int:
        """Number of columns, with those that pad the last step."""
        return self.codes.shape[1] * STEP

    def row_product(self) -> RowProduct:
        """Returns the function ``x -> W x`` for one row of ``stored_width`` numbers; its result fills whole blocks."""
        codes, scales = self.codes.numpy(), self.scales.numpy()
        return lambda x: multiply_int8(x[None], codes, scales)[0]

    def multiply(self, x: Float[Tensor, "rows in_width"]) -> Float[Tensor, "rows out_width"]:
        """Returns ``x W^T``."""
        x = _padded(x, self.stored_width).contiguous()
        y = multiply_int8(x.numpy(), self.codes.numpy(), self.scales.numpy())
        return torch.from_numpy(y)[:, : self.out_width]

    def rows(self, ids: Int[Tensor, " n"]) -> Float[Tensor, "n in_width"]:
        """Returns some rows as floats."""
        block, lane = ids // LANES, ids % LANES
        wide = INT8_GROUPS[1]
        codes = self.codes[block, :, lane // wide, :, lane % wide].flatten(1)[:, : self.in_width]
        return codes * self.scales[block, lane][:, None]

    def dequantized(self) -> Float[Tensor, "out_width in_width"]:
        """Returns all rows as floats."""
        return self.rows(torch.arange(self.out_width))


class Int4Matrix(nn.Module):
    """Weights as whole multiples, -8 to 7, of one bfloat16 scale for every group of neighbors in a row.

    Args:
        out_width: Rows; stored in blocks of ``LANES``, the last one filled up with zeros.
        in_width: Columns; the last group of a row may be shorter and is filled up.
        group: Weights that share a scale, a multiple of ``STEP``.

    Raises:
        InputError: The group is no multiple of ``STEP``.
    """

    def __init__(self, out_width: int, in_width: int, *, group: int = 32) -> None:
        if group < STEP or group % STEP:
            raise InputError(f"a group of {group} weights", fix=f"take a multiple of {STEP}, such as 32")
        super().__init__()
        self.out_width, self.in_width, self.group = out_width, in_width, group
        n_blocks, n_groups = -(-out_width // LANES), -(-in_width // group)
        zeros = torch.full((n_blocks, n_groups * group // STEP, LANES, STEP // 2), 0x88, dtype=torch.uint8)
        self.codes = nn.Buffer(zeros.view(torch.int32).squeeze(-1))
        self.scales = nn.Buffer(torch.zeros(n_blocks, n_groups, LANES, dtype=torch.bfloat16))

    @classmethod
    def of(cls, weight: Float[Tensor, "out_width in_width"], *, group: int = 32) -> "Int4Matrix":
        """Rounds a matrix; each group gets the scale of smallest squared error among those tried.

        Args:
            weight: The matrix.
            group: Weights that share a scale.

        Returns:
            What it was rounded to.

        Example:
            >>> Int4Matrix.of(torch.tensor([[-8.0, 7.0, 0.9]])).dequantized()
            tensor([[-8.,  7.,  1.]])
        """
        matrix = cls(*weight.shape, group=group)
        n_columns = matrix.scales.shape[1] * group

        def store(block: Float[Tensor, "rows in_width"], first: int, last: int) -> None:
            codes, scale = _nearest_int4(_padded(block, n_columns).view(len(block), -1, group))
            stored = codes.flatten(1).contiguous()
            words = (stored[:, 0::2] | (stored[:, 1::2] << 4)).view(torch.int32)
            matrix.codes[first:last] = words.view(-1, LANES, n_columns // STEP).mT
            matrix.scales[first:last] = scale.view(-1, LANES, scale.shape[1]).mT

        _by_blocks(weight, store)
        return matrix

    @property
    def stored_width(self) -> int:
        """Number of columns, with those that pad the last group."""
        return self.codes.shape[1] * STEP

    def row_product(self) -> RowProduct:
        """Returns the function ``x -> W x`` for one row of ``stored_width`` numbers; its result fills whole blocks."""
        codes, scales = self.codes.numpy(), self.scales.view(torch.int16).numpy()
        return lambda x: multiply_int4(x[None], codes, scales)[0]

    def multiply(self, x: Float[Tensor, "rows in_width"]) -> Float[Tensor, "rows out_width"]:
        """Returns ``x W^T``."""
        x = _padded(x, self.stored_width).contiguous()
        y = multiply_int4(x.numpy(), self.codes.numpy(), self.scales.view(torch.int16).numpy())
        return torch.from_numpy(y)[:, : self.out_width]

    def rows(self, ids: Int[Tensor, " n"]) -> Float[Tensor, "n in_width"]:
        """Returns some rows as floats."""
        block, lane = ids // LANES, ids % LANES
        words = self.codes[block, :, lane][..., None] >> torch.arange(0, 4 * STEP, 4)
        codes = (words & 15).view(len(ids), self.scales.shape[1], self.group).float() - 8
        return (codes * self.scales[block, :, lane].float()[..., None]).flatten(1)[:, : self.in_width]

    def dequantized(self) -> Float[Tensor, "out_width in_width"]:
        """Returns all rows as floats."""
        return self.rows(torch.arange(self.out_width))


def _nearest_int4(groups: Float[Tensor, "rows groups group"]) -> tuple[Tensor, Tensor]:
    # The scale has the sign that puts the weight of the largest size on -8, which is one step further out than 7.
    extreme = groups.gather(-1, groups.abs().argmax(-1, keepdim=True))
    # Rounded as they will be stored, so that the codes are the nearest under that very scale.
    tried = (extreme * (torch.tensor(_SHARES) / -8)).bfloat16().float()
    chosen = choose_scales(groups.flatten(0, 1).numpy(), tried.flatten(0, 1).numpy())
    scale = torch.from_numpy(chosen).view(groups.shape[:-1])
    codes = (groups / torch.where(scale == 0, 1.0, scale)[..., None]).round().clamp(-8, 7) + 8
    return codes.to(torch.uint8), scale.bfloat16()


def _by_blocks(weight: Tensor, store: Callable[[Tensor, int, int], None]) -> None:
    n_blocks = -(-len(weight) // LANES)
    at_a_time = max(1, _AT_A_TIME // (LANES * weight.shape[1]))
    for first in range(0, n_blocks, at_a_time):
        last = min(first + at_a_time, n_blocks)
        rows = weight[first * LANES : last * LANES].detach().float()
        store(F.pad(rows, (0, 0, 0, (last - first) * LANES - len(rows))), first, last)


def _padded(x: Tensor, n_columns: int) -> Tensor:
    missing = n_columns - x.shape[-1]
    return F.pad(x, (0, missing)) if missing else x
