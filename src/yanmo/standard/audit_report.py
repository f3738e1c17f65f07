"""The audit of labels as one self-contained HTML page: each suspect with its reasons, and what contradicts what."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ..atomic import replacing
from ..data.pair import Pair
from .audit import Audit, Likeness, Suspect
from .explain import Explanation
from .explain_marks import MARK_STYLE, marked_texts

__all__ = ["write_audit"]

_SHOWN = 300  # characters of a text
_N_LISTED = 50  # disputed pairs and contradictions


def write_audit(
    path: Path, audit: Audit, *, title: str, note: str = "", explanations: Mapping[int, Explanation] | None = None
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        audit: What was found.
        title: What was audited.
        note: A caveat to print below the numbers.
        explanations: Of some suspects, by row, why the matcher judges them as it does.
    """
    why = explanations or {}
    structure = audit.structure
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=lead>{len(audit.pairs):,} 对中，<b>{audit.n_contradicted:,}</b> 个标注更可能是错的</p>",
        _numbers(audit),
        f"<p>{_how(audit)}{escape(note)}</p>",
        f"<h2>最可疑的标注（列出 {len(audit.suspects)} 个）</h2>",
        *(_suspect(audit, suspect, number, why.get(suspect.row)) for number, suspect in enumerate(audit.suspects, 1)),
    ]
    if structure.disputed:
        body.append(f"<h2>同一对文本，标注不同（{len(structure.disputed):,} 组）</h2>")
        body += [_rows_together(audit, rows) for rows in structure.disputed[:_N_LISTED]]
    if structure.identical:
        body.append(f"<h2>两段文本完全相同，却标为不匹配（{len(structure.identical):,} 对）</h2>")
        body += [_rows_together(audit, [row]) for row in structure.identical[:_N_LISTED]]
    if structure.triangles:
        body.append(f"<h2>甲＝乙，乙＝丙，而甲≠丙（{structure.n_triangles:,} 处）</h2>")
        body.append("<p>三个标注不能都对；概率是各自标错的可能。标准若本来就不传递（如“大致相关”），这些不算错。</p>")
        worst = sorted(structure.triangles, key=lambda triangle: -max(audit.doubts[row] for row in triangle.rows))
        body += [_rows_together(audit, triangle.rows) for triangle in worst[:_N_LISTED]]
    page = _PAGE.replace("{{title}}", escape(title)).replace("{{body}}", "\n".join(body))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def _numbers(audit: Audit) -> str:
    known = "—" if audit.base_rate is None else f"{audit.base_rate:.1%}"
    cells = {
        "标准": escape(audit.task if audit.title == audit.task else f"{audit.task} {audit.title}"),
        "对数": f"{len(audit.pairs):,}",
        "标注的匹配比例": f"{audit.label_rate:.1%}",
        "不看标注的估计": f"{audit.expected_rate:.1%}",
        "使用时的比例": known,
        "标注不同的重复": f"{len(audit.structure.disputed):,}",
        "传递矛盾": f"{audit.structure.n_triangles:,}",
    }
    head = "".join(f"<th>{name}</th>" for name in cells)
    row = "".join(f"<td>{cell}</td>" for cell in cells.values())
    return f"<div class=wide><table><tr>{head}</tr><tr>{row}</tr></table></div>"


def _how(audit: Audit) -> str:
    if audit.is_learned:
        return "每一对都由没有见过它的标注的小模型判断（五折）。可疑不等于错，请再看一眼。"
    return "两类标注不足以学出什么，概率是模型自己的：模型若在这些标注上训练过，就不能凭它查出错来。"


def _suspect(audit: Audit, suspect: Suspect, number: int, why: Explanation | None) -> str:
    pair = audit.pairs[suspect.row]
    texts = (_cut(pair.text0), _cut(pair.text1)) if why is None else marked_texts(why, at_most=_SHOWN)
    head = (
        f"<b>{number}</b> · {_place(pair)} · 标为<b>{_word(suspect.label)}</b>，"
        f"建议改为<b>{_word(suspect.suggested)}</b> · 标错的概率 {suspect.doubt:.3f}"
    )
    reasons = [_contradiction(audit, suspect)] if suspect.triangles or suspect.disputed else []
    if why is not None:
        reasons.append(_why(why))
    for heading, likes in (("最像它、标注与它相反", suspect.disagreeing), ("最像它、标注与它相同", suspect.agreeing)):
        if likes:
            reasons.append(f"{heading}：" + "".join(_like(audit, like) for like in likes))
    listed = "".join(f"<li>{reason}</li>" for reason in reasons)
    return (
        f"<div class=pair><div class=head>{head}</div><p>{texts[0]}</p><p>{texts[1]}</p>"
        f"<details open><summary>理由</summary><ul>{listed}</ul></details></div>"
    )


def _contradiction(audit: Audit, suspect: Suspect) -> str:
    said = []
    if suspect.disputed:
        rows = "、".join(str(audit.pairs[row].line) for row in suspect.disputed)
        said.append(f"同一对文本在第 {rows} 行标为{_word(suspect.suggested)}")
    for triangle in suspect.triangles:
        others = "、".join(str(audit.pairs[row].line) for row in triangle.rows if row != suspect.row)
        said.append(f"与第 {others} 行不能同时成立（甲＝乙，乙＝丙，甲≠丙）")
    return "；".join(said)


def _why(why: Explanation) -> str:
    verdict = "匹配" if why.accepted else "不匹配"
    said = [f"模型自己判为{verdict}（概率 {why.probability:.3f}，阈值 {why.threshold:.3f}）"]
    if why.best is not None and why.best.turns:
        words = "、".join(f"“{escape(word)}”" for word in why.best.words)
        said.append(f"去掉{words}就成了{'不匹配' if why.accepted else '匹配'}（{why.best.probability:.3f}）")
    for difference in why.differences:
        sides = (escape(difference.text0) or "（无）", escape(difference.text1) or "（无）")
        said.append(f"{difference.kind.title}不同：{'／'.join(sides)}")
    return "；".join(said)


def _like(audit: Audit, like: Likeness) -> str:
    pair = audit.pairs[like.row]
    label = _word(int(audit.labels[like.row]))
    return (
        f"<div class=like>{escape(_short(pair.text0))}<br>{escape(_short(pair.text1))}"
        f"<span> {label} · 相似 {like.likeness:.2f} · 第 {pair.line} 行</span></div>"
    )


def _rows_together(audit: Audit, rows: Sequence[int]) -> str:
    shown = "".join(
        f"<p>{_cut(audit.pairs[row].text0)}<br>{_cut(audit.pairs[row].text1)} "
        f"<span class=head>{_place(audit.pairs[row])} · 标为{_word(int(audit.labels[row]))}"
        f" · 标错的概率 {audit.doubts[row]:.3f}</span></p>"
        for row in rows
    )
    return f"<div class=pair>{shown}</div>"


def _word(label: int) -> str:
    return "匹配" if label else "不匹配"


def _place(pair: Pair) -> str:
    name = "" if pair.id is None else f"（编号 {escape(pair.id)}）"
    return f"{escape(Path(pair.source).name)} 第 {pair.line} 行{name}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _cut(text: str) -> str:
    return escape(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}……（共 {len(text):,} 字）")


_PAGE = (
    """<!DOCTYPE html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>
body { font: 16px/1.6 system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; color: #222;
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.lead { font-size: 1.15rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
details { margin: .4rem 0; } summary { cursor: pointer; color: #666; font-size: .9rem; }
.pair { border-left: 3px solid #c0392b; padding: .4rem 1rem; margin: 1rem 0; background: #fafafa; }
.pair p { margin: .3rem 0; overflow-wrap: anywhere; } .head, .like span { color: #666; font-size: .9rem; }
.head b { color: #222; }
ul { margin: .3rem 0; padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
.like { border-left: 2px solid #ddd; padding-left: .7rem; margin: .25rem 0; }
"""
    + MARK_STYLE
    + """</style>
</head>
<body>
{{body}}
</body>
</html>
"""
)
