"""The tensors that a regularizer takes gradients of or moves: each once, and each able to learn."""

from collections.abc import Iterable

from torch import Tensor

from ..errors import InputError

__all__ = ["learning_tensors"]


def learning_tensors(tensors: Iterable[Tensor], *, are_moved: bool = True) -> list[Tensor]:
    """Lists tensors once each, whatever they were handed in as, and refuses those that a gradient does not reach.

    A generator such as ``model.parameters()`` can be read only once, and a parameter that several modules share may
    come several times: it would be moved as often.

    Args:
        tensors: Parameters, or inputs that require a gradient.
        are_moved: Whether they are also changed in place, which only leaves can be.

    Returns:
        The tensors in their order.

    Raises:
        InputError: There is none, one is no tensor that requires a gradient (or no leaf), or two share their memory.

    Example:
        >>> import torch
        >>> x = torch.zeros(2, requires_grad=True)
        >>> len(learning_tensors(iter([x, x])))
        1
    """
    if isinstance(tensors, Tensor):
        raise InputError("one tensor was given, a list of tensors was expected", fix="put it into a list")
    once: dict[int, Tensor] = {}
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise InputError(
                f"a {type(tensor).__name__} stands among the tensors", fix="hand in tensors, as model.parameters() does"
            )
        once[id(tensor)] = tensor
    found = list(once.values())
    if not found:
        raise InputError("no tensor was given", fix="hand in at least one; a generator that was read before is empty")
    for tensor in found:
        if not tensor.requires_grad or (are_moved and not tensor.is_leaf):
            kind = "leaf" if are_moved else "tensor"
            raise InputError(
                f"a tensor of shape {list(tensor.shape)} is no {kind} that requires a gradient",
                fix="hand in parameters that learn ([p for p in model.parameters() if p.requires_grad]), or inputs "
                "after requires_grad_()",
            )
    places = [(t.device, t.data_ptr()) for t in found if t.numel()]
    if are_moved and len(set(places)) < len(places):
        raise InputError(
            "two different tensors share their memory, and would be moved twice",
            fix="tie them as one Parameter (b.weight = a.weight), not by b.weight.data = a.weight.data",
        )
    return found
