"""Figures of the study ``implicit-gradient``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..canvas import COLORS, panels
from .steps import FITTED
from .tables import FLOW_TITLES

__all__ = ["draw_path", "draw_steps", "draw_training"]

_COLOR = dict(zip(FLOW_TITLES, COLORS, strict=False))
_WAYS = {
    "plain": ("gradient descent", COLORS[0], "o-"),
    "penalty": ("smallest rate + penalty", COLORS[1], "s--"),
    "difference": ("smallest rate + penalty by differences", COLORS[2], "x"),
}


def draw_steps(steps: Mapping[str, Any]) -> Figure:
    """Draws the distance of one step from the three flows against the rate, one panel a loss.

    Args:
        steps: By loss, as in the JSON.

    Returns:
        The figure.
    """
    figure, axes = panels(
        len(steps), title="One step of gradient descent leaves three flows as rate$^2$, rate$^3$, rate$^4$", height=4.2
    )
    for panel, (title, found) in zip(axes, steps.items(), strict=True):
        rates = np.asarray(found["scaled_rates"])
        inside = (rates >= FITTED[0]) & (rates <= FITTED[1])
        panel.axvspan(*FITTED, color="#999999", alpha=0.15, linewidth=0)
        for name, distances in found["distances"].items():
            values = np.asarray(distances)
            slope = found["slopes"][name]
            level = np.exp(np.mean(np.log(values[inside]) - slope * np.log(rates[inside])))
            panel.plot(rates, level * rates**slope, color=_COLOR[name], linewidth=1, alpha=0.6)
            label = f"{FLOW_TITLES[name]}: slope {slope:.3f}"
            panel.plot(rates, values, "o", color=_COLOR[name], markersize=3.5, label=label)
        panel.set(xscale="log", yscale="log", xlabel="rate x sharpness (shaded: fitted)")
        panel.set_ylim(top=1e4)
        panel.set_title(title, fontsize=10)
        panel.legend(frameon=False, fontsize=8, loc="upper left")
    axes[0].set_ylabel("distance after one step")
    return figure


def draw_path(path: Mapping[str, Any]) -> Figure:
    """Draws many steps beside the flows over the loss, and the quantity that only the plain flow keeps.

    Args:
        path: As in the JSON.

    Returns:
        The figure.
    """
    figure, (left, right) = panels(
        2, title=f"(ab - 1)$^2$/2, rate {path['rate']:g}: descent drifts to flatter minima", width=5.4, height=4.2
    )
    descent = np.asarray(path["descent"])
    low, high = descent.min(0), descent.max(0)
    margin = 0.12 * (high - low)
    a, b = np.meshgrid(*(np.linspace(low[i] - margin[i], high[i] + margin[i], 200) for i in range(2)))
    left.contour(a, b, np.sqrt((a * b - 1) ** 2), levels=12, colors="#bbbbbb", linewidths=0.6)
    left.contour(a, b, a * b, levels=[1.0], colors="black", linewidths=1.2)
    times = path["rate"] * np.arange(len(descent))
    fine = np.linspace(0, times[-1], len(path["flows"]["plain"]))
    for name, flow in path["flows"].items():
        left.plot(*np.asarray(flow).T, color=_COLOR[name], label=FLOW_TITLES[name])
        right.plot(fine, path["balance"][name], color=_COLOR[name], label=FLOW_TITLES[name])
    left.plot(*descent.T, "ko", markersize=4, label="gradient descent")
    right.plot(times, path["balance"]["descent"], "ko", markersize=4, label="gradient descent")
    left.set(xlabel="a", ylabel="b", title="path (black curve: minima, ab = 1)")
    right.set(xlabel="rate x steps", ylabel="$a^2 - b^2$", title="kept by the flow of L, not by a step")
    right.legend(frameon=False, fontsize=8)
    return figure


def draw_training(training: Mapping[str, Any]) -> Figure:
    """Draws accuracy, gradient norm, sharpness and what the penalty recovers against the rate, one row a task.

    Accuracy and sharpness are differences within a seed: between seeds they differ far more than between rates.

    Args:
        training: By task, as in the JSON.

    Returns:
        The figure.
    """
    readings = {
        "accuracy_minus_smallest": "test accuracy, change",
        "squared_norm": "final $|\\nabla L|^2$",
        "sharpness_minus_smallest": "final sharpness, change",
        "recovered": "share of the rate's effect recovered",
    }
    figure, axes = panels(
        len(readings),
        n_rows=len(training),
        title="Gradient descent at equal rate x steps, and the explicit penalty at the smallest rate",
        width=3.9,
        height=3.3,
    )
    for row, (task, found) in enumerate(training.items()):
        for column, (key, title) in enumerate(readings.items()):
            panel = axes[len(readings) * row + column]
            _curves(panel, found, key)
            panel.set_title(f"{task}: {title}", fontsize=9)
            panel.set(xscale="log", yscale="log" if key == "squared_norm" else "linear")
            if key == "accuracy_minus_smallest":
                panel.set_yscale("symlog", linthresh=1e-3)
            panel.set_xticks(found["plan"]["rates"], [f"{rate:g}" for rate in found["plan"]["rates"]])
            panel.minorticks_off()
            if key == "recovered":
                panel.set_ylim(-0.05, 1.05)
            if row == len(training) - 1:
                panel.set_xlabel("rate")
    axes[0].legend(frameon=False, fontsize=7, loc="lower left")
    return figure


def _curves(panel: Axes, found: Mapping[str, Any], key: str) -> None:
    for way, (label, color, style) in _WAYS.items():
        rows = [row for row in found["rows"] if row["way"] == way and key in row]
        if rows:
            mean, sd = ([row[key][what] for row in rows] for what in ("mean", "sd"))
            panel.errorbar(
                [row["rate"] for row in rows],
                mean,
                sd,
                fmt=style,
                color=color,
                markersize=5,
                linewidth=1.2,
                capsize=2,
                label=label,
            )
    edge = found["edge"]
    last = max(found["plan"]["rates"])
    if edge["mean"] < last:
        panel.axvspan(edge["mean"], 1.15 * last, color=COLORS[3], alpha=0.15, linewidth=0, label="past 2 / sharpness")
    panel.set_xlim(found["plan"]["rates"][0] / 1.15, 1.15 * last)
