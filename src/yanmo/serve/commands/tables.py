"""Tables for the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from ...evaluate import Consistency, Difference, Judgement, TaskReport, TaskScores, Truncation

__all__ = ["consistency_lines", "detail_lines", "difference_lines", "judgement_table", "truncation_lines"]


def judgement_table(judgement: "Judgement", *, width: int) -> Table:
    """Lays a judgement out, one row a task, with 95 % intervals.

    Args:
        judgement: What was measured.
        width: Cells of a terminal's line; columns that do not fit are left out, and the table says which.

    Returns:
        The table.
    """
    low, high = judgement.official_interval
    parts = "，".join(f"{escape(name)} {value:.4f}" for name, value in judgement.official.standards.items())
    source = {"stored": "模型自带", "other half": "取自另一半"}[judgement.thresholds]
    from ...evaluate.official import metric_name

    metric = metric_name(judgement.tasks)
    shown = f"（{parts}）" if len(judgement.official.standards) <= _MOST_NAMED else ""
    columns = [
        _Column(header, [text(name, report) for name, report in judgement.tasks.items()], rank)
        for header, rank, text in _COLUMNS
        if header not in _IF_ANY or any(_IF_ANY[header](report) is not None for report in judgement.tasks.values())
    ]
    kept = list(columns)
    while sum(column.width for column in kept) + 1 > width and len(kept) > 1:
        kept.remove(max(kept, key=lambda column: column.rank))
    left_out = "、".join(column.header for column in columns if column not in kept)
    table = Table(
        title=f"{metric} F1 {judgement.official.f1:.4f} [{low:.3f}, {high:.3f}]{shown}，阈值{source}",
        title_justify="left",
        title_style="bold",
        caption=f"终端太窄，略去：{left_out}" if left_out else None,
        caption_justify="left",
        box=SIMPLE,
    )
    for column in kept:
        table.add_column(column.header, justify="left" if column.rank == 0 else "right", no_wrap=True)
    for row in zip(*(column.texts for column in kept), strict=True):
        table.add_row(*map(escape, row))
    return table


# A title with more standards than these would be longer than its table.
_MOST_NAMED = 3
_AT_RATE = "F1@比例"
# Columns that stand there only if a task has a value for them.
_IF_ANY: "dict[str, Callable[[TaskReport], object]]" = {
    _AT_RATE: lambda report: report.base_rate,
    "秩相关": lambda report: report.spearman,
    "NDCG@10": lambda report: report.ndcg,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    header: str
    texts: list[str]
    rank: int
    """0 for the one that always stays; the highest goes first where there is no room."""

    @property
    def width(self) -> int:
        # With a space on either side and the gap to the next.
        return max(map(cell_len, [self.header, *self.texts])) + 3


_COLUMNS: "Sequence[tuple[str, int, Callable[[str, TaskReport], str]]]" = (
    ("任务", 0, lambda name, _: name),
    ("对数", 6, lambda _, report: f"{report.n:,}"),
    ("匹配", 7, lambda _, report: f"{report.n_positive:,}"),
    ("F1", 1, lambda _, report: f"{report.f1:.3f}"),
    ("95 % 区间", 3, lambda _, report: f"{report.f1_interval[0]:.3f}–{report.f1_interval[1]:.3f}"),
    ("全判匹配", 4, lambda _, report: f"{report.all_positive_f1:.3f}"),
    (_AT_RATE, 11, lambda _, report: _at_rate(report)),
    ("精确率", 9, lambda _, report: f"{report.precision:.3f}"),
    ("召回率", 10, lambda _, report: f"{report.recall:.3f}"),
    ("AUC", 2, lambda _, report: "—" if report.auc is None else f"{report.auc:.3f}"),
    ("阈值", 8, lambda _, report: f"{report.threshold:.3f}"),
    ("秩相关", 5, lambda _, report: "—" if report.spearman is None else f"{report.spearman:.3f}"),
    ("NDCG@10", 5, lambda _, report: "—" if report.ndcg is None else f"{report.ndcg:.3f}"),
)


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


def difference_lines(first: str, second: str, differences: "Sequence[Difference]") -> list[str]:
    """Says in one line each what the second model has over the first under a task, on the same pairs."""
    return [
        f"{each.task}：{second} 比 {first} F1 {each.f1:+.3f} [{each.f1_interval[0]:+.3f}, {each.f1_interval[1]:+.3f}]"
        + ("" if each.auc is None or each.auc_interval is None else _auc_difference(each.auc, each.auc_interval))
        + f"；判断不同 {each.n_changed:,} 对，其中它对 {each.n_better:,} 对{'' if each.is_clear else '（差别不明确）'}"
        for each in differences
    ]


def _auc_difference(auc: float, interval: tuple[float, float]) -> str:
    return f"，AUC {auc:+.3f} [{interval[0]:+.3f}, {interval[1]:+.3f}]"


def detail_lines(scores: Sequence["TaskScores"]) -> list[str]:
    """Says how many pairs a declared detail keeps apart, and how many of those are labelled as matches."""
    lines = []
    for each in scores:
        apart = each.apart.get(each.task)
        if apart is not None and apart.any():
            n, n_matches = int(apart.sum()), int((apart & each.labels).sum())
            lines.append(
                f"{each.task}：{n:,} 对只差一处声明了的细节，不论分数都不算匹配；其中标为匹配的 {n_matches:,} 对"
            )
    return lines


def truncation_lines(truncation: Mapping[str, "Truncation"]) -> list[str]:
    """Says in one line each how much of its pairs a task leaves out or reads in windows; of whole pairs nothing."""
    return [
        f"截断：{task} 的 {t.n:,} 对中 {t.pairs_cut:.1%} 没有读全，略去全部 token 的 {t.tokens_cut:.1%}"
        + (f"；{t.pairs_in_windows:.1%} 分窗读" if t.pairs_in_windows else "")
        for task, t in truncation.items()
        if t.pairs_cut or t.pairs_in_windows
    ]
