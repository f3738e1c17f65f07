"""The state of every random generator that dropout draws from, so that a second pass can drop the same components."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["RandomState"]


@dataclass(frozen=True, slots=True, eq=False)
class RandomState:
    """Where torch's generators stand.

    Attributes:
        cpu: State of the processor's generator.
        cuda: States of the CUDA devices' generators; empty where CUDA is not in use.
        mps: State of Apple's; None where there is none.

    Example:
        >>> state = RandomState.now()
        >>> first = torch.rand(3)
        >>> state.restore()
        >>> torch.equal(first, torch.rand(3))
        True
    """

    cpu: Tensor
    cuda: tuple[Tensor, ...]
    mps: Tensor | None

    @staticmethod
    def now() -> "RandomState":
        """Reads all states."""
        return RandomState(
            torch.get_rng_state(),
            tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_initialized() else (),  # type: ignore[no-untyped-call]
            torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        )

    def restore(self) -> None:
        """Puts all states back."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(list(self.cuda))
        if self.mps is not None:
            torch.mps.set_rng_state(self.mps)
