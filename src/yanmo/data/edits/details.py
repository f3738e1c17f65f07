"""Details in which texts differ that otherwise read alike: a number, date, name, negation, opposite word, or order."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache

from ..plain_text import plain_text, shared_pairs
from .difference_kinds import DifferenceKind
from .differences import Difference, Span, find_differences, one_name
from .numerals import NUMERAL_CHARACTERS, read_numeral
from .opposites import is_yes_or_no, opposites
from .roles import has_two_sides, same_both_ways
from .tables import Details, read_table
from .words import Word, cut_words

__all__ = ["find_details"]

_READ = 2000  # characters of each text that are looked at
# So many of the neighboring characters beside the details are in both texts.
_ALIKE = 0.7
# Texts with less than this share of their characters in common are not looked at closely.
_COMMON = 0.3
_MARKS = "，,。；;、：:！!？?"


@cache
def _table() -> Details:
    return read_table(Details)


def find_details(text0: str, text1: str) -> list[Difference]:
    """Finds the details in which two texts differ that otherwise read alike.

    Alike are texts that have seven tenths of their pairs of neighboring characters in common once the details are
    blanked out. Details are numbers, dates and names that both texts give and give differently, a negation that one of
    them lacks (but not where either asks for yes or no: 可以退款吗 and 不可以退款吗 ask the same), a word and its
    opposite, and two sides of a verb that have changed places. What only one text says (怎么还款 and 怎么还款300元) is
    no detail. Of long texts the first 2,000 characters are looked at.

    Args:
        text0: The first text.
        text1: The second text.

    Returns:
        The details, kind by kind, the same ones whichever text comes first; nothing where the texts read the same, or
        more of them differs.

    Example:
        >>> [(d.kind.value, d.text0, d.text1) for d in find_details("中国队战胜韩国队", "韩国队战胜中国队")]
        [('order', '中国队战胜韩国队', '韩国队战胜中国队')]
        >>> find_details("气温升至35度", "北京今天气温是25度，有风")
        []
    """
    text0, text1 = text0[:_READ], text1[:_READ]
    if text1 < text0:  # one order for both, so that a pair and the pair swapped get one answer
        found = find_details(text1, text0)
        return [Difference(each.kind, each.text1, each.text0, each.span1, each.span0) for each in found]
    plain0, plain1 = plain_text(text0), plain_text(text1)
    n_common = (Counter(plain0) & Counter(plain1)).total()
    if plain0 == plain1 or n_common <= _COMMON * max(len(plain0), len(plain1)):
        return []
    found = [each for each in find_differences(text0, text1) if each.text0 and each.text1]
    taken = [each.span0 for each in found], [each.span1 for each in found]
    words0, words1 = _told(text0), _told(text1)
    for kind, span0, span1 in _of_words(text0, text1, words0, words1):
        if not any(_overlap(span0, span) for span in taken[0]) and not any(_overlap(span1, span) for span in taken[1]):
            found.append(_made(kind, text0, text1, span0, span1))
    if not found:
        swapped = _swapped(words0, words1)
        return [] if swapped is None else [_made(DifferenceKind.ORDER, text0, text1, *swapped)]
    rest0, rest1 = _blanked(text0, (d.span0 for d in found)), _blanked(text1, (d.span1 for d in found))
    return found if shared_pairs(rest0, rest1) >= _ALIKE else []


def _made(kind: DifferenceKind, text0: str, text1: str, span0: Span, span1: Span) -> Difference:
    return Difference(kind, text0[slice(*span0)], text1[slice(*span1)], span0, span1)


def _overlap(span: Span, other: Span | None) -> bool:
    return other is not None and span[0] < other[1] and other[0] < span[1]


def _blanked(text: str, spans: Iterator[Span | None]) -> str:
    for start, end in sorted((span for span in spans if span is not None), reverse=True):
        text = f"{text[:start]}\ufffc{text[end:]}"
    return text


def _told(text: str) -> list[Word]:
    """The words that say something, in their plain form, and the marks between clauses."""
    forms = ((word, word.text if word.text in _MARKS else plain_text(word.text)) for word in cut_words(text).words)
    return [Word(form, word.start, word.end, word.tag) for word, form in forms if form]


def _of_words(
    text0: str, text1: str, words0: Sequence[Word], words1: Sequence[Word]
) -> Iterator[tuple[DifferenceKind, Span, Span]]:
    """Negations and opposites, and counts that are found beside another one alone: 一个 and 两个."""
    aligned = SequenceMatcher(None, [w.text for w in words0], [w.text for w in words1], autojunk=False)
    for tag, start0, end0, start1, end1 in aligned.get_opcodes():
        left, right = words0[start0:end0], words1[start1:end1]
        if tag == "equal":
            continue
        if _is_negated(left, right):
            # A negation that one text lacks is shown with the word behind it, or with the one before it.
            after = int(not (left and right) and end0 < len(words0) and end1 < len(words1))
            before = int(not (left and right) and not after)
            if before <= min(start0, start1):
                one = _span(words0[start0 - before : end0 + after])
                other = _span(words1[start1 - before : end1 + after])
                if not (is_yes_or_no(_clause(text0, one)) or is_yes_or_no(_clause(text1, other))):
                    yield DifferenceKind.NEGATION, one, other
        if left and right:
            yield from _opposites(text0, text1, _span(left), _span(right))
            if _count_otherwise(left[0].text, right[0].text):
                yield DifferenceKind.NUMBER, _span(left[:1]), _span(right[:1])


def _span(words: Sequence[Word]) -> Span:
    return words[0].start, words[-1].end


def _is_negated(left: Sequence[Word], right: Sequence[Word]) -> bool:
    """Whether one side is the other with a negation more."""
    short, long = sorted(("".join(w.text for w in left), "".join(w.text for w in right)), key=len)
    if any(word.text in _table().deny_nothing for word in (*left, *right)):
        return False
    places = ((long.find(negation), len(negation)) for negation in _table().negations)
    return any(at >= 0 and long[:at] + long[at + n :] == short for at, n in places)


_CLAUSES = re.compile(r"[，。！；,!;\s]")


def _clause(text: str, span: Span) -> str:
    """The clause that a span begins in, with what asks at its end."""
    return _CLAUSES.split(text[: span[0]])[-1] + _CLAUSES.split(text[span[0] :])[0]


def _count_otherwise(one: str, other: str) -> bool:
    """Whether two words count one thing differently, written in characters: 一个 and 两个, 三位 and 一位."""
    counts = _COUNT.fullmatch(one), _COUNT.fullmatch(other)
    if counts[0] is None or counts[1] is None or one_name(counts[0][2]) != one_name(counts[1][2]):
        return False
    return read_numeral(counts[0][1]) != read_numeral(counts[1][1])


_COUNT = re.compile(rf"([{NUMERAL_CHARACTERS}]+)(\D{{1,2}})")


def _opposites(text0: str, text1: str, span0: Span, span1: Span) -> Iterator[tuple[DifferenceKind, Span, Span]]:
    """A word in the one part whose opposite, which its own text has nowhere, stands in the other part."""
    part0, part1 = text0[slice(*span0)], text1[slice(*span1)]
    for one, others in _both_opposites().items():
        if one in part0 and one not in text1:
            for other in others:
                if other in part1 and other not in text0:
                    start0, start1 = span0[0] + part0.find(one), span1[0] + part1.find(other)
                    yield DifferenceKind.OPPOSITE, (start0, start0 + len(one)), (start1, start1 + len(other))
                    return


@cache
def _both_opposites() -> dict[str, tuple[str, ...]]:
    """The opposites of each word, also those that the table has in one direction alone; long words first."""
    found: dict[str, list[str]] = {}
    for one, others in opposites().items():
        for other in others:
            found.setdefault(one, []).append(other)
            found.setdefault(other, []).append(one)
    return {one: tuple(dict.fromkeys(found[one])) for one in sorted(found, key=len, reverse=True)}


def _swapped(words0: Sequence[Word], words1: Sequence[Word]) -> tuple[Span, Span] | None:
    """Where the two sides of a verb or of a word of direction have changed places, and nothing else has."""
    if sorted("".join(w.text for w in words0)) != sorted("".join(w.text for w in words1)):
        return None
    first, last = 0, 0
    shorter = min(len(words0), len(words1))
    while first < shorter and words0[first].text == words1[first].text:
        first += 1
    while last < shorter - first and words0[-1 - last].text == words1[-1 - last].text:
        last += 1
    middle0, middle1 = words0[first : len(words0) - last], words1[first : len(words1) - last]
    after = "".join(w.text for w in middle1)
    for start in range(1, len(middle0)):
        for end in range(start + 1, len(middle0)):
            sides = ("".join(w.text for w in part) for part in (middle0[:start], middle0[start:end], middle0[end:]))
            left, between, right = sides
            if right + between + left == after and _goes_one_way(middle0[start:end], words0):
                return _span(middle0), _span(middle1)
    return None


def _goes_one_way(between: Sequence[Word], words: Sequence[Word]) -> bool:
    if any(word.text in _table().both_ways for word in between) or same_both_ways("".join(w.text for w in words)):
        return False
    return any(w.tag[:1] == "v" or has_two_sides(w.text) or w.text in _table().one_way for w in between)
