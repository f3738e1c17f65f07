"""Hard edits of conditions: one left out, one added."""

import re
from functools import cache
from random import Random

from .kinds import Edit, EditKind
from .replaced import replace_spans
from .tables import Conditions, read_table
from .words import cut_words

__all__ = ["add_condition", "remove_condition"]

_CLAUSE = re.compile(
    r"(?:^|(?<=[，。！？,!?；;]))(?:如果|假如|假设|倘若|若是|要是)[^，。！？,!?；;]{2,20}[，,](?=[^，。！？,!?；;]{6})"
)
_QUESTION = re.compile("怎么办|怎么|如何|需要什么|多少|吗|可以|能不能|可不可以|多久|哪些")
# A clause cannot stand before what follows from something said before, or before another condition.
_NO_CLAUSE = re.compile(
    "^(如果|假如|若|要是|那|但|所以|请问|你好|您好|为什么|为何|为啥|谁|什么叫|什么是|有没有|求|哪)|的情况下|是什么|什么意思|哪里|叫什么"
)
_SHORTEST = 6


@cache
def _conditions() -> Conditions:
    return read_table(Conditions)


def remove_condition(text: str, rng: Random) -> Edit | None:
    """Leaves one condition out: 免费下载 → 下载, 如果逾期了，怎么办理还款 → 怎么办理还款.

    Args:
        text: The text.
        rng: Draws the condition.

    Returns:
        The edit, or None where there is no condition, or too little would be left.
    """
    words = cut_words(text)
    spans = [match.span() for match in _CLAUSE.finditer(text)]
    for condition, heads in _conditions().removed.items():
        for start in words.find(condition) if condition in text else []:
            end = start + len(condition)
            if any(text.startswith(head, end) and words.stands_alone(end, end + len(head)) for head in heads):
                spans.append((start, end))
    spans = [(start, end) for start, end in spans if len(text) - (end - start) >= _SHORTEST]
    if not spans:
        return None
    start, end = rng.choice(spans)
    after = replace_spans(text, [(start, end, "")])
    return Edit(EditKind.CONDITION_REMOVED, text, after, f"{text[start:end]}→")


def add_condition(text: str, rng: Random) -> Edit | None:
    """Puts one condition in: 下载 → 免费下载, or a clause before a question that has none.

    Args:
        text: The text.
        rng: Draws the condition and its place.

    Returns:
        The edit, or None where no condition fits.
    """
    words = cut_words(text)
    known = _conditions()
    places = [
        (start, condition)
        for condition, heads in known.added.items()
        if condition[-2:] not in text and not any(other in text for other in known.removed)
        for head in heads
        for start in (words.find(head) if head in text else [])
        if (start == 0 or words.before(start) in known.added_behind)
        and words.after(start + len(head)) not in known.added_not_before
    ]
    if not places and len(text) >= _SHORTEST and _asks_alone(text):
        places = [
            (0, clause)
            for state, topics in known.clauses.items()
            if any(topic in text and words.find(topic) for topic in topics) and not _shares_word(state, text)
            for clause in (f"如果{state}，", f"{state}的情况下，", f"{state}的话，")
        ]
    if not places:
        return None
    start, condition = rng.choice(places)
    return Edit(
        EditKind.CONDITION_ADDED, text, replace_spans(text, [(start, start, condition)]), f"→{condition.strip('，')}"
    )


def _asks_alone(text: str) -> bool:
    """Whether the text is one question without a clause before it."""
    return bool(_QUESTION.search(text)) and not _NO_CLAUSE.search(text) and not re.search(r"[，,。？?！；\s].", text)


def _shares_word(state: str, text: str) -> bool:
    """Whether the state says again, or against it, what the text says already."""
    return any(word.text in text for word in cut_words(state).words if len(word.text) > 1 and word.text != "没有")
