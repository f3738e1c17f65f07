"""The table of the study *penalty-strength*."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ..table import study_table

__all__ = ["WAY_TITLES", "strength_table"]

WAY_TITLES = {
    "plain": "全批梯度下降",
    "penalty": "惩罚，k 倍 γ/4",
    "sam": "SAM，ρ",
    "rate": "学习率，倍",
    "batch": "小批量，个",
}


def strength_table(name: str, found: Mapping[str, Any]) -> Table:
    """Lays out one task: accuracy, its paired gain over the plain run, and how flat the end is."""
    table = study_table(
        f"{name}：与同一种子的全批梯度下降相比（准确率，百分点，95 % 区间）",
        ["办法", "强度"],
        ["准确率 %", "增益", "挑最好一刻的增益", "训练损失", "|∇L|²", "尖锐度", "发散"],
    )
    for row in found["rows"]:
        strength = "" if row["way"] == "plain" else f"{row['strength']:g}"
        if row["accuracy"] is None:
            table.add_row(WAY_TITLES[row["way"]], strength, *["—"] * 6, str(row["diverged"]))
            continue
        is_plain = row["way"] == "plain"
        table.add_row(
            WAY_TITLES[row["way"]],
            strength,
            f"{100 * row['accuracy']['mean']:.2f} ± {100 * row['accuracy']['std']:.2f}",
            "" if is_plain else _gain(row["accuracy_gain"]),
            "" if is_plain else _gain(row["best_accuracy_gain"]),
            f"{row['train_loss']['mean']:.4f}",
            f"{row['squared_norm']['mean']:.1e}",
            f"{row['sharpness']['mean']:.2f}",
            str(row["diverged"] or ""),
        )
    return table


def _gain(found: Mapping[str, float]) -> str:
    return f"{100 * found['mean']:+.2f} [{100 * found['low']:+.2f}, {100 * found['high']:+.2f}]"
