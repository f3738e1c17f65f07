"""The processes that train together under torchrun: which of them this one is, and how others wait for the first."""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from accelerate import PartialState

__all__ = ["Processes", "join_processes", "uses_cpu"]

# So long may the others wait for the first to compute what all of them read; one that dies is noticed at once.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those of its run."""

    rank: int = 0
    """Its number, from 0."""
    count: int = 1
    """How many there are."""

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.rank == 0

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Lets the first process through a ``with`` block before any other enters it.

        Yields:
            Nothing.
        """
        if self.count == 1:
            yield
            return
        with PartialState().main_process_first():
            yield


def join_processes() -> Processes:
    """Meets the other processes of the run where torchrun started several; every one of them must call it.

    They part when the interpreter ends: threads of gloo's that outlive it abort a process whose work is done, at times.

    Returns:
        This process; the only one where torchrun did not start it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    state = PartialState(cpu=uses_cpu(), timeout=_PATIENCE)
    atexit.register(_part)
    return Processes(state.process_index, state.num_processes)


def uses_cpu() -> bool:
    """Says whether training runs on the CPU, for want of anything faster."""
    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


def _part() -> None:
    # NCCL's end may wait for processes that have failed, so it is left to torch.
    if torch.distributed.is_initialized() and torch.distributed.get_backend() == "gloo":
        torch.distributed.destroy_process_group()
