"""Tables of the study *recurrent-gradient*."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from rich.table import Table

from ..table import study_table

__all__ = ["adding_table", "distance_table", "exact_table", "steadiness_table"]


def exact_table(exact: Mapping[str, Any]) -> Table:
    """Lays out how far the closed forms are from automatic differentiation."""
    table = study_table("一步雅可比：闭式与自动微分（float64）", ["单元"], ["最大绝对误差"])
    for cell, error in exact["jacobian_error"].items():
        table.add_row(cell, f"{error:.1e}")
    table.add_section()
    table.add_row("一维 tanh：|(1-tanh²(Uh))U|·|h| 的上界", str(exact["tanh_bound"])[:14])
    return table


def distance_table(distances: Mapping[str, Any]) -> Table:
    """Lays out rate, half-life and verdict of every cell and start."""
    n_steps = distances["n_steps"]
    table = study_table(
        f"训练之前的梯度：{n_steps} 步，指数拟合，各种子的平均 ± 标准差",
        ["单元", "初始化"],
        ["每步倍率", "半衰期（步）", "r²", f"{n_steps} 步后 log₁₀", "判断"],
    )
    for row in distances["rows"]:
        table.add_row(
            row["cell"],
            row["start"],
            f"{np.mean(row['rate']):.4f} ± {np.std(row['rate']):.4f}",
            f"{np.median(row['half_life']):.1f}",
            f"{np.mean(row['r_squared']):.3f}",
            f"{np.mean(row['log10_norm'][:, -1]):.1f}",
            _counts(row["verdict"]),
        )
    return table


def steadiness_table(steadiness: Mapping[str, Any]) -> Table:
    """Lays out the rate a step, and the size of the terms with a matrix, against the gain."""
    gains = steadiness["gain"]
    n_steps = steadiness["n_steps"]
    table = study_table(
        f"循环矩阵为正交阵的 g 倍：每步倍率（{n_steps} 步），括号内为带矩阵各项的谱范数",
        ["单元"],
        [f"g={gain:g}" for gain in gains],
    )
    for cell, rates in steadiness["rate"].items():
        terms = steadiness["matrix_terms"].get(cell)
        shown = [f"{rate:.3f}" for rate in rates.mean(1)]
        if terms is not None:
            shown = [f"{rate} ({term:.2f})" for rate, term in zip(shown, terms.mean(1), strict=True)]
        table.add_row(cell, *shown)
    return table


def adding_table(adding: Sequence[Mapping[str, Any]]) -> Table:
    """Lays out what was learned beside the probe's verdict before and after."""
    table = study_table(
        "加法问题：学会与否，以及探针在第 0 步与结束时的读数",
        ["步数", "单元", "初始化"],
        ["第 0 步 log₁₀", "判断", "学会", "更新次数", "最好误差", "结束时 log₁₀"],
    )
    for (n_steps, cell, start, clips), group in groupby(
        adding, key=lambda row: (row["n_steps"], row["cell"], row["start"], row["clips"])
    ):
        rows = list(group)
        learned = [row["learned_at"] for row in rows if row["learned_at"] is not None]
        errors = [row["best_error"] for row in rows if row["best_error"] is not None]
        after = [row["after"]["log10_change"] for row in rows if row["after"] is not None]
        table.add_row(
            str(n_steps),
            cell,
            start if clips else f"{start}，不裁剪",
            f"{np.mean([row['before']['log10_change'] for row in rows]):.1f}",
            _counts([row["before"]["verdict"] for row in rows]),
            f"{len(learned)}/{len(rows)}",
            f"{np.median(learned):.0f}" if learned else "—",
            f"{min(errors):.4f}" if errors else "—",
            f"{np.mean(after):.1f}" if after else "—",
        )
    return table


def _counts(verdicts: Sequence[str]) -> str:
    names = {"vanishing": "消失", "steady": "平稳", "exploding": "爆炸"}
    counted = {name: verdicts.count(verdict) for verdict, name in names.items()}
    return " ".join(name if n == len(verdicts) else f"{name} {n}" for name, n in counted.items() if n)
