"""Hard edits of words: the opposite; held out: a word and its negation."""

import re
from collections import defaultdict
from functools import cache
from random import Random

from .kinds import Edit, EditKind
from .replaced import replace_spans
from .tables import Negations, Opposites, read_table
from .words import Words, cut_words

__all__ = ["change_negation", "change_opposite", "is_yes_or_no", "opposites"]


@cache
def opposites() -> dict[str, list[str]]:
    """The words that may stand for the opposite of each."""
    table = read_table(Opposites)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for left, right in table.both:
        found[left].append(right)
        found[right].append(left)
    for left, right in table.one_way:
        found[left].append(right)
    return dict(found)


def change_opposite(text: str, rng: Random) -> Edit | None:
    """Changes a word that stands alone for its opposite, everywhere in the text: 绑定 → 解绑, 上涨 → 下跌.

    Args:
        text: The text.
        rng: Draws the word.

    Returns:
        The edit, or None where no word of the table stands alone. A text that holds both words of a pair is left as it
        is: 增加或减少 would say the same the other way round.
    """
    words = cut_words(text)
    edits = [
        (old, new)
        for old, others in opposites().items()
        if old in text and words.find(old) and len(words.find(old)) == text.count(old)
        for new in others
        if not any(other in text for other in others)
    ]
    if not edits:
        return None
    old, new = rng.choice(edits)
    spans = [(start, start + len(old), new) for start in words.find(old)]
    return Edit(EditKind.OPPOSITE, text, replace_spans(text, spans), f"{old}→{new}")


@cache
def _negations() -> Negations:
    return read_table(Negations)


def change_negation(text: str, rng: Random) -> Edit | None:
    """Negates a plain statement, or takes its negation away: 可以 → 不可以, 没收到 → 收到.

    Questions for yes or no are left as they are: 可以…吗 and 不可以…吗 ask the same.

    Args:
        text: The text.
        rng: Draws the word.

    Returns:
        The edit, or None where no word of the table is part of a plain statement.
    """
    words = cut_words(text)
    spans = []
    for plain, negated in _negations().pairs:
        for old, new in ((negated, plain), (plain, negated)):
            spans += [
                (start, start + len(old), new)
                for start in (words.find(old) if old in text else [])
                if _is_plain(text, words, start, start + len(old))
            ]
    if not spans:
        return None
    start, end, new = rng.choice(spans)
    return Edit(EditKind.NEGATION, text, replace_spans(text, [(start, end, new)]), f"{text[start:end]}→{new}")


_YES_OR_NO = re.compile(r"吗|嘛|么(?!办|样)|吧|呢|呗$|是否|能否|可否|会否|(.)[不没]\1|有没有|[?？]")
_ASKS = re.compile(r"是否|能否|可否|会否|(.)[不没]\1|有没有|是不是")
_PARTICLES = ("吗", "嘛", "么", "吧", "呢", "呗")
_NO_PARTICLES = ("什么", "怎么", "这么", "那么", "多么", "酒吧", "网吧", "贴吧")
_OPEN = re.compile("什么|怎么|为何|如何|哪|多少|多久|几|谁|咋")


def is_yes_or_no(text: str) -> bool:
    """Whether a clause asks for yes or no, so that a negation in it asks the same: 可以退款吗, 能不能退款.

    What asks at the end of a clause is no part of a word there (网吧), and 什么 asks for something else.
    """
    end = text.rstrip("?？!！。 ")
    if _ASKS.search(end) or (end.endswith(_PARTICLES) and not end.endswith(_NO_PARTICLES)):
        return True
    return text[len(end) :].strip()[:1] in ("?", "？") and not _OPEN.search(text)


def _is_plain(text: str, words: Words, start: int, end: int) -> bool:
    table = _negations()
    if words.before(start) in table.not_behind or words.after(end) in table.not_before or text[end : end + 1] in "不没":
        return False
    clause = re.split(r"[，。！；,!;\s]", text[:start])[-1] + re.split(r"[，。！；,!;\s]", text[start:])[0]
    if re.search("为什么|为何|为啥", clause):
        return True
    if _YES_OR_NO.search(clause) or _OPEN.search(clause):
        return False
    # A word that ends its clause may be a noun (工作需要); a text without a mark at its end may be a question.
    is_negated = text[start] in "不没未"
    return is_negated or (text[end : end + 1].isalnum() and _is_closed(text, end))


def _is_closed(text: str, end: int) -> bool:
    return re.search("[，。！；,!;]", text[end:]) is not None
