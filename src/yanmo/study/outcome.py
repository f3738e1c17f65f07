"""What a study returns, and how it is saved: one JSON with every number, and figures as PNG."""

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from ..atomic import replacing

__all__ = ["Study", "StudyOutcome", "plain", "save_outcome"]

_PACKAGES = ("yanmo", "torch", "numpy", "scipy", "scikit-learn", "matplotlib")


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What a study found: numbers, tables and figures.

    Attributes:
        name: Name of the study with underscores, such as ``implicit_gradient``; files are named after it.
        seeds: Every seed that was used.
        numbers: Every number that a table or a figure shows, as nested mappings, sequences, arrays and scalars.
        tables: For the terminal.
        figures: Name to figure. Labels are English: not every machine has a font with Chinese characters.
    """

    name: str
    seeds: tuple[int, ...]
    numbers: Mapping[str, Any]
    tables: Sequence[Table]
    figures: Mapping[str, Figure]


class Study(Protocol):
    """A study: a function named ``run_<name>`` in the module ``yanmo.study.<name>``."""

    def __call__(self, *, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
        """Runs the study.

        Args:
            quick: Under a minute on one core, with the same parts but fewer and smaller runs.
            data: Folder of real data, laid out as the study's page says; None runs on what ships.
            console: Where progress is shown.

        Returns:
            What was found.
        """
        ...


def save_outcome(outcome: StudyOutcome, folder: Path, *, quick: bool, seconds: float) -> list[Path]:
    """Writes ``<name>.json`` and ``figures/<name>_<figure>.png``, each whole or not at all.

    Args:
        outcome: What was found.
        folder: Where to write; files of an earlier run of the same study are replaced.
        quick: Whether it was the quick run; stands in the JSON.
        seconds: How long the run took.

    Returns:
        The files written, the JSON first.
    """
    record = {
        "study": outcome.name,
        "quick": quick,
        "seconds": round(seconds, 1),
        "seeds": outcome.seeds,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.platform(terse=True),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
        },
        "numbers": outcome.numbers,
    }
    written = [folder / f"{outcome.name}.json"]
    with replacing(written[0]) as temporary:
        temporary.write_text(
            json.dumps(plain(record), ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
    for key, figure in outcome.figures.items():
        written.append(folder / "figures" / f"{outcome.name}_{key}.png")
        with replacing(written[-1]) as temporary:
            figure.savefig(temporary, format="png", dpi=100)
    return written


def plain(value: object) -> Any:
    """Turns nested mappings, sequences, arrays and tensors into what JSON knows.

    JSON has no infinity and no NaN, and an exploded gradient must not cost the run its record: such a number becomes
    its name, ``"inf"``, ``"-inf"`` or ``"nan"``.

    Args:
        value: What to turn.

    Returns:
        The same of dicts, lists, strings, numbers, booleans and None.

    Raises:
        TypeError: Something in it is none of these.

    Example:
        >>> plain({"slopes": np.array([2.0, math.inf]), "seeds": (0, 1)})
        {'slopes': [2.0, 'inf'], 'seeds': [0, 1]}
    """
    if isinstance(value, torch.Tensor):
        return plain(value.detach().cpu().tolist())
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"a study's numbers hold a {type(value).__name__}, which JSON does not know")
