"""The studies by name; one is imported, with torch and matplotlib, only when it is run."""

import time
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from .outcome import Study

from ..errors import chosen

__all__ = ["StudyName", "run_study"]


class StudyName(str, Enum):
    """What ``yanmo study`` knows: the study ``a-b`` is the function ``run_a_b`` of the module ``yanmo.study.a_b``."""

    EDGE_OF_STABILITY = "edge-of-stability"
    GRADIENT_FLOW = "gradient-flow"
    IMPLICIT_GRADIENT = "implicit-gradient"
    MINIBATCH_NOISE = "minibatch-noise"
    PENALTY_STRENGTH = "penalty-strength"
    RECURRENT_GRADIENT = "recurrent-gradient"
    SIMSIAM = "simsiam"
    SIMSIAM_BOUNDARY = "simsiam-boundary"
    TAYLOR = "taylor"


def run_study(
    name: StudyName | str, *, quick: bool, data: Path | None, out: Path, console: Console
) -> tuple[list[Table], list[Path]]:
    """Runs a study and saves what it found.

    Args:
        name: Which.
        quick: Whether to run the small version, under a minute on one core.
        data: Folder of real data; None runs on what ships.
        out: Folder for the JSON and the figures; those of an earlier run of the same study are replaced.
        console: Where progress is shown.

    Returns:
        Its tables, and the files written.
    """
    name = chosen(StudyName, name, name="name")
    from .outcome import save_outcome

    module_name = name.value.replace("-", "_")
    run: Study = getattr(import_module(f".{module_name}", __package__), f"run_{module_name}")
    began = time.monotonic()
    outcome = run(quick=quick, data=data, console=console)
    written = save_outcome(outcome, out, quick=quick, seconds=time.monotonic() - began)
    return list(outcome.tables), written
