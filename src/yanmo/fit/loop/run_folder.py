"""A run's folder: held by one process at a time, begun once, and gone on with only by the same run."""

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from ...atomic import is_temporary, replacing
from ...errors import InputError

__all__ = ["RUN_FILE", "check_same_run", "clear_leftovers", "environment", "hold_folder", "trim_history", "write_json"]

RUN_FILE = "run.json"
"""What the run is, written when it begins."""
_LOCK = ".lock"
# How people call what a record holds.
_WORDS = {
    "base_fingerprint": "another base (weights, configuration or tokenizer)",
    "training_fingerprint": "other training data",
    "validation_fingerprint": "other validation data",
    "task_set": "other tasks",
    "corpus": "another corpus",
    "encoding": "another text encoding",
    "on_bad_line": "another way with bad lines",
    "n_processes": "another number of processes",
    "config": "other settings",
}


def environment() -> dict[str, Any]:
    """Names what bit-identical results depend on besides the settings."""
    return {
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("yanmo", "torch", "transformers")},
    }


@contextmanager
def hold_folder(out: Path, *, resume: bool, finished: str, leftovers: Sequence[Path]) -> Iterator[None]:
    """Keeps a run's folder to this process, and clears it of what killed ones left.

    A new run that is refused before it wrote anything but its record leaves no folder behind.

    Args:
        out: The folder.
        resume: Whether to go on with the run in it; otherwise it must be new.
        finished: Name of the file that a finished run has.
        leftovers: Where else the run keeps what is deleted when it is finished.

    Yields:
        Nothing.

    Raises:
        InputError: Another process holds it, or it holds something else, no run, or a finished one.
    """
    lock, was_there = out / _LOCK, out.exists()
    if not lock.exists():
        _refuse_unless_fit(out, resume=resume)  # before anything is written there
    out.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout as error:
        raise InputError(
            "another run is going on in this folder", where=out, fix="wait for it, or name a new folder"
        ) from error
    try:
        _refuse_unless_fit(out, resume=resume)
        _delete(path for path in out.rglob(".*") if is_temporary(path.name))
        if (out / finished).exists():
            clear_leftovers(out, leftovers)
            raise InputError("the run is finished", where=out, fix="use it, or name a new folder")
        yield
    except InputError:
        if not resume and {path.name for path in out.iterdir()} == {RUN_FILE, _LOCK}:
            (out / RUN_FILE).unlink()
        raise
    finally:
        with suppress(PermissionError):  # where an open file cannot be deleted; filelock does so itself there
            lock.unlink(missing_ok=True)
        held.release()
        if not was_there and not any(out.iterdir()):
            out.rmdir()


def _refuse_unless_fit(out: Path, *, resume: bool) -> None:
    if resume:
        if not (out / RUN_FILE).is_file():
            raise InputError("holds no run to go on with", where=out, fix="start it without --resume")
    elif out.exists() and (not out.is_dir() or not all(_is_ours(path.name) for path in out.iterdir())):
        fix = "name another, or go on with the run in it with --resume"
        raise InputError("the output folder exists and is not empty", where=out, fix=fix)


def _is_ours(name: str) -> bool:
    return name == _LOCK or is_temporary(name)


def clear_leftovers(out: Path, leftovers: Sequence[Path]) -> None:
    """Deletes what a finished run does not need: its checkpoints, and what it keeps elsewhere.

    Args:
        out: The run's folder.
        leftovers: Folders; need not exist.
    """
    _delete([*out.glob("checkpoint-*"), *leftovers])


def _delete(paths: Iterator[Path] | Sequence[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def check_same_run(out: Path, record: Mapping[str, Any]) -> list[str]:
    """Makes sure that the run in a folder is this run.

    Args:
        out: The folder.
        record: What the run is; ``origin`` and ``environment`` may differ from those it began with.

    Returns:
        What makes going on inexact, in words.

    Raises:
        InputError: It is another; the message says what differs.
    """
    file = out / RUN_FILE
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("cannot be read as a run's record", where=file, fix="start a new folder") from error
    differing = [
        _difference(key, there.get(key), value)
        for key, value in record.items()
        if key not in ("origin", "environment") and there.get(key) != value
    ]
    if differing:
        *most, last = differing
        raise InputError(
            f"the run was started with {', '.join(most)}{' and ' if most else ''}{last}",
            where=file,
            fix="go on with what it was started with, or start a new folder",
        )
    before = there.get("environment", {})
    changed = [
        f"{name} {before.get(name)} → {value}"
        for name, value in record["environment"].items()
        if before.get(name) != value
    ]
    return [f"环境与开始时不同（{'，'.join(changed)}），可以接着训练，但结果不会逐位相同"] if changed else []


def _difference(key: str, before: Any, now: Any) -> str:
    said = _WORDS.get(key, f"another {key}")
    if key != "config" or not isinstance(before, Mapping):
        return said
    old, new = _flat(before), _flat(now)
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    shown = ", ".join(f"{name} {old.get(name)}, now {new.get(name)}" for name in changed[:5])
    return f"{said} ({shown}{', …' if len(changed) > 5 else ''})"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by the names that ``--set`` has for them."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def trim_history(file: Path, step: int) -> None:
    """Keeps the evaluations up to a step: those after the checkpoint come again, and a kill may have torn the last.

    Args:
        file: JSON lines with a ``step`` each; need not exist.
        step: The last step to keep.
    """
    if not file.exists():
        return
    whole = [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    with replacing(file) as temporary:
        temporary.write_text("".join(line for line in whole if json.loads(line)["step"] <= step), encoding="utf-8")


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Writes a JSON file for people to read, whole or not at all.

    Args:
        file: Written or replaced.
        values: What it says.
    """
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
