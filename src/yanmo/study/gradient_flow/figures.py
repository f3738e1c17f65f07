"""Figures of the study *gradient-flow*."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..canvas import COLORS, panels

__all__ = ["draw_layers", "draw_steps"]

_FLOOR = -30.0


def draw_steps(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws what is left of the gradient against the distance in steps, near and far."""
    figure, (near, far) = panels(2, title="Gradient norm |d state_T / d state_t| as recurrences start", width=5.4)
    for row, color in zip(rows, COLORS, strict=False):
        distance, norms = row["distance"][0], np.maximum(np.array(row["log10_norm"]), -1e3)
        for panel in (near, far):
            panel.plot(distance, np.median(norms, 0), color=color, label=row["kind"])
            panel.fill_between(distance, norms.min(0), norms.max(0), color=color, alpha=0.15, linewidth=0)
    far.set(title="all", xlabel="distance, steps", ylabel="log10 of the norm", ylim=(_FLOOR, None))
    near.set(title="the first three decades", xlabel="distance, steps", ylabel="log10 of the norm", ylim=(-3, 0.5))
    far.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def draw_layers(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws what is left of the gradient against the distance in layers."""
    figure, (panel,) = panels(1, title="Gradient norm |d h_L / d h_l| as stacks start", width=6.4)
    for row, color in zip(rows, COLORS, strict=False):
        distance, norms = row["distance"][0], np.maximum(np.array(row["log10_norm"]), -1e3)
        panel.plot(distance, np.median(norms, 0), color=color, label=row["kind"])
        panel.fill_between(distance, norms.min(0), norms.max(0), color=color, alpha=0.15, linewidth=0)
    panel.set(xlabel="distance, layers", ylabel="log10 of the norm")
    panel.legend(frameon=False, fontsize=8)
    return figure
