"""Every tensor of a folder accounted for: what is missing, unknown, misshapen or not finite is refused by its name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError

__all__ = ["Says", "account", "is_finite", "require_finite"]

_DAMAGED = "the weights are damaged or their training diverged; get the folder again, or take an earlier checkpoint"


@dataclass(frozen=True)
class Says:
    """What the refusals of one kind of folder say.

    Attributes:
        whole: What an unknown tensor is no part of, such as ``a bert encoder``.
        missing: What to do about a missing tensor.
        unknown: What to do about an unknown one.
        misshapen: What to do about one of another shape or type.
        not_finite: What to do about one that holds an infinite value or none.
        sizes: The file that says which shapes there should be.
    """

    whole: str
    missing: str
    unknown: str | None
    misshapen: str
    not_finite: str = _DAMAGED
    sizes: str = "config.json"


def account(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    *,
    where: Path,
    says: Says,
    same_types: bool = False,
) -> None:
    """Refuses a folder unless its tensors are those expected, no more and no fewer, and finite.

    Tensors on the meta device have no values: of them names and shapes are judged here, and the values by
    `require_finite` when they are read.

    Args:
        tensors: The folder's tensors, under the names that messages shall use.
        expected: Tensors of the right shapes under the same names, such as those of a network on the meta device.
        where: The folder.
        says: What its refusals say.
        same_types: Whether the element types must be equal too.

    Raises:
        InputError: A tensor is unknown, missing, of another shape (or type), or not finite.

    Example:
        >>> says = Says("a line", missing="get it again", unknown="delete it", misshapen="get it again")
        >>> account({"a": torch.tensor([1.0, math.nan])}, {"a": torch.zeros(2)}, where=Path("m"), says=says)
        Traceback (most recent call last):
        yanmo.errors.InputError: m: the tensor 'a' has values that are infinite or no number. Fix: ...
    """
    for names, kind, fix in (
        (tensors.keys() - expected.keys(), f"is no part of {says.whole}", says.unknown),
        (expected.keys() - tensors.keys(), "is missing", says.missing),
    ):
        if names:
            others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            raise InputError(f"the tensor '{min(names)}'{others} {kind}", where=where, fix=fix)
    for name, wanted in expected.items():
        found = tensors[name]
        if found.shape != wanted.shape or (same_types and found.dtype != wanted.dtype):
            given, asked = (f"{list(t.shape)}{f' of {t.dtype}' if same_types else ''}" for t in (found, wanted))
            raise InputError(
                f"the tensor '{name}' has the shape {given}, {says.sizes} asks for {asked}",
                where=where,
                fix=says.misshapen,
            )
    for name in expected:
        require_finite(name, tensors[name], where=where, fix=says.not_finite)


def require_finite(name: str, tensor: Tensor, *, where: str | Path, fix: str = _DAMAGED) -> None:
    """Refuses a tensor with an infinite value or one that is no number.

    Args:
        name: Its name.
        tensor: The tensor; one without values (on the meta device) passes.
        where: The file or folder it stands in.
        fix: What to do about it.

    Raises:
        InputError: A value is not finite.
    """
    if not is_finite(tensor):
        raise InputError(f"the tensor '{name}' has values that are infinite or no number", where=where, fix=fix)


def is_finite(tensor: Tensor) -> bool:
    """Whether all values are finite numbers.

    The least and the greatest value tell it (a NaN makes both NaN), in one pass at the speed of the memory and without
    a second tensor; ``isfinite`` takes thirty times as long. Whole numbers, such as quantized codes, are not read.

    Args:
        tensor: Any tensor.

    Returns:
        True for whole numbers, for no values at all and on the meta device.

    Example:
        >>> is_finite(torch.tensor([1.0, -math.inf])), is_finite(torch.tensor([65504.0], dtype=torch.float16))
        (False, True)
    """
    if tensor.is_meta or not tensor.is_floating_point() or not tensor.numel():
        return True
    # torch compares no numbers of one byte.
    low, high = torch.aminmax(tensor.detach() if tensor.itemsize > 1 else tensor.detach().float())
    return math.isfinite(low) and math.isfinite(high)
