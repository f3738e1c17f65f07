"""The table of the study *minibatch-noise*."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ..table import study_table
from .epochs import NoiseFlow

__all__ = ["epoch_table"]


def epoch_table(losses: Sequence[Mapping[str, Any]]) -> Table:
    """Lays out the slopes."""
    table = study_table(
        "一轮小批量（所有次序的平均）与三种流的距离：学习率的几次方",
        ["损失"],
        ["梯度的方差 / 平方", *(f"{flow.value}（{flow.expected_slope:g}）" for flow in NoiseFlow)],
    )
    for row in losses:
        table.add_row(
            row["title"], f"{row['variance']:.2f}", *(f"{row['slopes'][flow.value]:.4f}" for flow in NoiseFlow)
        )
    return table
