"""The table of measured claims in README.md and README.en.md; numbers come from JSON files alone.

    python benchmarks/claims.py [--check]

The files are those of ``benchmarks/results``, and what the bundled matcher keeps of its own evaluation. Rewrites the
lines between the two marks ``<!-- claims -->`` in both files, the count of reliability there, and tables of method
pages between marks of theirs; with ``--check`` it only says whether they are what it would write, by its exit code.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from collection_tables import COLLECTION_TABLES
from study_tables import STUDY_TABLES

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BUNDLED = ROOT / "src" / "yanmo" / "assets" / "default" / "matching.json"
BEGIN, END = "<!-- claims -->", "<!-- /claims -->"
OFFICIAL_MARKS = ("<!-- official -->", "<!-- /official -->")
DETAIL_MARKS = ("<!-- details -->", "<!-- /details -->")
EXPLAINED_MARKS = ("<!-- explained -->", "<!-- /explained -->")
AUDITED_MARKS = ("<!-- audited -->", "<!-- /audited -->")
LABELLED_MARKS = ("<!-- labelled -->", "<!-- /labelled -->")
LEARNED_MARKS = ("<!-- learned -->", "<!-- /learned -->")
# The ways of learn_standard.py, in the order of the page's columns.
LEARNED_WAYS = ("cosine", "nearest", "all logits", "learned", "learned, prior as shipped")
CLEANLAB_WAYS = ("cleanlab_on_the_same_columns", "cleanlab_without_what_labels_say_of_each_other")
TUNED_MARKS = ("<!-- tuned -->", "<!-- /tuned -->")
RELIABILITY_MARKS = ("<!-- reliability -->", "<!-- /reliability -->")
# F1 of single cross-encoders of BERT's size on the contest's own valid (MingjieWang0606, second place).
PUBLISHED = {
    "ssA": "0.77–0.80",
    "slA": "0.78–0.80",
    "llA": "0.83–0.84",
    "ssB": "0.73–0.75",
    "slB": "0.64–0.66",
    "llB": "0.70–0.74",
}
HEADS = {
    "README.md": "| 量的是什么 | 研墨 | 对照 |\n| --- | --- | --- |\n",
    "README.en.md": "| what was measured | Yanmo | beside it |\n| --- | --- | --- |\n",
}


class Claim(NamedTuple):
    """One row, its cells in Chinese and in English."""

    what: tuple[str, str]
    ours: tuple[str, str]
    theirs: tuple[str, str]


def main() -> None:
    """Writes or checks both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    only_checks = parser.parse_args().check
    for name in HEADS:
        path = ROOT / name
        page = path.read_text(encoding="utf-8")
        language = list(HEADS).index(name)
        new = between(page, BEGIN, END, "\n" + table(HEADS[name], language=language))
        new = between(new, *RELIABILITY_MARKS, reliability(language=language))
        _write(path, page, new, only_checks=only_checks)
    for stem, marks, make in (
        ("matching", OFFICIAL_MARKS, official_table),
        ("matching", DETAIL_MARKS, detail_table),
        ("standard", LEARNED_MARKS, learned_table),
        ("standard", TUNED_MARKS, tuned_table),
        ("standard", LABELLED_MARKS, labelled_table),
        ("audit", AUDITED_MARKS, audited_table),
        ("audit", EXPLAINED_MARKS, explained_table),
    ):
        for language, suffix in enumerate((".md", ".en.md")):
            path = ROOT / "docs" / "methods" / (stem + suffix)
            page = path.read_text(encoding="utf-8")
            _write(path, page, between(page, *marks, "\n" + make(language=language)), only_checks=only_checks)
    for stem, mark, lay_out in STUDY_TABLES + COLLECTION_TABLES:
        for language, suffix in enumerate((".md", ".en.md")):
            path = ROOT / "docs" / "methods" / (stem + suffix)
            page = path.read_text(encoding="utf-8")
            new = between(page, f"<!-- {mark} -->", f"<!-- /{mark} -->", "\n" + lay_out(language=language))
            _write(path, page, new, only_checks=only_checks)


def _write(path: Path, page: str, new: str, *, only_checks: bool) -> None:
    if only_checks and new != page:
        sys.exit(f"{path.name} does not say what the results say: python benchmarks/claims.py")
    if not only_checks:
        path.write_text(new, encoding="utf-8")


def between(page: str, begin: str, end: str, made: str) -> str:
    """Puts text between two marks of a page."""
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"no {begin} ... {end} in the page")
    return f"{before}{begin}{made}{end}{after}"


def reliability(*, language: int) -> str:
    """Says how many tries of ``make soak`` held.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        The words.
    """
    parts = _read("reliability").values()
    held, tries = (sum(part[key] for part in parts) for key in ("held", "tries"))
    return f"{held:,} / {tries:,}" if language == 0 else f"{held:,} of {tries:,}"


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


def table(head: str, *, language: int) -> str:
    """Makes the table.

    Args:
        head: Its first two lines.
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    rows = (_crossing(), _quality(), _duplicates(), _scoring(), _training(), _tokenizing(), _decoding())
    return head + "".join(f"| {' | '.join(cells[language] for cells in row)} |\n" for row in rows)


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _crossing() -> Claim:
    ways = _read("crossing_standards")["ways"]
    ours, theirs = (ways[way]["crossed"]["review_kind:review_opinion"] for way in ("conditional", "unconditional"))
    n, seeds = int(ours["n"]["mean"]), ways["conditional"]["seeds"]
    return Claim(
        (
            f"两个相交的标准都判对的评论对（dev {n:,} 对，{seeds} 个种子）",
            f"review pairs judged right under both of two crossing standards ({n:,} of dev, {_seeds(seeds)})",
        ),
        (f"**{ours['both']['mean']:.1%}**",) * 2,
        (
            f"一个模型、每个标准一个偏置：{theirs['both']['mean']:.1%}",
            f"one model, a bias for each standard: {theirs['both']['mean']:.1%}",
        ),
    )


def _quality() -> Claim:
    decisions = json.loads(BUNDLED.read_text(encoding="utf-8"))["decisions"]
    ours = sum(decisions[name]["f1"] for name in ("ssA", "ssB")) / 2
    known = _read("matching_references")
    others = {name: row["mean_f1"]["mean"] for name, row in known["table"].items()}
    boosting, cosine = others["TF-IDF and gradient boosting"], others["cosine of the base, zero-shot"]
    version = known["versions"]["scikit-learn"]
    return Claim(
        (
            "搜狐 ssA、ssB 的平均 F1（valid，阈值取自另一半；三个种子的权重取平均）",
            "mean F1 of Sohu ssA and ssB (valid, thresholds of the other half; mean of three seeds' weights)",
        ),
        (f"**{ours:.3f}**",) * 2,
        (
            f"底座余弦 {cosine:.3f}；TF-IDF 加 scikit-learn {version} 梯度提升 {boosting:.3f}",
            f"the base's cosine {cosine:.3f}; TF-IDF and scikit-learn {version} boosting {boosting:.3f}",
        ),
    )


def _duplicates() -> Claim:
    result = _read("planted_duplicates")
    ways, task = result["ways"], "similar"
    hashes = "MinHash (datasketch)"
    each = [ways[name] for name in (f"Yanmo, {task}, fitted", f"vectors of {task}", hashes, f"{hashes}, apart")]
    own, theirs, peer, ruled = (f"{way['f1']:.3f}" for way in each)
    seconds = [f"{way['cpu_seconds']:.0f}" for way in each]
    return Claim(
        (
            f"{result['n']:,} 行里的抄本，F1（处理器秒；阈值由另一半定，1 个种子）",
            f"copies among {result['n']:,} rows, F1 (processor seconds; thresholds of the other half, one seed)",
        ),
        (f"**{own}**（{seconds[0]}）", f"**{own}** ({seconds[0]})"),
        (
            f"MinHash {peer}（{seconds[2]}），加同一条规则 {ruled}（{seconds[3]}）；"
            f"同一标准的向量 {theirs}（{seconds[1]}）",
            f"MinHash {peer} ({seconds[2]}), our rule added {ruled} ({seconds[3]}); "
            f"the standard's vectors {theirs} ({seconds[1]})",
        ),
    )


def _scoring() -> Claim:
    result = _read("score")["width_768_threads_2"]
    peer, own = "cross-encoder openvino int8", "yanmo openvino int8"
    ratio = result["ratio"][own][peer]["median"]
    ours, theirs = (result["pairs_per_second"][name]["median"] for name in (own, peer))
    version = result["versions"][peer]["sentence-transformers"]
    return Claim(
        (
            "CPU 打分，12 层宽 768，OpenVINO int8，2 线程，对/秒",
            "CPU scoring, 12 layers x 768, OpenVINO int8, 2 threads, pairs/s",
        ),
        (f"**{ours:.1f}**（{ratio:.2f} 倍）", f"**{ours:.1f}** ({ratio:.2f} times)"),
        (f"sentence-transformers {version}：{theirs:.1f}", f"sentence-transformers {version}: {theirs:.1f}"),
    )


def _training() -> Claim:
    result = _read("train")["width_base_threads_2"]
    peer = "transformers group_by_length"
    ratio = result["ratio"][peer]["median"]
    ours, theirs = (result["pairs_per_second"][name]["median"] for name in ("yanmo", peer))
    version = result["machine"]["versions"]["transformers"]
    return Claim(
        ("CPU 训练同一个模型，2 线程，对/秒", "CPU training of the same model, 2 threads, pairs/s"),
        (f"**{ours:.1f}**（{ratio:.2f} 倍）", f"**{ours:.1f}** ({ratio:.2f} times)"),
        (
            f"transformers {version} Trainer，group_by_length：{theirs:.1f}",
            f"transformers {version} Trainer, group_by_length: {theirs:.1f}",
        ),
    )


def _tokenizing() -> Claim:
    result = _read("word_tokenizer")
    speed = result["speed"]["sohu"]
    way, peer = "yanmo encode_batch (with offsets)", "transformers RoFormerTokenizer"
    ours, theirs = (speed["characters_per_cpu_second"][name] for name in (way, peer))
    n_texts = sum(kind["texts"] for kind in result["identity"].values())
    n_other = sum(kind["with_other_ids_than_the_original"] for kind in result["identity"].values())
    version = result["machine"]["versions"]["transformers"]
    ratio = speed["ratio_to_transformers"][way]
    return Claim(
        (
            f"词粒度分词，字/秒（{n_texts:,} 段文本，id 与原算法不同的 {n_other} 段）",
            f"word tokenizing, characters/s ({n_other} of {n_texts:,} texts with other ids than the original)",
        ),
        (f"**{ours / 1e6:.1f} M**（{ratio:.0f} 倍）", f"**{ours / 1e6:.1f} M** ({ratio:.0f} times)"),
        (
            f"transformers {version} RoFormerTokenizer：{theirs / 1e6:.1f} M",
            f"transformers {version} RoFormerTokenizer: {theirs / 1e6:.1f} M",
        ),
    )


def _decoding() -> Claim:
    result = _read("cpm")["threads_1"]["int8"]
    peer, own = "llama.cpp Q8_0", "yanmo int8"
    ratio = result["ratio"][f"to {peer}"]["median"]
    ours, theirs = (result["tokens_per_second"][name]["median"] for name in (own, peer))
    return Claim(
        (
            "26 亿参数 GPT-2（CPM-LM 的结构），8 位，1 线程，token/秒",
            "2.6 B GPT-2 (CPM-LM's shape), 8 bits, 1 thread, tokens/s",
        ),
        (f"**{ours:.1f}**（{ratio:.2f} 倍）", f"**{ours:.1f}** ({ratio:.2f} times)"),
        (f"{peer}：{theirs:.1f}", f"{peer}: {theirs:.1f}"),
    )


def _seeds(n: int) -> str:
    return "one seed" if n == 1 else f"{n} seeds"


if __name__ == "__main__":
    main()
