"""Tables of the study *gradient-flow*."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from ..table import study_table

__all__ = ["layer_table", "probe_table", "step_table"]

_VERDICTS = {"vanishing": "消失", "steady": "平稳", "exploding": "爆炸"}


def probe_table(probes: Sequence[Mapping[str, Any]], large: Mapping[str, Any], *, n_probes: int) -> Table:
    """Lays out how far a few directions are from all."""
    table = study_table(f"{n_probes} 个方向与全部方向：范数的相对误差，各距离、各种子", ["循环"], ["平均", "最大"])
    for row in probes:
        table.add_row(row["kind"], f"{np.mean(row['mean_error']):.2%}", f"{max(row['largest_error']):.1%}")
    table.add_section()
    table.add_row(f"{large['cell']} 宽 {large['width']}，{large['n_steps']:,} 步", "", f"{large['seconds']:.0f} 秒")
    return table


def step_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lays out rate, half-life and verdict of every recurrence."""
    return _flow_table("训练之前的梯度：两层，状态 64", "循环", "每步倍率", rows)


def layer_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lays out rate, half-life and verdict of every stack."""
    return _flow_table("训练之前的梯度：穿过各层", "层", "每层倍率", rows)


def _flow_table(title: str, what: str, rate: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    farthest = rows[0]["distance"][0][-1]
    table = study_table(title, [what], [rate, "半衰期", f"{farthest} 之后 log₁₀", "判断"])
    for row in rows:
        verdicts = [_VERDICTS[verdict] for verdict in dict.fromkeys(row["verdict"])]
        ends = [norms[-1] for norms in row["log10_norm"]]
        table.add_row(
            row["kind"],
            f"{np.mean(row['rate']):.4f} ± {np.std(row['rate']):.4f}",
            f"{np.median(row['half_life']):.1f}",
            f"{np.mean(ends):.1f}",
            "、".join(verdicts),
        )
    return table
