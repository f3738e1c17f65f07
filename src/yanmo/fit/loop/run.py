"""The life of a run, the same for every family: hold its folder, begin or go on, train, finish, clear up.

A family hands in what the run is, its trainer, and what to save at the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from ...atomic import naming
from ...progress import RunProgress
from .checkpoints import last_checkpoint
from .fingerprints import fingerprint_base
from .planned_trainer import PlannedTrainer
from .processes import Processes
from .run_folder import (
    RUN_FILE,
    check_same_run,
    clear_leftovers,
    environment,
    hold_folder,
    trim_history,
    write_json,
)

__all__ = ["Run", "open_run"]


class Run:
    """A run that holds its folder; ``begin``, ``train`` and ``finish`` are called in this order.

    Args:
        out: The folder.
        resume: Whether the run in it is gone on with.
        leftovers: Where else the run keeps what is deleted when it is finished.
        processes: Those that train together; every one of them makes every call, the first one writes.
        progress: Where a person sees it.
    """

    def __init__(
        self, out: Path, *, resume: bool, leftovers: Sequence[Path], processes: Processes, progress: RunProgress
    ) -> None:
        self.out = out
        self.processes = processes
        self.progress = progress
        self.record: dict[str, Any] = {}
        """What the run is, as ``run.json`` says it; empty in all processes but the first."""
        self._resume = resume
        self._leftovers = leftovers

    def begin(self, *, base: Path, origin: Mapping[str, Any], data: Mapping[str, Any], config: BaseModel) -> None:
        """Writes what the run is, or makes sure that the run in the folder is the same.

        Args:
            base: The folder whose weights it starts from.
            origin: Where things come from, in the user's words; may differ when a run goes on.
            data: What it learns from, as digests by name.
            config: Its settings.

        Raises:
            InputError: The folder holds another run; the message says what differs.
        """
        if not self.processes.is_first:
            return
        self.record = {
            "origin": {"base": str(base), **origin},
            "base_fingerprint": fingerprint_base(base),
            **data,
            "config": config.model_dump(mode="json"),
            "environment": {**environment(), "processes": self.processes.count},
        }
        if not self._resume:
            write_json(self.out / RUN_FILE, self.record)
            return
        for note in check_same_run(self.out, self.record):
            self.progress.say(note)

    def train(self, trainer: PlannedTrainer, *, history: str) -> None:
        """Trains to the end of the plan, from the last whole checkpoint where there is one.

        Args:
            trainer: What trains; its checkpoints are in the run's folder.
            history: Name of the file to which the trainer adds a line of JSON with a ``step`` now and then.
        """
        with self.processes.first_goes_first():  # it deletes torn checkpoints before any other looks
            checkpoint = last_checkpoint(self.out)
        if self.processes.is_first:
            step = -1 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
            trim_history(self.out / history, step)
        with naming(self.out):
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        trainer.accelerator.wait_for_everyone()

    def finish(self, save: Callable[[Path], object], *, seal: Callable[[Path], object]) -> None:
        """Saves what was learned and deletes what it took to get there.

        Args:
            save: Writes the model into the folder.
            seal: Writes the file that a finished run has.
        """
        if self.processes.is_first:
            with naming(self.out):
                save(self.out)
                seal(self.out)
            clear_leftovers(self.out, self._leftovers)


@contextmanager
def open_run(
    out: Path,
    *,
    resume: bool,
    finished: str,
    leftovers: Sequence[Path] = (),
    processes: Processes,
    console: Console | None,
) -> Iterator[Run]:
    """Takes the folder of a run, new or to go on with, until the end of a ``with`` block.

    Args:
        out: The folder.
        resume: Whether to go on with the run in it.
        finished: Name of the file that a finished run has.
        leftovers: Where else the run keeps what is deleted when it is finished.
        processes: Those that train together.
        console: Where progress is shown, by the first of them; None shows nothing.

    Yields:
        The run.

    Raises:
        InputError: Another process holds the folder, or it holds something else, no run, or a finished one.
    """
    is_first = processes.is_first
    holding = hold_folder(out, resume=resume, finished=finished, leftovers=leftovers) if is_first else nullcontext()
    shown = console if console is not None and is_first else Console(quiet=True)
    with holding, RunProgress(shown) as progress:
        yield Run(out, resume=resume, leftovers=leftovers, processes=processes, progress=progress)
