"""Tables of the page on collections, out of the results of its benchmarks."""

import json
from pathlib import Path
from typing import Any

__all__ = ["COLLECTION_TABLES"]

RESULTS = Path(__file__).parent / "results"


def candidate_table(*, language: int) -> str:
    """Makes the table of known matches among the candidates, by the vectors that find them.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    head = (
        "| 标准 | 文本 | 标准自己的向量，前 10 / 50 / 100 | 底座的向量 | 共有的二元字串 | 随机 |\n",
        "| standard | texts | its own vectors, at 10 / 50 / 100 | the base's | bigrams in common | by chance |\n",
    )[language]
    lines = [head, f"|{' --- |' * 6}\n"]
    for name, row in _read("candidate_vectors")["standards"].items():
        ways = [row["recall"][way] for way in ("own", "base", "bigrams")] + [row["by_chance"]]
        cells = [" / ".join(f"{way[f'at_{k}']:.2f}" for k in (10, 50, 100)) for way in ways]
        lines.append(f"| `{name}` | {row['n_texts']} | {' | '.join(cells)} |\n")
    return "".join(lines)


def duplicate_table(*, language: int) -> str:
    """Makes the table of ways to find planted duplicates.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    head = (
        "| 办法 | 准确率 | 召回率 | F1 | 处理器秒 |\n",
        "| way | precision | recall | F1 | processor seconds |\n",
    )[language]
    said = {
        "vectors of similar": ("`similar` 的向量", "vectors of `similar`"),
        "vectors of the base": ("基座的向量", "vectors of the base"),
        "semhash (static vectors of the base)": ("semhash（基座的静态向量）", "semhash (static vectors of the base)"),
        "Yanmo, similar": ("研墨 `similar`，自己的阈值", "Yanmo, `similar`, its own threshold"),
        "Yanmo, similar, fitted": ("研墨 `similar`，三者由另一半定", "Yanmo, `similar`, all three fitted"),
        "Yanmo, learned from 400 pairs, fitted": ("研墨，400 对学来的标准", "Yanmo, learned from 400 pairs, fitted"),
    }
    lines = [head, f"|{' --- |' * 5}\n"]
    for name, way in _read("planted_duplicates")["ways"].items():
        stem, rule, _ = name.partition(", apart")
        shown = said.get(stem, (stem, stem))[language] + (
            ("，加 `--apart` 的规则", ", the rule of `--apart`")[language] if rule else ""
        )
        cells = [f"{way[key]:.3f}" for key in ("precision", "recall", "f1")] + [f"{way['cpu_seconds']:.0f}"]
        lines.append(f"| {shown} | {' | '.join(cells)} |\n")
    return "".join(lines)


def growth_table(*, language: int) -> str:
    """Makes the table of time and memory by rows.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    found = _read("collection_growth")
    head = (
        "| 行 | 要编码的文本 | 秒，不算编码 | 其中找候选 | 秒，连编码 | 进程内存 GiB |\n",
        "| rows | texts to encode | seconds but encoding | of these candidates | seconds in all | process, GiB |\n",
    )[language]
    lines = [head, f"|{' --- |' * 6}\n"]
    for row in found["sizes"]:
        seconds = " | ".join(f"{row[key]:.0f}" for key in ("seconds", "search_seconds", "seconds_with_encoding"))
        lines.append(f"| {row['n_rows']:,} | {row['n_encoded']:,} | {seconds} | {row['gib']:.2f} |\n")
    of = found["exponents"]
    powers = f"{of['seconds']:.2f} |  | {of['seconds_with_encoding']:.2f} | {of['gib']:.2f}"
    lines.append(f"| {('行数的几次方', 'power of the rows')[language]} |  | {powers} |\n")
    return "".join(lines)


def known_table(*, language: int) -> str:
    """Makes the table of labelled pairs as collections.

    Args:
        language: 0 for Chinese, 1 for English.

    Returns:
        Its lines.
    """
    head = (
        "| 集合（标准） | 文本 | 已知的对 | 办法 | `dedup` F1 | `link` F1 |\n",
        "| collection (standard) | texts | known pairs | way | `dedup` F1 | `link` F1 |\n",
    )[language]
    said = {
        "vectors of the base, threshold": ("底座的向量，阈值", "vectors of the base, threshold"),
        "vectors of the base, components": ("底座的向量，连通分量", "vectors of the base, components"),
        "vectors of {}, threshold": ("`{}` 自己的向量，阈值", "vectors of `{}`, threshold"),
        "vectors of {}, components": ("`{}` 自己的向量，连通分量", "vectors of `{}`, components"),
        "Yanmo, {}, own threshold": ("研墨，自带的阈值", "Yanmo, the threshold it comes with"),
        "Yanmo, {}": ("研墨，另一半定的阈值", "Yanmo, threshold of the other half"),
    }
    lines = [head, f"|{' --- |' * 6}\n"]
    for name, found in _read("known_collections")["sets"].items():
        task = found["task"]
        for way, (chinese, english) in said.items():
            f1 = [found["ways"][verb].get(way.format(task)) for verb in ("dedup", "link")]
            cells = ["—" if each is None else f"{each['f1']:.3f}" for each in f1]
            sizes = f"{found['n_texts']:,} | {found['n_known']:,}"
            shown = (chinese, english)[language].format(task)
            lines.append(f"| {name} (`{task}`) | {sizes} | {shown} | {' | '.join(cells)} |\n")
    return "".join(lines)


COLLECTION_TABLES = (
    ("collections", "candidates", candidate_table),
    ("collections", "duplicates", duplicate_table),
    ("collections", "known", known_table),
    ("collections", "growth", growth_table),
)
"""Page, mark and maker of every table."""


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
