"""The figure of the study *edge-of-stability*."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ..canvas import COLORS, panels

__all__ = ["draw_edge"]


def draw_edge(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws sharpness, sharpness over the edge, and loss against time (rate times steps), every seed a line."""
    figure, (left, middle, right) = panels(3, title="Gradient descent at the edge of stability")
    ways = list(dict.fromkeys((row["rate"], row["momentum"]) for row in runs))
    for (rate, momentum), color in zip(ways, COLORS, strict=False):
        some = [row for row in runs if (row["rate"], row["momentum"]) == (rate, momentum)]
        label = f"rate {rate:g}" + (f", momentum {momentum:g}" if momentum else "")
        style = "--" if momentum else "-"
        for row in some:
            left.plot(row["times"], row["sharpnesses"], style, color=color, linewidth=0.9)
            of_edge = [value / row["edge"] for value in row["sharpnesses"]]
            first = row is some[0]
            middle.plot(row["times"], of_edge, style, color=color, linewidth=0.9)
            right.plot(row["times"], row["losses"], style, color=color, linewidth=0.9, label=label if first else None)
        left.axhline(some[0]["edge"], color=color, linestyle=":", linewidth=0.8)
    middle.axhline(1, color="black", linestyle=":", linewidth=0.8)
    top = max(max(row["sharpnesses"]) for row in runs)
    left.set(xlabel="rate x steps", ylabel="sharpness", title="sharpness (dotted: the edges)", ylim=(0, 1.1 * top))
    middle.set(xlabel="rate x steps", ylabel="sharpness / edge", title="as a share of the edge", ylim=(0, None))
    right.set(xlabel="rate x steps", ylabel="training loss", title="loss", yscale="log")
    right.legend(frameon=False, fontsize=8)
    return figure
