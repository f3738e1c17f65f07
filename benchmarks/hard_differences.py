"""What the strict standards make of one changed detail, and every standard of a change that changes nothing.

    python benchmarks/hard_differences.py DATA [--model FOLDER] [--per-kind 100]

The texts are those of valid and dev, which no model here was trained on. A hard edit (another number, name, date;
roles swapped; a negation) makes a pair of a text and its edited self: a strict standard should refuse it. A harmless
one (punctuation, width, numerals, spaces, the other script, the order of a list) is made to one text of a labelled
pair: the decision should stay as it was. Kinds that no model may be trained on stand apart (`EditKind.is_trained`).
Hard edits are decided twice: by the score alone, and as the matcher decides, which refuses what differs in a detail
that the standard declares (`Task.details`). What those details do to real pairs is counted beside: labelled pairs of
the strict standards that match by the score and are kept apart; and, without a model, how many training pairs that
differ in one detail match under each standard, by which `details` were declared.
The bundled samples of ssB, written by hand, are judged as well: forty that stay as they are, sixty that came later.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from machine import describe_machine
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from yanmo import Matcher
from yanmo.data import Pair, TaskSet, read_pairs, read_split
from yanmo.data.edits import EditKind, edit_pairs, find_details
from yanmo.match import open_matcher
from yanmo.match.verdicts import verdicts, with_implied

RESULT = Path(__file__).parent / "results" / "hard_differences.json"
STRICT = (
    *("ssB", "law", "medical", "health", "bank", "payment", "finance"),
    *("assistant", "question", "paraphrase", "similar_strict", "meaning"),
)
# The loose ones among them show what a detail is worth there.
DETAILED = (*STRICT, "address_exact", "search_good", "ssA", "similar", "address", "search")


def main() -> None:
    """Edits, judges and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--per-kind", type=int, default=100, help="edits of a kind under a standard, at most")
    arguments = parser.parse_args()
    matcher = open_matcher(arguments.model)
    known = matcher.matching.task_set.names
    task_set = TaskSet.load("standards").subset([name for name in TaskSet.load("standards").names if name in known])
    valid = read_split(arguments.data, task_set, "valid")
    result = {
        "model": arguments.model,
        "judged_on": "texts of valid and dev, stored thresholds",
        "machine": describe_machine("onnxruntime", "numpy"),
        **_refused(matcher, valid, arguments.per_kind),
        "labelled_pairs_kept_apart": _kept_apart(matcher, valid),
        "training_pairs_that_differ_in_one_detail": _details_of(arguments.data, task_set),
        "harmless_edits_with_the_same_decision": _kept(matcher, valid, arguments.per_kind),
        "bundled_samples_of_ssB": _samples(matcher),
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _refused(matcher: Matcher, valid: dict[str, list[Pair]], per_kind: int) -> dict[str, object]:
    """Share of hard edits that each strict standard refuses, as it decides and by its score alone."""
    ways = ("hard_edits_refused", "hard_edits_refused_by_the_score_alone")
    refused: dict[str, dict[EditKind, Counter[bool]]] = {way: defaultdict(Counter) for way in ways}
    by_task: dict[str, dict[str, Counter[bool]]] = {way: defaultdict(Counter) for way in ways}
    for task in (name for name in STRICT if name in valid):
        texts = sorted({text for pair in valid[task] for text in (pair.text0, pair.text1)})
        random.Random(0).shuffle(texts)
        for kind in (kind for kind in EditKind if not kind.is_harmless):
            edits = list(edit_pairs(texts, kinds=[kind], n=per_kind))
            if edits:
                both = _decided(matcher, [(edit.before, edit.after) for edit in edits], task)
                for way, accepted in zip(ways, both, strict=True):
                    refused[way][kind] += Counter((~accepted).tolist())
                    by_task[way][task] += Counter((~accepted).tolist())
    return {
        way: _shares(refused[way]) | {"by_standard": {task: _share(counts) for task, counts in by_task[way].items()}}
        for way in ways
    }


def _decided(matcher: Matcher, pairs: list[tuple[str, str]], task: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Decisions as the matcher takes them, and by its scores alone."""
    rows = matcher.rows(pairs, tasks=with_implied(matcher.matching.task_set, [task]))
    logits = matcher.logits_of(rows)
    ways = (verdicts(matcher.matching, logits, is_blank=rows.is_blank, details=each) for each in (rows.details, None))
    with_details, alone = (found[task].accepted for found in ways)
    return with_details, alone


def _kept_apart(matcher: Matcher, valid: dict[str, list[Pair]]) -> dict[str, dict[str, int]]:
    """Of the labelled pairs of each strict standard those that only a detail turns from a match into none."""
    found = {}
    for task in (name for name in STRICT if name in valid):
        pairs = [pair for pair in valid[task] if find_details(pair.text0, pair.text1)]
        turned = np.zeros(len(pairs), dtype=np.bool_)
        if pairs:
            with_details, alone = _decided(matcher, [(pair.text0, pair.text1) for pair in pairs], task)
            turned = alone & ~with_details
        matches = sum(pairs[row].label == 1 for row in np.flatnonzero(turned).tolist())
        found[task] = {"pairs": len(valid[task]), "non_matches": int(turned.sum()) - matches, "matches": matches}
    return found


def _details_of(data: Path, task_set: TaskSet) -> dict[str, dict[str, list[int]]]:
    """Training pairs whose texts read alike but for one kind of detail: non-matches and matches, by standard."""
    counts: dict[str, dict[str, list[int]]] = {}
    for name in DETAILED:
        pairs = read_split(data, task_set.subset([name]), "train")[name]
        for pair in random.Random(0).sample(pairs, min(len(pairs), 30_000)):
            for kind in {each.kind.value for each in find_details(pair.text0, pair.text1)}:
                counts.setdefault(name, {}).setdefault(kind, [0, 0])[pair.label == 1] += 1
    return counts


def _kept(matcher: Matcher, valid: dict[str, list[Pair]], per_kind: int) -> dict[str, object]:
    """Share of labelled pairs whose decision stays when one text is written another way."""
    kept: dict[EditKind, Counter[bool]] = defaultdict(Counter)
    by_task: dict[str, Counter[bool]] = defaultdict(Counter)
    for task, pairs in valid.items():
        shuffled = random.Random(0).sample(pairs, len(pairs))
        for kind in (kind for kind in EditKind if kind.is_harmless):
            edited = list(_edited(shuffled, kind, per_kind))
            if not edited:
                continue
            before = matcher.decide([pair for pair, _ in edited], task=task)
            after = matcher.decide([pair for _, pair in edited], task=task)
            for same in (before == after).tolist():
                kept[kind][same] += 1
                by_task[task][same] += 1
    return _shares(kept) | {"by_standard": {task: _share(counts) for task, counts in by_task.items()}}


def _edited(pairs: Sequence[Pair], kind: EditKind, n: int) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    convert = None
    if kind is EditKind.SCRIPT:
        if find_spec("opencc") is None:
            return
        from opencc import OpenCC

        convert = OpenCC("s2t").convert
    for pair in pairs:
        for edit in edit_pairs([pair.text1], kinds=[kind], max_characters=None, convert_script=convert):
            yield (pair.text0, pair.text1), (pair.text0, edit.after)
            n -= 1
            if not n:
                return


def _shares(counts: dict[EditKind, Counter[bool]]) -> dict[str, object]:
    """Of kinds that training may see and of those it may not: each, and the mean over kinds."""
    found: dict[str, object] = {}
    for name, trained in (("kinds_trained_on", True), ("kinds_held_out", False)):
        kinds = {kind.value: _share(count) for kind, count in counts.items() if kind.is_trained is trained}
        found[name] = kinds
        if kinds:
            found[f"mean_of_{name}"] = sum(share["share"] for share in kinds.values()) / len(kinds)
    return found


def _share(count: Counter[bool]) -> dict[str, float]:
    return {"share": count[True] / count.total(), "n": count.total()}


def _samples(matcher: Matcher) -> dict[str, object]:
    """AUC and share of right decisions on the bundled pairs of ssB."""
    task_set = TaskSet.load("standards")
    found = {}
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        for name, folder in (("forty_frozen", "ss"), ("sixty_new", "ss_new")):
            pairs = list(read_pairs(sample / folder / "valid.txt", task=task_set.task("ssB"), task_set=task_set))
            texts, labels = [(pair.text0, pair.text1) for pair in pairs], [pair.label for pair in pairs]
            right = matcher.decide(texts, task="ssB") == labels
            found[name] = {
                "auc": float(roc_auc_score(labels, matcher.score(texts, task="ssB"))),
                "right": float(right.mean()),
                "n": len(pairs),
            }
    return found


if __name__ == "__main__":
    main()
