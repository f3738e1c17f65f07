"""Tables of the pages on matching, on learned standards and on auditing, out of the results of their benchmarks."""

import json
from pathlib import Path
from typing import Any

__all__ = ["STANDARD_TABLES"]

RESULTS = Path(__file__).parent / "results"
# F1 of single cross-encoders of BERT's size on the contest's own valid (MingjieWang0606, second place).
PUBLISHED = {
    "ssA": "0.77–0.80",
    "slA": "0.78–0.80",
    "llA": "0.83–0.84",
    "ssB": "0.73–0.75",
    "slB": "0.64–0.66",
    "llB": "0.70–0.74",
}
# The ways of learn_standard.py, in the order of the page's columns.
LEARNED_WAYS = ("cosine", "nearest", "all logits", "learned", "learned, prior as shipped")
CLEANLAB_WAYS = ("cleanlab_on_the_same_columns", "cleanlab_without_what_labels_say_of_each_other")


def detail_table(*, language: int) -> str:
    """Makes the table of edits that strict standards refuse, by the score alone and with declared details."""
    found, words = _read("hard_differences"), ("改掉的", "只凭分数", "连同细节", "对")
    if language:
        words = ("what was changed", "by the score alone", "with details", "pairs")
    alone, decided = found["hard_edits_refused_by_the_score_alone"], found["hard_edits_refused"]
    rows = [f"| {words[0]} | {words[1]} | {words[2]} | {words[3]} |", "| --- | --- | --- | --- |"]
    groups = (("kinds_trained_on", ("训练里有", "trained on")), ("kinds_held_out", ("从未训练", "never trained on")))
    for group, told in groups:
        for kind, share in decided[group].items():
            before = alone[group][kind]["share"]
            rows.append(f"| `{kind}` | {before:.2f} | {share['share']:.2f} | {share['n']} |")
        mean = f"mean_of_{group}"
        label = ("平均，" + told[0], "mean, " + told[1])[language]
        rows.append(f"| {label} | {alone[mean]:.2f} | {decided[mean]:.2f} | |")
    kept, counts = found["labelled_pairs_kept_apart"].values(), found["training_pairs_that_differ_in_one_detail"]
    total, no, yes = (sum(each[key] for each in kept) for key in ("pairs", "non_matches", "matches"))
    strict, loose = ([0, 0], [0, 0])
    for task, kinds in counts.items():
        into = loose if task in ("ssA", "similar", "address", "search") else strict
        for n_no, n_yes in kinds.values():
            into[0] += n_no
            into[1] += n_yes
    said = (
        f"评测里 {total:,} 对真实的对，分数说匹配、因细节改判的：{no} 对本不匹配，{yes} 对本匹配。"
        f"训练集里只差一处细节的对：严格标准下 {strict[0]} 对不匹配、{strict[1]} 对匹配；"
        f"宽松标准（`ssA`、`similar`、`address`、`search`）下 {loose[0]} 对不匹配、{loose[1]} 对匹配。",
        f"Of {total:,} real pairs judged, those that the score calls a match and a detail turns down: "
        f"{no} are none, {yes} are. Training pairs that differ in one detail: {strict[0]} no match and {strict[1]} "
        f"a match under strict standards; {loose[0]} and {loose[1]} under loose ones "
        "(`ssA`, `similar`, `address`, `search`).",
    )
    return "\n".join([*rows, "", said[language]]) + "\n"


def official_table(*, language: int) -> str:
    """Makes the table of the six Sohu tasks beside published scores; empty until official.json has been measured.

    It is written by ``yanmo evaluate default --data DATA --only ssA,ssB,slA,slB,llA,llB --halves --json
    benchmarks/results/official.json``.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    if not (RESULTS / "official.json").is_file():
        return ""
    head = (
        "| 任务 | AUC | F1 [95 %] | 全判匹配 | 竞赛的比例 | 该比例下的 F1 | 公布（单个模型） |\n",
        "| task | AUC | F1 [95 %] | all positive | contest's share | F1 at it | published (single model) |\n",
    )[language]
    rows = [head, f"|{' --- |' * 7}\n"]
    for name, task in _read("official")["tasks"].items():
        low, high = task["f1_interval"]
        rows.append(
            f"| `{name}` | {task['auc']:.3f} | {task['f1']:.3f} [{low:.3f}, {high:.3f}] "
            f"| {task['all_positive_f1']:.3f} | {task['base_rate']:.1%} | {task['f1_at_base_rate']:.3f} "
            f"| {PUBLISHED[name]} |\n"
        )
    return "".join(rows)


def learned_table(*, language: int) -> str:
    """Makes the table of standards learned from few pairs: seven that the matcher was trained without, and their mean.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    head, mean_of = (
        (
            "| 标准 | 对数 | 底座余弦调阈值 | 最近的标准调阈值 | 全部 logit 的逻辑回归 "
            "| 学到的 | 学到的，先验如所带 |\n",
            "平均",
        ),
        (
            "| standard | pairs | the base's cosine, threshold tuned | nearest standard, threshold tuned "
            "| logistic regression of all logits | learned | learned, prior as shipped |\n",
            "mean",
        ),
    )[language]
    rows = _read("learn_standard")["rows"]
    lines = [head, f"|{' --- |' * 7}\n"]
    for row in rows:
        cells = [f"{row[way]['mean']:.3f} ({row[way]['std']:.3f})" for way in LEARNED_WAYS]
        lines.append(f"| `{row['task']}` | {row['n']} | {' | '.join(cells)} |\n")
    for n in sorted({row["n"] for row in rows}):
        here = [row for row in rows if row["n"] == n]
        cells = [f"**{sum(row[way]['mean'] for row in here) / len(here):.3f}**" for way in LEARNED_WAYS]
        lines.append(f"| {mean_of} | {n} | {' | '.join(cells)} |\n")
    return "".join(lines)


def tuned_table(*, language: int) -> str:
    """Makes the table of fine-tuning every layer on a few pairs, beside a learned standard."""
    found = _read("learn_finetuned")
    head = (
        "| 标准 | 对数 | 全量微调 | 学到的 |\n",
        "| standard | pairs | every layer fine-tuned | learned |\n",
    )[language]
    lines = [head, f"|{' --- |' * 4}\n"]
    for row in found["rows"]:
        cells = [f"{row[way]['mean']:.3f} ({row[way]['std']:.3f})" for way in ("fine-tuned", "learned")]
        lines.append(f"| `{row['task']}` | {row['n']} | {' | '.join(cells)} |\n")
    for n in sorted({row["n"] for row in found["rows"]}):
        here = [row for row in found["rows"] if row["n"] == n]
        cells = [f"**{sum(row[way]['mean'] for row in here) / len(here):.3f}**" for way in ("fine-tuned", "learned")]
        lines.append(f"| {('平均', 'mean')[language]} | {n} | {' | '.join(cells)} |\n")
    return "".join(lines)


def labelled_table(*, language: int) -> str:
    """Makes the table of F1 by labels that the standard picks and by labels at random."""
    head = (
        "| 标准 | 匹配的比例 | 挑 20 个 | 挑 50 个 | 挑 100 个 | 随机 20 个 | 随机 50 个 | 随机 200 个 |\n",
        "| standard | matches | 20 picked | 50 picked | 100 picked | 20 at random | 50 at random | 200 at random |\n",
    )[language]
    lines = [head, f"|{' --- |' * 8}\n"]
    for row in _read("label_standard")["rows"]:
        cells = [
            f"{row['mean'][way][n]:.3f} ({row['std'][way][n]:.3f})"
            for way, sizes in (("picked", ("20", "50", "100")), ("random", ("20", "50", "200")))
            for n in sizes
        ]
        lines.append(f"| `{row['task']}` | {row['matches']:.1%} | {' | '.join(cells)} |\n")
    return "".join(lines)


def audited_table(*, language: int) -> str:
    """Makes the table of flipped labels that an audit finds among the first tenth, beside cleanlab."""
    head = (
        "| 标准 | 对数 | 研墨 | 只看模型的概率 | cleanlab，同样的列 | cleanlab，没有别处标注的两票 |\n",
        "| standard | pairs | Yanmo | the matcher's probability alone | cleanlab on the same columns "
        "| cleanlab without the two votes of other labels |\n",
    )[language]
    lines, ways = [head, f"|{' --- |' * 6}\n"], ("yanmo", "matcher_alone", *CLEANLAB_WAYS)
    rows = _read("label_audit")["sets"]
    for name, row in rows.items():
        cells = [f"{row[way]['mean']:.3f} ± {row[way]['deviation']:.3f}" for way in ways]
        lines.append(f"| `{name}` | {row['pairs']} | {' | '.join(cells)} |\n")
    mean = [f"**{sum(row[way]['mean'] for row in rows.values()) / len(rows):.3f}**" for way in ways]
    lines.append(f"| {('平均', 'mean')[language]} | | {' | '.join(mean)} |\n")
    return "".join(lines)


def explained_table(*, language: int) -> str:
    """Makes the table of decisions that turn without the words that an explanation names.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    lines = [
        (
            "| 标准 | 对数 | 全部 | 匹配 | 不匹配 | 随机去掉 15 % 以内的词 |\n",
            "| standard | pairs | all | matches | non-matches | words drawn by chance within 15 % |\n",
        )[language],
        f"|{' --- |' * 6}\n",
    ]
    for name, row in _read("explanations")["sets"].items():
        turned = (row[key] for key in ("named_turns", "of_matches", "of_non_matches", "chance_turns"))
        lines.append(f"| `{name}` | {row['pairs']} | {' | '.join(f'{share:.2f}' for share in turned)} |\n")
    return "".join(lines)


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


STANDARD_TABLES = (
    ("matching", "official", official_table),
    ("matching", "details", detail_table),
    ("standard", "learned", learned_table),
    ("standard", "tuned", tuned_table),
    ("standard", "labelled", labelled_table),
    ("audit", "audited", audited_table),
    ("audit", "explained", explained_table),
)
"""Page, mark and table."""
