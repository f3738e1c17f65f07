"""The figures of the study *simsiam-boundary*."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..canvas import panels

__all__ = ["draw_boundary", "draw_text"]

_TICKS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)


def draw_boundary(numbers: Mapping[str, Any]) -> Figure:
    """Draws the decay that is survived against the predictor's speed: the line of two numbers, networks as points."""
    figure, (panel,) = panels(1, title="Weight decay that SimSiam bears")
    boundary = numbers["boundary"]
    speeds, predicted = np.asarray(boundary["speeds"]), np.asarray(boundary["predicted"])
    panel.plot(speeds, predicted, color="#33658a", label="two numbers, p and s")
    top = numbers["critical_decay"] * 1.15
    panel.fill_between(speeds, predicted, top, color="#e09f3e", alpha=0.15, linewidth=0, label="collapse")
    for i, row in enumerate(np.asarray(boundary["measured"])):
        label = "networks, half of the directions left" if i == 0 else None
        panel.plot(speeds, row, "o", color="#9e2a2b", markersize=4, label=label)
    panel.axhline(numbers["critical_decay"], color="grey", linestyle=":", linewidth=1, label="1/(4c)")
    panel.set(xscale="log", xlabel="predictor's rate / encoder's rate", ylabel="weight decay", ylim=(0, None))
    panel.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def draw_text(text: Mapping[str, Any]) -> Figure:
    """Draws how many directions of the texts are left against the decay."""
    figure, (panel,) = panels(1, title="Directions of texts that are left")
    panel.step(text["decays"], text["predicted"], where="mid", color="#33658a", label="each direction by itself")
    for i, row in enumerate(text["measured"]):
        label = "networks on views of texts" if i == 0 else None
        panel.plot(text["decays"], row, "o", color="#9e2a2b", markersize=4, label=label)
    panel.set(xscale="log", xlabel="weight decay", ylabel="directions left")
    panel.set_xticks(ticks := [tick for tick in _TICKS if min(text["decays"]) <= tick <= max(text["decays"])])
    panel.set_xticklabels([f"{tick:g}" for tick in ticks])
    panel.minorticks_off()
    panel.legend(frameon=False, fontsize=8)
    return figure
