"""The evaluation as one self-contained HTML page: numbers with intervals, curves, and the worst errors to read."""

from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO
from pathlib import Path

import numpy as np

from ..atomic import replacing
from ..data.pair import Pair
from ..errors import require_extra
from ..match.decisions import Decision
from ..match.verdicts import verdict
from .consistency import Consistency
from .curve import ranking_curve
from .judge import Judgement, TaskReport
from .metrics import reliability_bins
from .official import metric_name
from .scores import TaskScores

__all__ = ["PAGE", "write_report"]

_N_ERRORS = 10
_SHOWN = 400  # characters of a text


def write_report(
    path: Path,
    judgement: Judgement,
    scores: Sequence[TaskScores],
    decisions: Mapping[str, Decision],
    *,
    title: str,
    note: str = "",
    consistency: Sequence[Consistency] = (),
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        judgement: What was measured.
        scores: Labels and logits of each task, with the pairs where errors are to be shown.
        decisions: The rule of each task, for the probabilities of figures and errors.
        title: What was evaluated on what.
        note: A caveat to print below the numbers.
        consistency: How strict and loose standards agree.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    low, high = judgement.official_interval
    standards = " · ".join(f"{escape(name)} {value:.4f}" for name, value in judgement.official.standards.items())
    chosen = {"stored": "模型自带的阈值", "other half": "阈值取自另一半验证数据"}[judgement.thresholds]
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=lead>{metric_name(judgement.tasks)} F1 <b>{judgement.official.f1:.4f}</b> "
        f"<span>[{low:.3f}, {high:.3f}]</span> · {standards}</p>",
        f"<p>{chosen}；方括号内为 95&#8239;% 自助法区间。{escape(note)}</p>",
        _table(judgement),
    ]
    if consistency:
        body.append(_agreement(consistency))
    for task in scores:
        rule = decisions.get(task.task, Decision())
        body.append(f"<h2>{escape(task.task)}</h2>")
        body.append(f"<div class=figures>{_figures(task, rule, judgement.tasks[task.task])}</div>")
        body.append(_errors(task, rule))
    page = PAGE.replace("{{title}}", escape(title)).replace("{{body}}", "\n".join(body))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def _table(judgement: Judgement) -> str:
    names: tuple[str, ...] = (
        "任务",
        "对数",
        "匹配",
        "F1",
        "全判匹配",
        "F1@比例",
        "精确率",
        "召回率",
        "宏 F1",
        "AUC",
        "AP",
        "校准误差",
        "Brier",
        "阈值",
        "秩相关",
        "NDCG@10",
    )
    if all(report.spearman is None for report in judgement.tasks.values()):
        names = names[:-2]  # no labels are grades
    rows = ["<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"]
    for name, report in judgement.tasks.items():
        cells = [
            escape(name),
            f"{report.n:,}",
            f"{report.n_positive:,}",
            f"{report.f1:.3f} <span>[{report.f1_interval[0]:.3f}, {report.f1_interval[1]:.3f}]</span>",
            f"{report.all_positive_f1:.3f}",
            "—" if report.base_rate is None else f"{report.f1_at_base_rate:.3f} <span>@ {report.base_rate:.1%}</span>",
            f"{report.precision:.3f}",
            f"{report.recall:.3f}",
            f"{report.macro_f1:.3f}",
            "—"
            if report.auc is None or report.auc_interval is None
            else f"{report.auc:.3f} <span>[{report.auc_interval[0]:.3f}, {report.auc_interval[1]:.3f}]</span>",
            "—" if report.average_precision is None else f"{report.average_precision:.3f}",
            f"{report.calibration_error:.3f}",
            f"{report.brier:.3f}",
            f"{report.threshold:.3f}",
            "—" if report.spearman is None else f"{report.spearman:.3f}",
            "—" if report.ndcg is None else f"{report.ndcg:.3f} <span>/ {report.n_queries:,}</span>",
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells[: len(names)]) + "</tr>")
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _agreement(consistency: Sequence[Consistency]) -> str:
    rows = ["<tr><th>严格</th><th>宽松</th><th>对数</th><th>严格判匹配</th><th>其中宽松判不匹配</th>"]
    rows[0] += "<th>严格概率高于宽松</th><th>秩相关</th></tr>"
    rows += [
        f"<tr><td>{escape(c.strict)}</td><td>{escape(c.loose)}</td><td>{c.n:,}</td><td>{c.n_strict:,}</td>"
        f"<td>{c.n_contradictions:,}</td><td>{c.higher:.1%}</td><td>{c.correlation:.3f}</td></tr>"
        for c in consistency
    ]
    return f"<h2>两种标准是否自洽</h2><div class=wide><table>{''.join(rows)}</table></div>"


def _figures(task: TaskScores, rule: Decision, report: TaskReport) -> str:
    require_extra("matplotlib", extra="train")
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    left, right = figure.subplots(1, 2)
    curve = ranking_curve(task.labels, task.logits)
    left.step(curve.recall, curve.precision, where="post", color="#1f4e79")
    left.axhline(task.n_positive / len(task), color="#999999", linestyle=":", linewidth=1)
    left.plot([report.recall], [report.precision], "o", color="#c0392b")
    left.annotate(
        f"F1 {report.f1:.3f}",
        (report.recall, report.precision),
        textcoords="offset points",
        xytext=(-10, -14),
        ha="right",
    )
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02), title="Precision and recall")
    bins = reliability_bins(task.labels, rule.calibration.probabilities(task.logits))
    right.plot([0, 1], [0, 1], color="#999999", linestyle=":", linewidth=1)
    rates = np.array([group.match_rate for group in bins])
    spread = 1.96 * np.sqrt(rates * (1 - rates) / np.maximum([group.n for group in bins], 1))
    right.errorbar(
        [group.probability for group in bins], rates, spread, fmt="o-", color="#1f4e79", linewidth=1, capsize=2
    )
    right.axvline(rule.threshold, color="#c0392b", linewidth=1)
    right.set(xlabel="predicted probability", ylabel="share of matches", xlim=(0, 1), ylim=(0, 1), title="Reliability")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    return svg[svg.index("<svg") :]


def _errors(task: TaskScores, rule: Decision) -> str:
    if task.pairs is None:
        return ""
    decided = verdict(rule, task.logits, is_apart=task.is_apart(task.task))
    probabilities, accepted = decided.probabilities, decided.accepted
    parts = []
    for heading, wrong, sign in (
        ("误判为匹配（最自信的在前）", accepted & ~task.labels, -1),
        ("漏掉的匹配（最自信的在前）", ~accepted & task.labels, 1),
    ):
        rows = np.flatnonzero(wrong)
        worst = rows[np.argsort(sign * probabilities[rows], kind="stable")][:_N_ERRORS]
        items = "".join(_error(task.pairs[i], float(probabilities[i])) for i in worst.tolist())
        shown = f"，列出 {len(worst)} 对" if len(rows) > len(worst) else ""
        parts.append(f"<details><summary>{heading}：共 {len(rows)} 对{shown}</summary>{items}</details>")
    return "".join(parts)


def _error(pair: Pair, probability: float) -> str:
    texts = "".join(f"<p>{escape(_cut(text))}</p>" for text in (pair.text0, pair.text1))
    place = escape(f"{Path(pair.source).name} 第 {pair.line} 行")
    return f"<div class=pair><div class=head>概率 {probability:.3f} · 标注 {pair.label} · {place}</div>{texts}</div>"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}……（共 {len(text)} 字）"


PAGE = """<!DOCTYPE html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>
body { font: 16px/1.6 system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; color: #222;
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.lead { font-size: 1.15rem; } .lead span, td span { color: #666; font-size: .85em; white-space: nowrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.figures svg { max-width: 100%; height: auto; }
details { margin: .6rem 0; } summary { cursor: pointer; }
.pair { border-left: 3px solid #c0392b; padding: .2rem 1rem; margin: .8rem 0; background: #fafafa; }
.pair p { margin: .3rem 0; overflow-wrap: anywhere; } .head { color: #666; font-size: .9rem; }
</style>
</head>
<body>
{{body}}
</body>
</html>
"""
