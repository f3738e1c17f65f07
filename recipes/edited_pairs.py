"""Edited copies of training pairs, so that strict standards see one changed detail and none minds a harmless change.

    python recipes/edited_pairs.py DATA OUT [--hard 0.05] [--harmless 0.04] [--seed 0]
    yanmo train --tasks standards --data DATA --more OUT ...

A hard edit of a text (another number, unit, place, person; the opposite verb; a condition left out or put in) makes a
pair with the text it was made from, and with that text's match where the match says the detail too: no match under a
strict standard. A harmless one (punctuation, width, numerals, spaces, the form of a date, politeness, the other script)
is made to one text of a labelled pair, and the label stays. Kinds of edits that reports keep apart are never made
(`EditKind.is_trained`). OUT has the folders and columns of DATA; every row keeps its other columns. With the package
opencc the script is edited too.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from yanmo.atomic import replacing
from yanmo.data.edits import EditKind, edit_pairs

Row = dict[str, object]
HARMLESS = [kind for kind in EditKind if kind.is_trained and kind.is_harmless and kind is not EditKind.SCRIPT]
HARD = [kind for kind in EditKind if kind.is_trained and not kind.is_harmless]


@dataclass(frozen=True)
class Plan:
    """What is made of one set: the columns of a hard edit (none for sets that ask about no detail), its kinds."""

    columns: Row = field(default_factory=dict)
    kinds: Sequence[EditKind] = ()
    match_from: int = 1
    """Lowest label of a pair whose texts say the same details."""
    times: int = 1
    """How many times the usual share of hard edits: news is full of numbers and names, and other sets are small."""


SETS = {
    "ssA": Plan(),
    "ssB": Plan({"labelB": "0"}, HARD, times=3),
    "pairs/address": Plan(),
    "pairs/intent": Plan(),
    "pairs/qbqtc": Plan(),
    "pairs/reviews": Plan(),
    # A text beside itself with another detail: mostly the same, an important detail differs.
    "pairs/stsb": Plan({"label": 3}, [kind for kind in HARD if kind is not EditKind.OPPOSITE], match_from=4),
}
for asks_exactly in ("law", "medical", "chip_sts", "bq", "atec", "afqmc", "oppo", "lcqmc", "pawsx", "simclue"):
    SETS[f"pairs/{asks_exactly}"] = Plan({"label": 0}, HARD)
MOST_HARD, MOST_HARMLESS = 1500, 800


def main() -> None:
    """Writes the edited rows of every set that DATA has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--hard", type=float, default=0.05, help="share of a set's pairs; a fifth was too much for small sets"
    )
    parser.add_argument("--harmless", type=float, default=0.04, help="likewise")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    converters = _converters()
    for name, plan in SETS.items():
        file = next(
            (f for f in sorted((arguments.data / name).glob("train.*")) if f.suffix in (".txt", ".jsonl")), None
        )
        if file is None:
            continue
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        random.Random(arguments.seed).shuffle(rows)
        n_harmless = min(int(arguments.harmless * len(rows)), MOST_HARMLESS)
        edited = list(harmless_rows(rows, plan, n_harmless, arguments.seed, converters))
        n_harmless = len(edited)
        if plan.kinds:
            n_hard = min(int(plan.times * arguments.hard * len(rows)), MOST_HARD)
            edited += hard_rows(rows, plan, n_hard, arguments.seed)
        target = arguments.out / name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            temporary.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in edited), encoding="utf-8")
        print(f"{target}: {n_harmless} harmless, {len(edited) - n_harmless} hard")


def hard_rows(rows: list[Row], plan: Plan, n: int, seed: int) -> Iterator[Row]:
    """Pairs of a text with its edited self, then of the edited text with a match that says the same detail."""
    made = 0
    for row in rows:
        first, second = _columns(row)
        for edit in edit_pairs([str(row[second])], kinds=plan.kinds, seed=seed):
            for other in (edit.before, str(row[first])):
                old = edit.what.partition("→")[0]
                if other == edit.before or (old and old in other and _matches(row, plan)):
                    yield {**row, first: other, second: edit.after, **plan.columns}
                    made += 1
            if made >= n:
                return


def harmless_rows(
    rows: list[Row], plan: Plan, n: int, seed: int, converters: Sequence[Callable[[str], str]]
) -> Iterator[Row]:
    """Labelled pairs with one text written another way; half of them matches where there are enough."""
    matches = [row for row in rows if _matches(row, plan)][: n // 2]
    others = [row for row in rows if not _matches(row, plan)][: n - len(matches)]
    for index, row in enumerate(matches + others):
        column = _columns(row)[index % 2]
        convert = converters[index % len(converters)] if converters else None
        kinds = [*HARMLESS, EditKind.SCRIPT] if convert else HARMLESS
        # Each row draws its own kind: within one row all kinds are equally rare.
        for edit in edit_pairs(
            [str(row[column])], kinds=kinds, seed=seed + index, max_characters=None, convert_script=convert
        ):
            yield {**row, column: edit.after}


def _columns(row: Row) -> tuple[str, str]:
    return ("source", "target") if "source" in row else ("text1", "text2")


def _matches(row: Row, plan: Plan) -> bool:
    labels = [value for key, value in row.items() if key in ("label", "labelA", "labelB", "kind", "opinion")]
    return any(int(str(value)) >= plan.match_from for value in labels)


def _converters() -> list[Callable[[str], str]]:
    if find_spec("opencc") is None:
        return []
    from opencc import OpenCC

    return [OpenCC("s2t").convert, OpenCC("s2tw").convert]


if __name__ == "__main__":
    main()
