"""How often taking out the words that an explanation names turns the decision, beside words drawn by chance.

    python benchmarks/explanations.py DATA [--pairs 20] [--sets law,medical,question,ssA]

Pairs of dev and valid, drawn once; all decisions count, right or wrong, yes or no. Named: the words of `explain_pairs`,
counted only where they are at most 15 % of the characters of both texts. Chance: words of both texts in a drawn order,
as many as fit into the same share, two draws a pair. Cost: pairs scored for an explanation, the pair itself among
them; none is longer than that. Scores are those of the bundled matcher, decisions by its stored thresholds.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import describe_machine

from yanmo.data import read_split
from yanmo.data.edits.words import cut_words
from yanmo.match import Matcher, open_matcher
from yanmo.standard import Explanation, explain_pairs
from yanmo.standard.explain import SHARE
from yanmo.standard.explain_removal import Part, Removal

RESULT = Path(__file__).parent / "results" / "explanations.json"
SETS = ("law", "medical", "question", "ssA")
N_DRAWS = 2


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--sets", default=",".join(SETS))
    arguments = parser.parse_args()
    matcher = open_matcher("default")
    task_set = matcher.matching.task_set
    rows: dict[str, object] = {}
    whole = []
    for name in arguments.sets.split(","):
        pairs = read_split(arguments.data, task_set.subset([name]), "valid")[name]
        rng = np.random.default_rng(0)
        chosen = rng.permutation(len(pairs))[: arguments.pairs].tolist()
        found = explain_pairs(matcher, [(pairs[i].text0, pairs[i].text1) for i in chosen], task=name)
        named = np.array([each.turns and each.share <= SHARE for each in found])
        accepted = np.array([each.accepted for each in found])
        rows[name] = {
            "pairs": len(found),
            "named_turns": float(named.mean()),
            "of_matches": float(named[accepted].mean()) if accepted.any() else None,
            "of_non_matches": float(named[~accepted].mean()) if (~accepted).any() else None,
            "n_matches": int(accepted.sum()),
            "turns_with_any_share": float(np.mean([each.turns for each in found])),
            "share_of_characters": float(np.mean([each.share for each in found if each.turns])),
            "chance_turns": chance(matcher, found, rng),
            "scores": float(np.mean([each.n_scores for each in found])),
            "most_scores": max(each.n_scores for each in found),
        }
        whole.append(rows[name])
        print(name, json.dumps(rows[name], indent=1), flush=True)
        write(rows, whole)  # after every set, for a set of long texts takes minutes


def write(rows: dict[str, object], whole: list[dict[str, float]]) -> None:
    """Writes what has been measured."""
    result = {
        "measure": "share of decisions that turn when at most 15 % of the characters are taken out",
        "judged_on": "dev and valid pairs, none trained on, every decision",
        "machine": describe_machine("onnxruntime", "numpy"),
        "mean_named_turns": float(np.mean([row["named_turns"] for row in whole])),
        "mean_chance_turns": float(np.mean([row["chance_turns"] for row in whole])),
        "sets": rows,
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def chance(matcher: Matcher, found: list[Explanation], rng: np.random.Generator) -> float:
    """Share of decisions that turn without words drawn by chance, within the same share of the characters."""
    asked, accepted = [], []
    for each in found:
        words = [Part(side, w.start, w.end) for side in (0, 1) for w in cut_words(each.texts[side]).words]
        limit = int(SHARE * sum(map(len, each.texts)))
        for _ in range(N_DRAWS):
            parts, left = [], limit
            for i in rng.permutation(len(words)).tolist():
                if words[i].end - words[i].start <= left:
                    parts.append(words[i])
                    left -= words[i].end - words[i].start
            asked.append(Removal(tuple(parts), 0.0).without(each.texts))
            accepted.append(each.accepted)
    judged = matcher.judge(asked, tasks=[found[0].task])[found[0].task].accepted
    return float(np.mean(judged != np.array(accepted)))


if __name__ == "__main__":
    main()
