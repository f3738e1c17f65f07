"""The figure of the study *penalty-strength*."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ..canvas import COLORS, panels

__all__ = ["draw_strengths"]

_WAYS = {"penalty": "penalty, k x rate/4", "sam": "SAM, rho", "rate": "rate, times", "batch": "batch, examples"}


def draw_strengths(tasks: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draws the paired gain of accuracy against the strength, a row a task, a panel a way."""
    figure, all_panels = panels(
        len(_WAYS), n_rows=len(tasks), title="Gain of test accuracy over plain descent, 95 % intervals", width=3.4
    )
    for i, (name, found) in enumerate(tasks.items()):
        for (way, label), color, panel in zip(
            _WAYS.items(), COLORS, all_panels[i * len(_WAYS) : (i + 1) * len(_WAYS)], strict=False
        ):
            rows = [row for row in found["rows"] if row["way"] == way and row["accuracy_gain"] is not None]
            for key, style in (("accuracy_gain", "o-"), ("best_accuracy_gain", "s:")):
                gains = [row[key] for row in rows]
                means = [100 * gain["mean"] for gain in gains]
                bars = [
                    [100 * (gain["mean"] - gain["low"]) for gain in gains],
                    [100 * (gain["high"] - gain["mean"]) for gain in gains],
                ]
                panel.errorbar(
                    [row["strength"] for row in rows],
                    means,
                    yerr=bars,
                    fmt=style,
                    color=color,
                    linewidth=1,
                    markersize=4,
                    capsize=2,
                    label="at the end" if key == "accuracy_gain" else "best look",
                )
            panel.axhline(0, color="black", linewidth=0.8)
            panel.set(xscale="log", xlabel=label, title=name, ylabel="points" if way == "penalty" else "")
            strengths = [row["strength"] for row in rows]
            panel.set_xticks(strengths, labels=[f"{strength:g}" for strength in strengths])
            panel.minorticks_off()
    all_panels[0].legend(frameon=False, fontsize=8)
    return figure
