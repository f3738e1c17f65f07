"""Figures in one style, drawn without pyplot's global state."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["COLORS", "panels"]

COLORS = ("#1f4e79", "#c0392b", "#2a9d8f", "#e09f3e", "#7b4b94", "#6c757d", "#4cc9f0", "#8d5524")
"""Colors of successive lines, told apart also in gray."""


def panels(
    n_columns: int, *, n_rows: int = 1, title: str = "", width: float = 4.6, height: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """Makes an empty figure of equal panels.

    Args:
        n_columns: Panels beside each other.
        n_rows: Panels above each other.
        title: Stands above all of them, in English.
        width: Of one panel, inches.
        height: Of one panel, inches.

    Returns:
        The figure and its panels row by row.

    Example:
        >>> figure, (left, right) = panels(2, title="two lines")
        >>> _ = left.plot([0, 1], [0, 1])
    """
    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=12, fontweight="bold")
    axes: list[Axes] = np.atleast_1d(figure.subplots(n_rows, n_columns)).ravel().tolist()
    for panel in axes:
        panel.set_prop_cycle(color=COLORS)
        panel.grid(color="#e5e5e5", linewidth=0.7)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=9)
    return figure, axes
