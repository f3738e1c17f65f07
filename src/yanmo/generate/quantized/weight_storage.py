"""How the matrices of a model folder are stored, as its configuration says."""

from enum import Enum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import InputError
from ...yaml_file import refusal_of
from ..gpt2_config import read_gpt2_config

__all__ = ["BLOCK", "Bits", "WeightStorage", "storage_of"]

BLOCK = "yanmo"
"""Field of ``config.json`` that holds the quantization."""


class Bits(int, Enum):
    """Bits of one weight, scales not counted."""

    INT8 = 8
    INT4 = 4


class WeightStorage(BaseModel):
    """How matrices are stored; stands in ``config.json`` under ``yanmo.quantization``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits: Bits = Field(description="Bits of a weight in the layers.")
    table_bits: Bits = Field(default=Bits.INT8, description="Bits of a weight in the token table.")
    group: int = Field(default=32, ge=8, multiple_of=8, description="Weights of 4 bits that share a scale.")
    layout: int = Field(default=2, ge=2, le=2, description="Version of the order of the codes in the file.")


def storage_of(folder: Path) -> WeightStorage | None:
    """Tells how a folder's matrices are stored.

    Args:
        folder: A GPT-2 folder, quantized or not.

    Returns:
        The storage; None for plain float weights.

    Raises:
        InputError: The configuration is missing, of another model, or names a storage that does not exist.
    """
    values = read_gpt2_config(folder).get(BLOCK)
    if values is None:
        return None
    path = folder / "config.json"
    if not isinstance(values, dict) or not isinstance(values.get("quantization"), dict):
        raise InputError(
            f"'{BLOCK}' holds no object 'quantization'", where=path, fix="quantize the model again with yanmo quantize"
        )
    try:
        return WeightStorage.model_validate(values["quantization"])
    except ValidationError as error:
        raise InputError(
            f"{BLOCK}.quantization.{refusal_of(error)}",
            where=path,
            fix="quantize the model again with yanmo quantize",
        ) from None
