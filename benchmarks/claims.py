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
from standard_tables import STANDARD_TABLES
from study_tables import STUDY_TABLES

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BUNDLED = ROOT / "src" / "yanmo" / "assets" / "default" / "matching.json"
BEGIN, END = "<!-- claims -->", "<!-- /claims -->"
RELIABILITY_MARKS = ("<!-- reliability -->", "<!-- /reliability -->")
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
    for stem, mark, lay_out in STUDY_TABLES + COLLECTION_TABLES + STANDARD_TABLES:
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
