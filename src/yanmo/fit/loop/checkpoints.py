"""Checkpoints of a run: when they are written, how a whole one is marked, and which are found again or deleted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerCallback

from ...errors import InputError

__all__ = ["EvenSchedule", "last_checkpoint", "saying_how_to_go_on"]

# Written last into a checkpoint: one without it was cut short by a kill.
_COMPLETE = "complete"


def last_checkpoint(folder: Path) -> Path | None:
    """Finds the newest whole checkpoint and deletes those that a kill left unfinished.

    Args:
        folder: Where the checkpoints are.

    Returns:
        The checkpoint, or None.
    """
    found = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for step, path in list(found.items()):
        if not (path / _COMPLETE).exists():
            shutil.rmtree(path)
            del found[step]
    return found[max(found)] if found else None


@contextmanager
def saying_how_to_go_on(step: int, folder: str | None) -> Iterator[None]:
    """Turns what torch and safetensors make of a full disk into a sentence that says what to do.

    Args:
        step: The step being saved.
        folder: The run's folder.

    Yields:
        Nothing.

    Raises:
        InputError: The checkpoint could not be written.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"the checkpoint of step {step} could not be written ({error})",
            where=folder,
            fix="free space, then go on from the checkpoint before it with --resume",
        ) from error


class EvenSchedule(TrainerCallback):
    """Evaluates and saves at even shares of the run, and marks each checkpoint that was written to its end.

    Args:
        n_steps: Steps of the run.
        n_evaluations: Evaluations, the last at the end; 0 makes none.
        n_checkpoints: Checkpoints, the last at the end.
    """

    def __init__(self, n_steps: int, *, n_evaluations: int, n_checkpoints: int) -> None:
        self._evaluate = {-(-n_steps * i // n_evaluations) for i in range(1, n_evaluations + 1)}
        self._save = {-(-n_steps * i // n_checkpoints) for i in range(1, n_checkpoints + 1)}

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Asks for what is due at this step."""
        control.should_evaluate |= state.global_step in self._evaluate
        control.should_save |= state.global_step in self._save

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Marks the checkpoint and deletes those before it, except the best."""
        if not state.is_world_process_zero:
            return
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        for file in folder.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        (folder / _COMPLETE).touch()
        # Not before the new one is marked may the one before it go.
        keep = {folder.name, Path(state.best_model_checkpoint or folder).name}
        for old in folder.parent.glob("checkpoint-*"):
            if old.name not in keep:
                shutil.rmtree(old)
