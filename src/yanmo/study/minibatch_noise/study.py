"""The study *minibatch-noise*: what the mean over all orders of an epoch minimizes beside the loss."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from ...errors import InputError
from ...progress import RunProgress
from ..outcome import StudyOutcome
from .epochs import FITTED, measure_epochs
from .figures import draw_epochs
from .losses import network_loss, product_loss, quadratic_loss
from .tables import epoch_table

__all__ = ["run_minibatch_noise"]

_FULL = tuple(np.logspace(-3.5, 0, 29).tolist())
_QUICK = tuple(np.logspace(-3, -2, 3).tolist())


def run_minibatch_noise(*, quick: bool, data: Path | None, console: Console) -> StudyOutcome:
    """Measures the distance of the mean epoch from three flows, on three losses of four batches each.

    Args:
        quick: Fewer rates.
        data: Must be None.
        console: Where progress is shown.

    Returns:
        What was found.

    Raises:
        InputError: ``data`` is given, which this study could only ignore.

    Source: arXiv:2101.12176; kexue.fm/archives/7787 for the full batch.
    """
    if data is not None:
        raise InputError("this study makes its own losses", where=data, fix="leave --data out")
    rates = _QUICK if quick else _FULL
    examples = (quadratic_loss(), product_loss(), network_loss(n_examples=5 if quick else 20))
    measured = []
    with RunProgress(console) as progress:
        done = 0

        def on_rate() -> None:
            nonlocal done
            done += 1
            progress.show("one epoch, all orders", done, len(examples) * len(rates), unit="rates")

        for example in examples:
            measured.append(asdict(measure_epochs(example, scaled_rates=rates, on_rate=on_rate)))
    return StudyOutcome(
        name="minibatch_noise",
        seeds=(0,),
        numbers={"fitted": FITTED, "n_batches": len(examples[0].batches), "losses": measured},
        tables=[epoch_table(measured)],
        figures={"epochs": draw_epochs(measured)},
    )
