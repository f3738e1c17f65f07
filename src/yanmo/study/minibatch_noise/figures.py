"""The figure of the study *minibatch-noise*."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ..canvas import panels
from .epochs import FITTED

__all__ = ["draw_epochs"]


def draw_epochs(losses: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the distance from each flow against the rate, one panel a loss."""
    figure, axes = panels(len(losses), title="One epoch of minibatches, mean over all orders, and three flows")
    for panel, row in zip(axes, losses, strict=True):
        for name, distances in row["distances"].items():
            panel.plot(row["scaled_rates"], distances, marker="o", markersize=3, label=name)
        panel.axvspan(*FITTED, color="#e09f3e", alpha=0.12, linewidth=0)
        panel.set(
            xscale="log",
            yscale="log",
            title=row["title"],
            xlabel="rate x steps x sharpness (shaded: fitted)",
            ylabel="distance",
        )
    axes[0].legend(frameon=False, fontsize=8)
    return figure
