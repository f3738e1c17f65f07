"""The verb ``yanmo quantize``: a language model in 8 or 4 bits."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import require_extra
from ...progress import RunProgress

__all__ = ["quantize"]


class WeightBits(str, Enum):
    """Bits of a weight."""

    EIGHT = "8"
    FOUR = "4"


def quantize(
    model: Annotated[Path, typer.Argument(help="GPT-2 的 Hugging Face 目录 / folder of a GPT-2, such as CPM-LM")],
    out: Annotated[Path, typer.Option(help="要建立的目录 / the folder to make")],
    bits: Annotated[WeightBits, typer.Option(help="每个权重的位数 / bits of a weight")] = WeightBits.EIGHT,
    table_bits: Annotated[
        WeightBits, typer.Option(help="词表的位数 / bits of a weight of the token table")
    ] = WeightBits.EIGHT,
    group: Annotated[
        int, typer.Option(help="4 位时多少个权重共用一个比例 / weights that share a scale, for 4 bits")
    ] = 32,
) -> None:
    """Write a language model with its weights in 8 or 4 bits; it loads in seconds and computes on the processor.

    Example: yanmo quantize cpm-lm --bits 8 --out cpm-lm-int8
    """
    require_extra("torch", extra="torch")
    require_extra("numba", extra="generate")
    from ...errors import InputError
    from ...generate.quantized.quantize import quantize_folder
    from ...generate.quantized.weight_storage import Bits, WeightStorage

    if group < 8 or group % 8:
        raise InputError(f"--group is {group}", fix="take a multiple of 8, such as 32")
    storage = WeightStorage(bits=Bits(int(bits.value)), table_bits=Bits(int(table_bits.value)), group=group)
    console = Console(stderr=True)
    with RunProgress(console) as progress:
        done = quantize_folder(
            model,
            out,
            storage=storage,
            on_written=lambda n, total: progress.show("量化 quantizing", n, total, unit="tensors"),
        )
    console.print(
        f"{done.n_parameters:,} 个参数，{done.n_bytes / 1e9:.2f} GB，已写入 {out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
