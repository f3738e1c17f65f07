"""Which pairs of a prediction a person is asked about: thresholds kept with the standard, or found on the pairs."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data import OnBadLine, Pair, RejectFile, read_pairs
from ..errors import InputError
from ..match import Decision, Matcher
from ..match.asking import asking
from ..match.verdicts import open_scores, with_implied
from .request import PredictSource, ReadingRules

__all__ = ["asking_rules"]

# Pairs that the thresholds of one standard are found on: the share they leave to a person is then right to 1.3 points
# for a share of 0.1 (two standard errors); files with no more pairs are looked at whole.
_SAMPLE, _CHUNK = 2000, 256


def asking_rules(
    matcher: Matcher, sources: Sequence[PredictSource], *, share: float, rules: ReadingRules
) -> dict[str, Decision]:
    """Gives the rule of each standard of a prediction with thresholds between which a person is asked.

    A standard whose own thresholds were chosen for this share (``yanmo threshold --ask``) keeps them. Of another one
    2,000 pairs of its files, drawn evenly and always the same, are scored first and show where the least sure share of
    them lies.

    Args:
        matcher: The matcher.
        sources: The files.
        share: Share of the pairs to leave to a person, in (0, 1).
        rules: How the files are read; bad lines are passed over.

    Returns:
        The rules by name.

    Raises:
        InputError: The share is not between 0 and 1, or a pipe would have to be read twice.
    """
    if not 0 < share < 1:
        raise InputError(f"a share of {share:g} is to be asked about", fix="give one between 0 and 1, such as 0.1")
    found: dict[str, Decision] = {}
    for task in dict.fromkeys(name for source in sources for name in source.tasks):
        rule = matcher.matching.decision(task)
        if rule.ask_share != share:
            pairs = _sample([source for source in sources if task in source.tasks], matcher, task, rules)
            rule = asking(rule, _scores(matcher, pairs, task), share=share)
        found[task] = rule
    return found


def _sample(sources: Sequence[PredictSource], matcher: Matcher, task: str, rules: ReadingRules) -> list[Pair]:
    drawn: list[Pair] = []
    n, chance = 0, random.Random(0)
    task_set = matcher.matching.task_set
    with tempfile.TemporaryDirectory() as beside, RejectFile(Path(beside) / "rejects.jsonl") as rejects:
        for source in sources:
            if source.path.exists() and not source.path.is_file() and not source.path.is_dir():
                raise InputError(
                    "is a pipe, which cannot be looked through for the least sure pairs first",
                    where=source.path,
                    fix="give a file, or set the thresholds with yanmo threshold --ask",
                )
            for pair in read_pairs(
                source.path,
                task=task_set.task(task),
                task_set=task_set,
                labelled=False,
                columns=rules.columns,
                file_format=rules.file_format,
                encoding=rules.encoding,
                on_bad_line=OnBadLine.SKIP,
                reject_file=rejects,
            ):
                n += 1
                if len(drawn) < _SAMPLE:
                    drawn.append(pair)
                elif (place := chance.randrange(n)) < _SAMPLE:
                    drawn[place] = pair
    return drawn


def _scores(matcher: Matcher, pairs: Sequence[Pair], task: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    names = with_implied(matcher.matching.task_set, [task])
    scores = np.empty(len(pairs), dtype=np.float32)
    order = np.argsort([len(pair.text0) + len(pair.text1) for pair in pairs], kind="stable")
    for chunk in np.array_split(order, max(1, -(-len(pairs) // _CHUNK))):
        rows = matcher.rows([(pairs[i].text0, pairs[i].text1) for i in chunk.tolist()], tasks=names)
        logits = matcher.logits_of(rows)
        scores[chunk] = open_scores(matcher.matching, logits, task=task, is_blank=rows.is_blank, details=rows.details)
    return scores
