"""Several matchers on one set as one self-contained HTML page: their numbers side by side, and the differences."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ..atomic import replacing
from .compare import Difference
from .judge import Judgement, TaskReport
from .report import PAGE

__all__ = ["write_comparison"]


def write_comparison(
    path: Path,
    judgements: Mapping[str, Judgement],
    differences: Mapping[str, Sequence[Difference]],
    *,
    title: str,
    note: str = "",
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        judgements: What was measured of each matcher, by its name.
        differences: What each of the others has over the first, by its name.
        title: What was evaluated on what.
        note: A caveat to print below the numbers.
    """
    first = next(iter(judgements))
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>同一批文本对；方括号内为 95&#8239;% 区间，差值的区间由成对自助法得出。{escape(note)}</p>",
        _numbers(judgements),
    ]
    for name, entries in differences.items():
        body.append(f"<h2>{escape(name)} 减去 {escape(first)}</h2>{_differences(entries)}")
    page = PAGE.replace("{{title}}", escape(title)).replace("{{body}}", "\n".join(body))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def _numbers(judgements: Mapping[str, Judgement]) -> str:
    tasks = list(dict.fromkeys(name for each in judgements.values() for name in each.tasks))
    rows = ["<tr><th>任务</th><th>对数</th>" + "".join(f"<th>{escape(name)}</th>" for name in judgements) + "</tr>"]
    for task in tasks:
        reports = [each.tasks.get(task) for each in judgements.values()]
        n = next(report.n for report in reports if report is not None)
        cells = "".join(f"<td>{'—' if report is None else _report(report)}</td>" for report in reports)
        rows.append(f"<tr><td>{escape(task)}</td><td>{n:,}</td>{cells}</tr>")
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _report(report: TaskReport) -> str:
    auc = "" if report.auc is None else f"，AUC {report.auc:.3f}"
    return f"F1 {report.f1:.3f}{_span(report.f1_interval)}{auc}"


def _differences(entries: Sequence[Difference]) -> str:
    rows = ["<tr><th>任务</th><th>F1 之差</th><th>AUC 之差</th><th>判断不同</th><th>其中它对</th></tr>"]
    for each in entries:
        auc = "—" if each.auc is None or each.auc_interval is None else f"{each.auc:+.3f}{_span(each.auc_interval)}"
        mark = "" if each.is_clear else " <span>不明确</span>"
        rows.append(
            f"<tr><td>{escape(each.task)}</td><td>{each.f1:+.3f}{_span(each.f1_interval)}{mark}</td><td>{auc}</td>"
            f"<td>{each.n_changed:,}</td><td>{each.n_better:,}</td></tr>"
        )
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _span(interval: tuple[float, float]) -> str:
    return f" <span>[{interval[0]:.3f}, {interval[1]:.3f}]</span>"
