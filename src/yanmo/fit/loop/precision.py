"""The numbers that training multiplies: float32, or bfloat16 where the hardware has units for it."""

from enum import Enum

import torch

from ...errors import InputError, chosen

__all__ = ["Precision", "autocast"]


class Precision(str, Enum):
    """How exact products are while training; weights, gradients of weights and scoring stay in float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def autocast(precision: Precision | str, device: torch.device) -> torch.autocast:
    """Makes the context a loss is computed in.

    Args:
        precision: The wanted precision.
        device: Where the model is.

    Returns:
        A context manager; it changes nothing for float32.

    Raises:
        InputError: bfloat16 is wanted of hardware that would only imitate it, many times slower.
    """
    precision = chosen(Precision, precision, name="precision")
    wanted = precision is Precision.BFLOAT16
    if wanted and not _has_bfloat16(device):
        raise InputError(
            f"precision is bfloat16, for which this {device.type} has no units", fix="set precision to float32"
        )
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return True  # of other accelerators torch itself knows
