"""Figures of the study *recurrent-gradient*."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..canvas import COLORS, panels
from .cells import CellKind
from .tanh_bound import TANH_BOUND, offset_bound

__all__ = ["draw_adding", "draw_bound", "draw_distances", "draw_steadiness"]

_COLOR = {kind.value: color for kind, color in zip(CellKind, COLORS, strict=False)}
# Below this a gradient is not drawn, or drawn at the edge: it is the least that float32 can hold.
_FLOOR = -45.0


def draw_bound() -> Figure:
    """Draws the derivative of a one-dimensional tanh cell against its weight, without and with an input."""
    figure, (left, right) = panels(2, title="One-dimensional tanh cell: d h_t / d h_{t-1} = (1 - tanh(U h + a)^2) U")
    weights = np.linspace(0.01, 12, 600)
    for hidden, color in zip((1.0, 0.5, 0.25, 0.1), COLORS, strict=False):
        left.plot(weights, weights / np.cosh(weights * hidden) ** 2, color=color, label=f"h = {hidden:g}")
        left.axhline(TANH_BOUND / hidden, color=color, linestyle=":", linewidth=1)
    left.set(xlabel="U", ylabel="derivative", title=f"a = 0: at most {TANH_BOUND:.5f} / |h| (dotted)")
    left.legend(frameon=False, fontsize=8)
    offsets = np.linspace(0, 4, 81)
    right.plot(offsets, [offset_bound(offset) for offset in offsets], color=COLORS[1])
    right.plot(offsets, offsets, color=COLORS[5], linestyle=":", label="|a|")
    right.axhline(TANH_BOUND, color=COLORS[0], linestyle="--", linewidth=1, label=f"{TANH_BOUND:.5f}")
    right.set(
        xlabel="a = W x + b", ylabel="max over U of |derivative| * |h|", title="an input or a bias lifts the bound"
    )
    right.legend(frameon=False, fontsize=8)
    return figure


def draw_distances(distances: Mapping[str, Any]) -> Figure:
    """Draws log10 of the gradient norm against the distance, one panel a start."""
    starts = list(dict.fromkeys(row["start"] for row in distances["rows"]))
    figure, axes = panels(
        2,
        n_rows=(len(starts) + 1) // 2,
        title="Gradient norm |d state_T / d state_t| before training",
        height=3.1,
    )
    for panel in axes[len(starts) :]:
        panel.set_visible(False)
    for panel, start in zip(axes, starts, strict=False):
        top = 0.0
        for row in distances["rows"]:
            if row["start"] != start:
                continue
            curve = np.maximum(row["log10_norm"], -1e3)  # an exact zero is far below the panel too
            panel.plot(distances["distance"], np.median(curve, 0), color=_COLOR[row["cell"]], label=row["cell"])
            top = max(top, float(curve.max()))
            panel.fill_between(
                distances["distance"], curve.min(0), curve.max(0), color=_COLOR[row["cell"]], alpha=0.15, linewidth=0
            )
        panel.axhline(-3, color="black", linestyle=":", linewidth=0.8)
        panel.set_ylim(bottom=max(_FLOOR, panel.get_ylim()[0]), top=max(2.0, top + 0.3))
        panel.set(title=start, xlabel="distance T - t, steps", ylabel="log10 of the norm")
    axes[0].legend(frameon=False, fontsize=7, loc="lower right")
    axes[len(starts) - 1].annotate(
        "vanishing below", (0.99, -3), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7
    )
    return figure


def draw_steadiness(steadiness: Mapping[str, Any]) -> Figure:
    """Draws the rate a step, and the size of the terms with a matrix, against the gain of the matrices."""
    figure, (left, right) = panels(2, title="Orthogonal recurrent matrices times a gain", width=5.4, height=4.2)
    for panel, numbers in ((left, steadiness["rate"]), (right, steadiness["matrix_terms"])):
        for cell, values in numbers.items():
            panel.plot(steadiness["gain"], values.mean(1), color=_COLOR[cell], marker="o", markersize=3, label=cell)
            panel.fill_between(
                steadiness["gain"], values.min(1), values.max(1), color=_COLOR[cell], alpha=0.15, linewidth=0
            )
        panel.set(xlabel="gain", xscale="log")
        panel.set_xticks(steadiness["gain"], [f"{gain:g}" for gain in steadiness["gain"]], minor=False)
        panel.minorticks_off()
    left.axhline(1, color="black", linestyle=":", linewidth=0.8)
    left.set(ylabel="factor a step", title="rate of the gradient (1 = steady)")
    right.set(ylabel="spectral norm", title="d c_t / d c_{t-1} without its main term", yscale="log")
    left.legend(frameon=False, fontsize=8)
    return figure


def draw_adding(adding: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the error of every run over its updates, and when it learned against the gradient at step 0."""
    lengths = sorted({row["n_steps"] for row in adding})
    figure, axes = panels(len(lengths), n_rows=2, title="The adding problem", width=4.1, height=2.85)
    for column, n_steps in enumerate(lengths):
        rows = [row for row in adding if row["n_steps"] == n_steps]
        _draw_errors(axes[column], rows, n_steps)
        _draw_verdicts(axes[len(lengths) + column], rows, n_steps)
    axes[0].legend(frameon=False, fontsize=7)
    return figure


def _draw_errors(panel: Axes, rows: Sequence[Mapping[str, Any]], n_steps: int) -> None:
    named = set()
    for row in rows:
        updates = row["n_between"] * np.arange(1, len(row["errors"]) + 1)
        label = None if row["cell"] in named else row["cell"]
        named.add(row["cell"])
        style = ":" if not row["clips"] else "-" if row["start"] == "torch default" else "--"
        errors = np.array(row["errors"], dtype=float)  # None where it was beyond all numbers
        panel.plot(updates, errors, style, color=_COLOR[row["cell"]], linewidth=0.9, label=label)
    panel.axhline(1 / 6, color="black", linestyle=":", linewidth=0.8)
    panel.set(
        title=f"{n_steps} steps",
        xlabel="updates (solid: torch default, dotted: no clipping)",
        ylabel="held-out squared error",
    )
    panel.set_yscale("log")
    panel.set_ylim(top=1)  # an exploding run leaves the panel


def _draw_verdicts(panel: Axes, rows: Sequence[Mapping[str, Any]], n_steps: int) -> None:
    latest = max(row["n_between"] * len(row["errors"]) for row in rows)
    for row in rows:
        learned = row["learned_at"] is not None
        panel.scatter(
            max(row["before"]["log10_change"], _FLOOR),
            row["learned_at"] if learned else 1.08 * latest,
            color=_COLOR[row["cell"]],
            marker="o" if learned else "x",
            s=26,
            alpha=0.8,
        )
    panel.axvspan(-3, 3, color="#2a9d8f", alpha=0.08, linewidth=0)
    panel.set(
        xlabel="log10 of what is left at step 0 (shaded: steady)",
        ylabel="updates to learn (x: never)",
        title=f"{n_steps} steps: probe and outcome",
        ylim=(0, 1.15 * latest),
    )
