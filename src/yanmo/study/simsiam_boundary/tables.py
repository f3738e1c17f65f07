"""The tables of the study *simsiam-boundary*."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table

from ..table import study_table

__all__ = ["boundary_table", "text_table"]


def boundary_table(boundary: Mapping[str, Any]) -> Table:
    """Lays out the decay at which half of the directions are gone, predicted and measured."""
    table = study_table("坍缩的边界：预测头的倍率，与它受得住的权重衰减", ["倍率"], ["两个数算出", "网络量得", "相差"])
    measured = np.asarray(boundary["measured"])
    for i, speed in enumerate(boundary["speeds"]):
        table.add_row(f"{speed:g}", *_beside(boundary["predicted"][i], measured[:, i]))
    direct = boundary["direct"]
    table.add_row("DirectPred", *_beside(direct["predicted"], np.asarray(direct["measured"])))
    left = float(np.max(boundary["left_without_stop_gradient"]))
    table.add_row("没有 stop-gradient", "0", f"没有衰减也只剩 {left:.0%}", "")
    return table


def text_table(text: Mapping[str, Any]) -> Table:
    """Lays out how many directions of the texts are left at some decays."""
    table = study_table(
        f"文本的 {len(text['strengths'])} 个方向剩下几个（{text['snippets']}，{text['n']:,} 段）",
        ["权重衰减"],
        ["逐个方向算出", "网络量得"],
    )
    measured = np.asarray(text["measured"])
    for i in np.linspace(0, len(text["decays"]) - 1, min(9, len(text["decays"]))).round().astype(int):
        table.add_row(
            f"{text['decays'][i]:.4f}",
            str(int(text["predicted"][i])),
            f"{measured[:, i].mean():.1f}（{measured[:, i].min()}–{measured[:, i].max()}）",
        )
    return table


def _beside(predicted: float, measured: "np.ndarray[Any, np.dtype[np.float64]]") -> tuple[str, str, str]:
    spread = f" ± {measured.std(ddof=1):.4f}" if len(measured) > 1 else ""
    return f"{predicted:.4f}", f"{measured.mean():.4f}{spread}", f"{measured.mean() / predicted - 1:+.1%}"
