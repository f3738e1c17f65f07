"""The device that a person named for torch: there, or refused in one sentence."""

from ..errors import InputError, require_extra

__all__ = ["check_device"]


def check_device(device: str) -> str:
    """Makes sure that torch computes on a device, by making an empty tensor there.

    Args:
        device: As torch names it, such as ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Returns:
        The same.

    Raises:
        InputError: Torch knows no such device, or this machine has none.
        MissingExtraError: Torch is not installed.
    """
    torch = require_extra("torch", extra="torch")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        fix = "take cpu, or one that yanmo doctor lists"
        raise InputError(f"torch cannot compute on the device '{device}' ({reason})", fix=fix) from error
    return device
