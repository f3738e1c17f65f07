"""Weights in 4 or 8 bits with one scale per block of a row, multiplied by ONNX Runtime in that form."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..errors import InputError, chosen
from .graph_node import graph_node
from .weight_plan import WeightForm

__all__ = ["BlockEmbedding", "BlockLinear", "quantize_blocks", "restore_blocks"]

_MAX_FACTORS = tuple(1 - step / 40 for step in range(13))


def quantize_blocks(
    weight: Float[Tensor, "rows columns"], form: WeightForm | str
) -> tuple[UInt8[Tensor, "rows blocks bytes"], Float[Tensor, "rows blocks"]]:
    """Rounds a matrix to whole multiples of one scale a block.

    ``w = scale * (code - 2^(bits-1))`` with the codes 0 to ``2^bits - 1``. The scale puts the block's largest weight on
    code 0; for 4 bits, scales down to 0.7 of that are tried as well and the one of the smallest squared error is kept.
    A block that lies on such a grid already comes back as it was.

    Args:
        weight: The matrix.
        form: INT8 or INT4; gives bits and block size.

    Returns:
        The codes, two to a byte for INT4 with the first in the low half, the last block filled up with zero weights;
        and the scales.

    Raises:
        InputError: The form has no codes.
    """
    form = chosen(WeightForm, form, name="form")
    if form not in (WeightForm.INT8, WeightForm.INT4):
        raise InputError(f"{form.value} weights are not stored in blocks")
    half = 2 ** (form.bits - 1)
    rows, columns = weight.shape
    blocks = nn.functional.pad(weight.detach(), (0, -columns % form.block)).view(rows, -1, form.block)
    extreme = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    best, best_error, codes = torch.zeros_like(extreme), torch.full_like(extreme, torch.inf), torch.zeros_like(blocks)
    for factor in _MAX_FACTORS if form is WeightForm.INT4 else (1.0,):
        scale = extreme * (-factor / half)
        tried = (blocks / torch.where(scale == 0, 1.0, scale)).round().clamp(-half, half - 1)
        error = (tried * scale - blocks).square().sum(-1, keepdim=True)
        better = error < best_error
        best, best_error = torch.where(better, scale, best), torch.where(better, error, best_error)
        codes = torch.where(better, tried, codes)
    stored = (codes + half).to(torch.uint8)
    if form is WeightForm.INT4:
        stored = stored[..., 0::2] | (stored[..., 1::2] << 4)
    return stored, best[..., 0]


def restore_blocks(
    codes: UInt8[Tensor, "rows blocks bytes"],
    scales: Float[Tensor, "rows blocks"],
    form: WeightForm | str,
    *,
    n_columns: int,
) -> Float[Tensor, "rows {n_columns}"]:
    """Gives the float matrix that quantized blocks represent.

    Args:
        codes: As ``quantize_blocks`` gives them.
        scales: Their scales.
        form: INT8 or INT4.
        n_columns: Columns of the matrix; what the last block was filled up with is dropped.

    Returns:
        The rounded matrix.
    """
    form = chosen(WeightForm, form, name="form")
    if form is WeightForm.INT4:
        codes = torch.stack([codes & 15, codes >> 4], -1).flatten(-2)
    values: Tensor = (codes.to(torch.float32) - 2 ** (form.bits - 1)) * scales[..., None]
    return values.flatten(1)[:, :n_columns]


def _stored_scales(scales: Float[Tensor, "rows blocks"]) -> Tensor:
    """Gives the scales as float16 where that is exact; the graph turns them back into float32 when it is loaded."""
    half = scales.half()
    return half if torch.equal(half.float(), scales) else scales


class BlockLinear(nn.Module):
    """A linear layer with block-quantized weights; it computes only inside an exported graph.

    Activations are rounded to 8 bits too, each row and block by its own scale, so that a score does not depend on
    what else is in the batch.

    Args:
        linear: The layer to store.
        form: INT8 or INT4.
    """

    def __init__(self, linear: nn.Linear, form: WeightForm | str) -> None:
        super().__init__()
        form = chosen(WeightForm, form, name="form")
        codes, scales = quantize_blocks(linear.weight, form)
        self.codes = nn.Buffer(codes)
        self.scales = nn.Buffer(_stored_scales(scales))
        self.bias = linear.bias
        # accuracy_level 4 is what asks for 8-bit activations.
        self.attributes = {
            "K": linear.in_features,
            "N": linear.out_features,
            "bits": form.bits,
            "block_size": form.block,
            "accuracy_level": 4,
        }

    def forward(self, x: Float[Tensor, "... in_width"]) -> Float[Tensor, "... out_width"]:
        """Returns ``x W^T + b``."""
        shape = (*x.shape[:-1], self.attributes["N"])
        y = graph_node("MatMulNBits", (x, self.codes, self.scales.float()), self.attributes, shape)
        return y if self.bias is None else y + self.bias


class BlockEmbedding(nn.Module):
    """An embedding table with block-quantized weights; it computes only inside an exported graph.

    Args:
        table: The table to store; its width is a multiple of the form's block.
        form: INT8 or INT4.
    """

    def __init__(self, table: nn.Embedding, form: WeightForm | str) -> None:
        super().__init__()
        form = chosen(WeightForm, form, name="form")
        codes, scales = quantize_blocks(table.weight, form)
        self.codes = nn.Buffer(codes.flatten(1))
        self.scales = nn.Buffer(_stored_scales(scales))
        self.width, self.num_embeddings = table.embedding_dim, table.num_embeddings
        self.attributes = {"bits": form.bits, "block_size": form.block, "gather_axis": 0, "quantize_axis": 1}

    def forward(self, ids: Tensor) -> Float[Tensor, "... width"]:
        """Returns the rows of ``ids``."""
        inputs = (self.codes, ids, self.scales.float())
        return graph_node("GatherBlockQuantized", inputs, self.attributes, (*ids.shape, self.width))
