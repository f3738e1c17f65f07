"""Tables of the study ``taylor`` for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ..table import study_table
from .losses import LOSSES

__all__ = ["KERNEL_TITLES", "attention_table", "loss_table", "minimum_table"]

KERNEL_TITLES = {
    "softmax": "softmax",
    "taylor2": "Taylor 2",
    "linear_taylor": "linear Taylor",
    "causal_linear_taylor": "linear, causal",
}
"""Names of the kernels in tables and figures."""


def minimum_table(minima: Sequence[Mapping[str, Any]]) -> Table:
    """Lays the minima out beside the published digits.

    Args:
        minima: The rows in the JSON.

    Returns:
        The table.
    """
    table = study_table(
        "偶数阶 Taylor 多项式的最小点（精确算术，12 位）", ["n"], ["x*", "f_n(x*)", "x*^n / n!", "与文章一致"]
    )
    for row in minima:
        agrees = {True: "是", False: "否", None: "—"}[row.get("matches_published")]
        table.add_row(str(row["order"]), row["x"], row["value"], row["x_to_the_n_over_n_factorial"], agrees)
    return table


def loss_table(task: str, readings: Mapping[str, Any]) -> Table:
    """Lays the losses out for one task: means and standard deviations over the seeds.

    The difference is to softmax with the same seed; the last column counts the examples whose likeliest class has a
    logit left of the polynomial's minimum.

    Args:
        task: Name of the task.
        readings: By loss, as in the JSON.

    Returns:
        The table.
    """
    n_seeds = len(readings["softmax"]["runs"])
    table = study_table(
        f"{task}：测试集，{n_seeds} 个种子的均值 ± 标准差",
        ["损失"],
        ["准确率", "NLL", "减 softmax", "校准误差", "左侧"],
    )
    for name, found in readings.items():
        left = "—" if found["left"] is None else f"{found['left']['mean']:.1%}"
        table.add_row(
            LOSSES[name].title,
            _spread(found["accuracy"], 3),
            _spread(found["nll"], 3),
            "—" if name == "softmax" else _spread(found["nll_minus_softmax"], 3, sign="+"),
            _spread(found["calibration_error"], 3),
            left,
        )
    return table


def attention_table(found: Mapping[str, Any]) -> Table:
    """Lays the costs of attention out: milliseconds by length, exponents of growth, break-even in the title.

    Args:
        found: One setting in the JSON.

    Returns:
        The table.
    """
    even = found["break_even"]
    meets = "测到的长度内线性形式未快过 softmax" if even is None else f"线性形式从 {even:,.0f} token 起快过 softmax"
    step = "前向与反向" if found["with_gradient"] else "前向"
    lengths = found["lengths"]
    table = study_table(
        f"注意力，4 头 × {found['head_width']}，{step}，毫秒（MB：最长处张量峰值）\n{meets}",
        ["注意力"],
        [*map(str, lengths), "时间阶", "内存阶", "MB"],
    )
    for name, costs in found["costs"].items():
        times = ["—" if s is None else f"{1000 * s:.0f}" for s in costs["seconds"]]
        last = costs["bytes"][-1]
        exponents = (found[kind][name] for kind in ("time_exponents", "memory_exponents"))
        table.add_row(
            KERNEL_TITLES[name],
            *times,
            *("—" if exponent is None else f"{exponent:.2f}" for exponent in exponents),
            "—" if last is None else f"{last / 1e6:,.0f}",
        )
    return table


def _spread(value: Mapping[str, float], digits: int, *, sign: str = "") -> str:
    return f"{value['mean']:{sign}.{digits}f}±{value['sd']:.{digits}f}"
