"""Tables of the study ``implicit-gradient`` for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ..table import study_table
from .fields import Flow

__all__ = ["FLOW_TITLES", "path_table", "step_table", "training_table"]

FLOW_TITLES = {"plain": "flow of L", "modified": "modified flow", "next_order": "next-order flow"}
"""Names of the flows in figures."""

_FLOWS = {"plain": "L 的流", "modified": "修正流", "next_order": "再高一阶的流"}
_WAYS = {"plain": "{}", "penalty": "惩罚→{}", "difference": "差分→{}"}


def step_table(steps: Mapping[str, Any]) -> Table:
    """Makes the table of fitted slopes, one row per loss.

    Args:
        steps: By loss, as in the JSON.

    Returns:
        The table.
    """
    table = study_table(
        "一步梯度下降与三种流的距离对学习率的 log-log 斜率；偏差取相邻两点间的斜率",
        ["损失"],
        [*(f"{_FLOWS[flow.name.lower()]}\n应为 {flow.expected_slope:g}" for flow in Flow), "最大偏差"],
    )
    for title, found in steps.items():
        worst = max(
            abs(slope - flow.expected_slope) for flow in Flow for slope in found["local_slopes"][flow.name.lower()]
        )
        table.add_row(title, *(f"{slope:.4f}" for slope in found["slopes"].values()), f"{worst:.4f}")
    return table


def path_table(path: Mapping[str, Any]) -> Table:
    """Lays out how far many steps stray from the flows.

    Args:
        path: As in the JSON.

    Returns:
        The table.
    """
    balance = path["balance"]
    table = study_table(
        f"(ab - 1)²/2，学习率 {path['rate']:g}，{path['n_steps']} 步；"
        f"a² - b² 从 {balance['plain'][0]:.4f} 到 {balance['descent'][-1]:.4f}",
        ["流"],
        ["离梯度下降最远", "终点 a² - b²", "不对称度（0：是梯度）"],
    )
    for name, farthest in path["farthest"].items():
        table.add_row(_FLOWS[name], f"{farthest:.4f}", f"{balance[name][-1]:.4f}", f"{path['asymmetry'][name]:.1e}")
    return table


def training_table(task: str, found: Mapping[str, Any]) -> Table:
    """Lays one task's runs out: means (± standard deviations) over the seeds; differences are within a seed.

    A rate by itself is gradient descent; after an arrow it is imitated by the smallest rate with a penalty.

    Args:
        task: Name of the task.
        found: As in the JSON.

    Returns:
        The table.
    """
    plan, edge = found["plan"], found["edge"]
    table = study_table(
        f"{task}：学习率×步数 = {plan['total_time']:g}，{len(plan['seeds'])} 个种子；稳定边界 {_spread(edge, '.2f')}",
        ["学习率"],
        ["准确率 %", "减最小", "测试 NLL", "|∇L|²", "λmax", "复现"],
    )
    for row in found["rows"]:
        table.add_row(
            _WAYS[row["way"]].format(f"{row['rate']:g}"),
            _spread(row["accuracy"], ".1f", scale=100.0),
            _spread(row["accuracy_minus_smallest"], "+.1f", scale=100.0),
            f"{row['nll']['mean']:.3f}",
            f"{row['squared_norm']['mean']:.1e}",
            f"{row['sharpness']['mean']:.2f}",
            _spread(row["recovered"], ".2f") if "recovered" in row else "—",
        )
    return table


def _spread(value: Mapping[str, float], form: str, *, scale: float = 1.0) -> str:
    return f"{scale * value['mean']:{form}}±{scale * value['sd']:{form.lstrip('+')}}"
