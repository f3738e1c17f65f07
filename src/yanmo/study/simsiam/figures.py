"""Figures of the study ``simsiam``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..canvas import COLORS, panels
from .toy import START, Side, fast_enough, toy_limit, toy_path, toy_velocity

__all__ = ["phase_figure", "runs_figure", "toy_figure"]


_RANKS = (1, 2, 5, 10, 20, 40)


def toy_figure() -> Figure:
    """Draws the flow of both forms with the article's path, and both parameters over time.

    Returns:
        The figure.
    """
    figure, axes = panels(
        3,
        title="Gradient flow of $(\\phi\\theta - \\theta)^2/2$ from $\\phi = 0.6,\\ \\theta = 0.1$",
        width=4.0,
        height=3.4,
    )
    phi, theta = np.meshgrid(np.linspace(-0.1, 1.4, 40), np.linspace(-0.1, 1.2, 40))
    for panel, side, color in zip(axes, (Side.STOPPED, Side.LIVE), COLORS, strict=False):
        panel.grid(visible=False)
        panel.streamplot(
            phi[0],
            theta[:, 0],
            *toy_velocity(side, phi, theta),
            color="#c9c9c9",
            linewidth=0.7,
            arrowsize=0.7,
            density=0.8,
        )
        panel.axvline(1.0, color="#777777", linestyle=":", linewidth=1)
        panel.axhline(0.0, color="#777777", linestyle=":", linewidth=1)
        path, end = toy_path(side), toy_limit(side)
        panel.plot(path.phi, path.theta, color=color, linewidth=2.2)
        panel.plot(*START, "o", color="black", markersize=6)
        panel.plot(*end, "*", color=color, markersize=13)
        panel.annotate(f"({end[0]:.5f}, {end[1]:.5f})", end, xytext=(-92, 10), textcoords="offset points", fontsize=9)
        kept = "$\\theta^2 - \\phi^2$" if side is Side.STOPPED else "$\\theta^2 - (\\phi - 1)^2$"
        panel.set(xlim=(-0.1, 1.4), ylim=(-0.1, 1.2), xlabel="$\\phi$ (predictor)", ylabel="$\\theta$ (encoder)")
        panel.set_title(f"{side.value}; {kept} conserved", fontsize=10)
        axes[2].plot(path.times, path.theta, color=color, label=f"$\\theta$, {side.value}")
        axes[2].plot(path.times, path.phi, color=color, linestyle="--", label=f"$\\phi$, {side.value}")
    axes[2].set(xlim=(0, 80), xlabel="time", title="over time")
    axes[2].legend(fontsize=8, frameon=False)
    return figure


def phase_figure() -> Figure:
    """Draws, for every start, how much faster than the encoder the predictor must learn for the flow not to collapse.

    Returns:
        The figure.
    """
    title = "Collapse of $(\\phi\\theta - \\theta)^2/2$: the multiple of the predictor's rate that is just fast enough"
    figure, axes = panels(2, title=title, width=5.0, height=3.8)
    phi, theta = np.meshgrid(np.linspace(-1, 2, 301), np.linspace(0.02, 1.2, 237))
    levels = (1, 4, 16, 64)
    for panel, side in zip(axes, (Side.STOPPED, Side.LIVE), strict=True):
        panel.grid(visible=False)
        found = np.vectorize(lambda p, t, side=side: fast_enough(side, start=(p, t)))(phi, theta)
        shades = panel.contourf(
            *(phi, theta, np.ma.masked_equal(found, 0)),
            levels=(0.25, *levels, 256),
            norm="log",
            cmap="Blues",
            extend="both",
        )
        lines = panel.contour(phi, theta, found, levels=levels, colors=COLORS[0], linewidths=1.2)
        panel.clabel(lines, fmt=lambda level: f"×{level:g}", fontsize=9)
        shades.set_edgecolor("face")
        panel.axvline(1.0, color="#777777", linestyle=":", linewidth=1)
        panel.plot(*START, "o", color="black", markersize=6, label="the article's start")
        panel.plot(1.5, 0.5, "s", color=COLORS[1], markersize=6, label="a predictor beyond its aim")
        panel.set(xlabel="$\\phi$ (predictor) at the start", ylabel="$\\theta$ (encoder) at the start")
        panel.set_title(f"{side.value}; white: any multiple arrives", fontsize=10)
    axes[0].legend(fontsize=8, frameon=True, loc="upper left")
    return figure


def runs_figure(title: str, found: Mapping[str, Any], *, limits: tuple[float, float]) -> Figure:
    """Draws what the probe read over the steps: projections above, vectors below.

    Args:
        title: Of the figure.
        found: By name, as in the JSON: ``title`` and ``runs``.
        limits: Of std and effective rank, below which there is an alarm.

    Returns:
        The figure.
    """
    figure, axes = panels(3, n_rows=2, title=title, width=3.1, height=2.3)
    names = {"std": "normalized std", "effective_rank": "effective rank", "neighbor_ratio": "nearest / mean distance"}
    for row, part in enumerate(("projections", "vectors")):
        for column, (key, name) in enumerate(names.items()):
            panel = axes[3 * row + column]
            for color, one in zip(COLORS, found.values(), strict=False):
                _lines(panel, one["runs"], part=part, key=key, color=color, label=one["title"])
            if column < 2:
                panel.axhline(limits[column], color="black", linestyle=":", linewidth=1)
            if key == "effective_rank":
                panel.set_yscale("log")
                panel.set_yticks(_RANKS, [f"{rank:g}" for rank in _RANKS])
                panel.minorticks_off()
            panel.set_xscale("log")
            panel.set_title(f"{part}: {name}", fontsize=9)
            panel.set_xlim(left=8)
            if row:
                panel.set_xlabel("step")
    axes[0].legend(fontsize=6.5, frameon=False, loc="center right")
    return figure


def _lines(panel: Axes, runs: Sequence[Mapping[str, Any]], *, part: str, key: str, color: str, label: str) -> None:
    """The mean over the seeds, a band from the lowest to the highest, and a cross at every seed's alarm."""
    values = np.maximum([run["readings"][part][key] for run in runs], 1e-2 if key == "effective_rank" else 0)
    steps, mean = runs[0]["steps"], values.mean(0)
    panel.plot(steps, mean, color=color, linewidth=1.5, label=label)
    if len(runs) > 1:
        panel.fill_between(steps, values.min(0), values.max(0), color=color, alpha=0.15, linewidth=0)
    for run in runs:
        if run["alarm_at"] is not None and key != "neighbor_ratio":
            panel.plot(run["alarm_at"], mean[steps.index(run["alarm_at"])], "x", color=color, markersize=6)
