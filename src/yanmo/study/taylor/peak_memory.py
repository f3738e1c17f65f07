"""The most memory that a computation's tensors take at one time, counted operation by operation."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["peak_bytes"]


def peak_bytes(call: Callable[[], object]) -> int:
    """Runs something and counts the tensors it makes, its result included.

    Unlike the process's memory this is the same on every run, and counts neither what an allocator keeps back nor the
    scratch space inside one operation.

    Args:
        call: What to run.

    Returns:
        Bytes of the storages alive at the fullest moment, less those that were there before.

    Example:
        >>> peak_bytes(lambda: torch.ones(1000) + 1)
        8000
    """
    counter = _Counter()
    with counter:
        call()
    return counter.peak


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    peak: int

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive = 0
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = {id(x.untyped_storage()) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                # What is made in place or as a view of an input takes no room of its own.
                if id(storage) not in given and storage not in self._known:
                    self._known.add(storage)
                    self._alive += storage.nbytes()
                    self.peak = max(self.peak, self._alive)
                    weakref.finalize(storage, self._forget, storage.nbytes())
        return result

    def _forget(self, n_bytes: int) -> None:
        self._alive -= n_bytes
