"""Tables of the study ``implicit-gradient`` for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from .implicit_gradient_fields import Flow

__all__ = ["FLOW_TITLES", "path_table", "step_table", "training_table"]

FLOW_TITLES = {"plain": "flow of L", "modified": "modified flow", "next_order": "next-order flow"}
"""Names of the flows in figures."""

_FLOWS = {"plain": "L 的流", "modified": "修正流", "next_order": "再高一阶的流"}
_WAYS = {"plain": "梯度下降", "penalty": "小学习率 + 惩罚", "difference": "小学习率 + 差分惩罚"}


def step_table(steps: Mapping[str, Any]) -> Table:
    """Lays the slopes out.

    Args:
        steps: By loss, as in the JSON.

    Returns:
        The table.
    """
    table = _table("一步梯度下降与三种流的距离：log-log 斜率（括号内为相邻两点间斜率的范围）", "损失")
    for flow in Flow:
        table.add_column(f"{_FLOWS[flow.name.lower()]}（应为 {flow.expected_slope:g}）", justify="right", no_wrap=True)
    for title, found in steps.items():
        cells = []
        for name, slope in found["slopes"].items():
            low, high = found["local_slopes"][name]
            cells.append(f"{slope:.4f} ({low:.4f}–{high:.4f})")
        table.add_row(title, *cells)
    return table


def path_table(path: Mapping[str, Any]) -> Table:
    """Lays out how far many steps stray from the flows.

    Args:
        path: As in the JSON.

    Returns:
        The table.
    """
    table = _table(
        f"(ab - 1)²/2 上 {path['n_steps']} 步，学习率 {path['rate']:g}；a² - b² 起于 {path['balance']['plain'][0]:.2f}，"
        f"梯度下降到 {path['balance']['descent'][-1]:.4f}",
        "流",
    )
    for label in ("与梯度下降的最大距离", "终点 a² - b²", "场的雅可比的不对称度（0 才是某个损失的梯度）"):
        table.add_column(label, justify="right")
    for name, farthest in path["farthest"].items():
        table.add_row(
            _FLOWS[name], f"{farthest:.4f}", f"{path['balance'][name][-1]:.4f}", f"{path['asymmetry'][name]:.1e}"
        )
    return table


def training_table(task: str, found: Mapping[str, Any]) -> Table:
    """Lays one task's runs out: means and standard deviations over the seeds; differences are within a seed.

    Args:
        task: Name of the task.
        found: As in the JSON.

    Returns:
        The table.
    """
    plan, edge = found["plan"], found["edge"]
    table = _table(
        f"{task}：学习率 × 步数 = {plan['total_time']:g}，{len(plan['seeds'])} 个种子的均值 ± 标准差；"
        f"学习率 {edge['mean']:.2f}±{edge['sd']:.2f} 起越过稳定边界",
        "训练",
    )
    for label in (
        "学习率",
        "测试准确率",
        "减最小学习率",
        "测试 NLL",
        "训练损失",
        "|∇L|²",
        "等损失处之比",
        "λmax",
        "复现",
    ):
        table.add_column(label, justify="right", no_wrap=True)
    for row in found["rows"]:
        table.add_row(
            _WAYS[row["way"]],
            f"{row['rate']:g}",
            _spread(row["accuracy"], ".4f"),
            _spread(row["accuracy_minus_smallest"], "+.4f"),
            _spread(row["nll"], ".4f"),
            _spread(row["train_loss"], ".4f"),
            _spread(row["squared_norm"], ".2e"),
            _spread(row["squared_norm_ratio_at_equal_loss"], ".3f"),
            _spread(row["sharpness"], ".3f"),
            _spread(row["recovered"], ".3f") if "recovered" in row else "—",
        )
    return table


def _table(title: str, label: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, min_width=88)
    table.add_column(label, no_wrap=True)
    return table


def _spread(value: Mapping[str, float], form: str) -> str:
    return f"{value['mean']:{form}}±{value['sd']:{form.lstrip('+')}}"
