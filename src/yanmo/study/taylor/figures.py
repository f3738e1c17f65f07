"""Figures of the study ``taylor``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..canvas import COLORS, panels
from .losses import LOSSES
from .tables import KERNEL_TITLES

__all__ = ["attention_figure", "loss_figure", "polynomial_figure"]


def polynomial_figure(minima: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the polynomials with their minima, and how place and value go with the order.

    Args:
        minima: The rows in the JSON.

    Returns:
        The figure.
    """
    figure, (left, middle, right) = panels(3, title="Even Taylor polynomials of exp are positive, with one minimum")
    x = np.linspace(-8, 2, 400)
    left.plot(x, np.exp(x), color="black", linestyle="--", linewidth=1.2, label="exp")
    for color, row in zip(COLORS, (row for row in minima if row["order"] <= 10), strict=False):
        order = row["order"]
        left.plot(x, sum(x**k / math.factorial(k) for k in range(order + 1)), color=color, label=f"n = {order}")
        left.plot(float(row["x"]), float(row["value"]), "o", color=color, markersize=5)
    left.set(yscale="log", ylim=(3e-3, 60), xlabel="x", title="$f_n(x)$, minimum marked")
    left.legend(fontsize=8, frameon=False, ncols=2, loc="lower right")
    orders = np.array([row["order"] for row in minima])
    middle.plot(orders, [float(row["x"]) / row["order"] for row in minima], "o-")
    middle.axhline(-0.2784645427610738, color="#999999", linestyle=":", label="$-W(1/e)$")
    middle.set(xlabel="n", title="$x_n^* / n$")
    middle.legend(fontsize=9, frameon=False)
    right.plot(orders, [float(row["value"]) for row in minima], "o-")
    right.set(yscale="log", xlabel="n", title="$f_n(x_n^*) = x_n^{*\\,n} / n!$")
    for panel in (middle, right):
        panel.set_xticks(orders)
    return figure


def loss_figure(losses: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draws every loss as a dot with its spread over the seeds, one row of panels a task.

    Args:
        losses: By task and loss, as in the JSON.

    Returns:
        The figure.
    """
    what = {"accuracy": "accuracy", "nll": "negative log-likelihood", "calibration_error": "calibration error"}
    figure, axes = panels(
        3, n_rows=len(losses), title="Softmax and Taylor softmax as loss, unseen examples", height=3.0
    )
    names = list(LOSSES)
    for row, (task, readings) in enumerate(losses.items()):
        for column, (key, title) in enumerate(what.items()):
            panel = axes[3 * row + column]
            for place, name in enumerate(names):
                values = [run[key] for run in readings[name]["runs"]]
                color = "black" if name == "softmax" else COLORS[place % 2]
                panel.plot(values, [place] * len(values), "o", color=color, alpha=0.3, markersize=4, linewidth=0)
                panel.plot(float(np.mean(values)), place, "|", color=color, markersize=16, markeredgewidth=2)
            panel.axvline(readings["softmax"][key]["mean"], color="#999999", linestyle=":", linewidth=1)
            panel.set_title(f"{task}: {title}", fontsize=10)
            panel.set_yticks(range(len(names)), [LOSSES[name].title for name in names] if column == 0 else [])
            panel.invert_yaxis()
    return figure


def attention_figure(attention: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws time above and memory below, against length, one column a setting.

    Args:
        attention: The settings in the JSON.

    Returns:
        The figure.
    """
    figure, axes = panels(
        len(attention), n_rows=2, title="Attention of four heads, one thread, float32", width=4.4, height=3.3
    )
    for column, found in enumerate(attention):
        above, below = axes[column], axes[len(attention) + column]
        step = "forward + backward" if found["with_gradient"] else "forward"
        _curves(above, found, "seconds", 1e3)
        above.set(ylabel="milliseconds" if column == 0 else "")
        above.set_title(f"head width {found['head_width']}, {step}", fontsize=11)
        if found["break_even"] is not None:
            above.axvline(found["break_even"], color="#999999", linestyle=":", linewidth=1)
            above.annotate(
                f"break-even\n{found['break_even']:,.0f}",
                (found["break_even"], 0.03),
                xycoords=("data", "axes fraction"),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=8,
                color="#555555",
            )
        _curves(below, found, "bytes", 1e-6)
        below.set(xlabel="tokens", ylabel="peak megabytes" if column == 0 else "")
    return figure


def _curves(panel: Axes, found: Mapping[str, Any], what: str, scale: float) -> None:
    exponents = found["time_exponents" if what == "seconds" else "memory_exponents"]
    for color, (name, costs) in zip(COLORS, found["costs"].items(), strict=False):
        points = [(n, cost * scale) for n, cost in zip(found["lengths"], costs[what], strict=True) if cost]
        x, y = zip(*points, strict=True)
        grows = "" if exponents[name] is None else f"   slope {exponents[name]:.2f}"
        panel.plot(x, y, "o-", color=color, markersize=4, label=f"{KERNEL_TITLES[name]}{grows}")
    panel.set(xscale="log", yscale="log")
    panel.set_xticks(found["lengths"], [f"{n}" if n < 1024 else f"{n // 1024}k" for n in found["lengths"]])
    panel.minorticks_off()
    low, high = panel.get_ylim()
    panel.set_ylim(low, high * (high / low) ** 0.45)  # room for the legend above the curves
    panel.legend(fontsize=7.5, frameon=False, loc="upper left")
