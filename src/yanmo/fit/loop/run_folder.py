"""A run's folder: begun once, gone on with only by the same run, its curve without lines from a lost future."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ...atomic import replacing
from ...errors import InputError

__all__ = ["environment", "open_run", "refuse_unless_new", "trim_history"]

_RUN_FILE = "run.json"


def environment() -> dict[str, Any]:
    """Names what bit-identical results depend on besides the settings."""
    return {
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("yanmo", "torch", "transformers")},
    }


def open_run(out: Path, record: Mapping[str, Any], *, resume: bool, finished: str) -> list[str]:
    """Starts a run folder, or checks that the one there is this run, unfinished.

    Args:
        out: The folder.
        record: What the run is; ``origin`` and ``environment`` may differ when it goes on.
        resume: Whether to go on.
        finished: Name of the file that a finished run has.

    Returns:
        What makes going on inexact, in words.

    Raises:
        InputError: The folder holds something else, another run or a finished one.
    """
    file = out / _RUN_FILE
    if not resume:
        refuse_unless_new(out)
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return []
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("holds no run to go on with", where=out, fix="start it without --resume") from error
    differing = [key for key in record if key not in ("origin", "environment") and there.get(key) != record[key]]
    if differing:
        raise InputError(
            f"the run was started with other {', '.join(differing)}",
            where=file,
            fix="go on with the same data, tasks and settings, or start a new folder",
        )
    if (out / finished).exists():
        raise InputError("the run is finished", where=out, fix="use it, or name a new folder")
    before = there.get("environment", {})
    changed = [
        f"{name} {before.get(name)} → {value}"
        for name, value in record["environment"].items()
        if before.get(name) != value
    ]
    return [f"环境与开始时不同（{'，'.join(changed)}），可以接着训练，但结果不会逐位相同"] if changed else []


def refuse_unless_new(out: Path) -> None:
    """Makes sure that a folder can take a new run.

    Args:
        out: The folder.

    Raises:
        InputError: It exists and holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        fix = "name another, or go on with the run in it with --resume"
        raise InputError("the output folder exists and is not empty", where=out, fix=fix)


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
