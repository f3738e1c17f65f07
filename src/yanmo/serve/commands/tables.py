"""Tables for the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from ...evaluate import Consistency, Judgement, TaskReport, Truncation

__all__ = ["consistency_lines", "judgement_table", "truncation_lines"]


def judgement_table(judgement: "Judgement") -> Table:
    """Lays a judgement out, one row a task, with 95 % intervals.

    Args:
        judgement: What was measured.

    Returns:
        The table.
    """
    low, high = judgement.official_interval
    parts = "，".join(f"{escape(name)} {value:.4f}" for name, value in judgement.official.standards.items())
    source = {"stored": "模型自带", "other half": "取自另一半"}[judgement.thresholds]
    from ...evaluate.official import metric_name

    metric = metric_name(judgement.tasks)
    table = Table(
        title=f"{metric} F1 {judgement.official.f1:.4f} [{low:.3f}, {high:.3f}]（{parts}），阈值{source}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
    )
    table.add_column("任务", no_wrap=True)
    at_rate = any(report.base_rate is not None for report in judgement.tasks.values())
    for name in (
        "对数",
        "匹配",
        "F1",
        "95 % 区间",
        "全判匹配",
        *["F1@比例"] * at_rate,
        "精确率",
        "召回率",
        "AUC",
        "阈值",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for name, report in judgement.tasks.items():
        table.add_row(
            escape(name),
            f"{report.n:,}",
            f"{report.n_positive:,}",
            f"{report.f1:.3f}",
            f"{report.f1_interval[0]:.3f}–{report.f1_interval[1]:.3f}",
            f"{report.all_positive_f1:.3f}",
            *[_at_rate(report)] * at_rate,
            f"{report.precision:.3f}",
            f"{report.recall:.3f}",
            "—" if report.auc is None else f"{report.auc:.3f}",
            f"{report.threshold:.3f}",
        )
    return table


def _at_rate(report: "TaskReport") -> str:
    if report.base_rate is None or report.f1_at_base_rate is None:
        return "—"
    return f"{report.f1_at_base_rate:.3f}@{report.base_rate:.1%}"


def consistency_lines(consistency: Sequence["Consistency"]) -> list[str]:
    """Says in one line each how often a strict task contradicts the looser one that it implies."""
    return [
        f"自洽：{c.strict} 判匹配的 {c.n_strict:,} 对中，{c.loose} 判不匹配的有 {c.n_contradictions:,} 对"
        f"（共 {c.n:,} 对；严格概率高于宽松的占 {c.higher:.1%}）"
        for c in consistency
    ]


def truncation_lines(truncation: Mapping[str, "Truncation"]) -> list[str]:
    """Says in one line each how much of its pairs a task leaves out or reads in windows; of whole pairs nothing."""
    return [
        f"截断：{task} 的 {t.n:,} 对中 {t.pairs_cut:.1%} 没有读全，略去全部 token 的 {t.tokens_cut:.1%}"
        + (f"；{t.pairs_in_windows:.1%} 分窗读" if t.pairs_in_windows else "")
        for task, t in truncation.items()
        if t.pairs_cut or t.pairs_in_windows
    ]
