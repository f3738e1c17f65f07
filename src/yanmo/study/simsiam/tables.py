"""Tables of the study ``simsiam`` for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from ..table import study_table

__all__ = ["runs_table", "toy_table"]


def toy_table(toy: Mapping[str, Any]) -> Table:
    """Lays the ends of the flow beside the closed forms.

    Args:
        toy: The part of the JSON.

    Returns:
        The table.
    """
    table = study_table(
        "两个参数的模型：梯度流的终点与闭式解；预测头的倍率超过“够快”时不坍缩",
        [""],
        ["(φ₀, θ₀)", "倍率", "够快", "(φ, θ)", "闭式解", "守恒量漂移"],
    )
    for row in toy["paths"]:
        ends = [(row[f"{kind}phi"], abs(row[f"{kind}theta"])) for kind in ("", "exact_")]
        shown = [f"({phi:.5f}, {theta:.5f})" for phi, theta in ends]
        start = f"({row['start'][0]:g}, {row['start'][1]:g})"
        fast = f"{row['fast_enough']:g}"
        table.add_row(row["side"], start, f"{row['multiple']:g}", fast, *shown, f"{row['drift']:.1e}")
    return table


def runs_table(title: str, found: Mapping[str, Any], *, bare_quality: float | None) -> Table:
    """Lays runs beside each other: means over the seeds of what was read last, and when the alarm went off.

    Of projections and vectors: normalized std and effective rank; quality before the first step and at the end.

    Args:
        title: Of the table.
        found: By name, as in the JSON: ``title`` and ``runs``.
        bare_quality: Of the inputs themselves; None where quality is not measured.

    Returns:
        The table.
    """
    bare = "" if bare_quality is None else f"；近邻：训练前→训练后，原始输入 {bare_quality:.3f}"
    table = study_table(title + bare, [""], ["警报（步）", "坍缩成", "损失", "投影", "向量", "近邻"])
    for row in found.values():
        runs: Sequence[Mapping[str, Any]] = row["runs"]
        alarms = ["—" if run["alarm_at"] is None else str(run["alarm_at"]) for run in runs]
        how = sorted({verdict for run in runs for verdict in run["alarm_verdicts"].values()})
        quality = [list(run["quality"].values()) for run in runs if run["quality"]]
        table.add_row(
            row["title"],
            " ".join(alarms),
            ", ".join(how) or "—",
            f"{np.mean([run['loss'][-1] for run in runs]):.3f}",
            *(_std_and_rank(runs, part) for part in ("projections", "vectors")),
            "→".join(f"{np.mean([each[at] for each in quality]):.3f}" for at in (0, -1)) if quality else "—",
        )
    return table


def _std_and_rank(runs: Sequence[Mapping[str, Any]], part: str) -> str:
    std, rank = (np.mean([run["readings"][part][key][-1] for run in runs]) for key in ("std", "effective_rank"))
    return f"{std:.2f}/{rank:.1f}"
