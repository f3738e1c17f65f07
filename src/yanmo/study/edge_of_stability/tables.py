"""Tables of the study *edge-of-stability*."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from ..table import study_table

__all__ = ["edge_table", "exactness_table"]


def exactness_table(exact: Sequence[Mapping[str, Any]]) -> Table:
    """Lays out the probe beside dense eigenvalues."""
    table = study_table(
        "Hessian 的最大特征值：探针与整个矩阵（float64）",
        ["训练到时间"],
        ["参数", "探针", "整个矩阵", "相对误差", "乘积次数"],
    )
    for row in exact:
        table.add_row(
            f"{row['time']:g}",
            f"{row['n_parameters']:,}",
            f"{row['probe']:.4f}",
            f"{row['dense']:.4f}",
            f"{row['relative_error']:.0e}",
            str(row["n_products"]),
        )
    return table


def edge_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """Lays out where the sharpness ends, as a share of the edge."""
    table = study_table(
        "梯度下降：尖锐度 λ 与边界 2(1+β)/学习率，各种子的平均 ± 标准差",
        ["学习率", "动量 β"],
        ["边界", "开始时 λ", "末四分之一 λ/边界", "到达边界的时间", "到达后损失上升的步"],
    )
    for rate, momentum in dict.fromkeys((row["rate"], row["momentum"]) for row in runs):
        some = [row for row in runs if (row["rate"], row["momentum"]) == (rate, momentum)]
        ends = [row["at_the_end"] for row in some]
        reached = [row["reached_at"] for row in some if row["reached_at"] is not None]
        rises = [row["rises"][1] for row in some if row["reached_at"] is not None and row["rises"][1] is not None]
        table.add_row(
            f"{rate:g}",
            f"{momentum:g}",
            f"{some[0]['edge']:.1f}",
            f"{np.mean([row['sharpnesses'][0] for row in some]):.1f}",
            f"{np.mean(ends):.3f} ± {np.std(ends):.3f}",
            f"{np.mean(reached):.0f}" if len(reached) == len(some) else f"{len(reached)}/{len(some)} 到达",
            f"{np.mean(rises):.0%}" if rises else "—",
        )
    return table
