"""Details in which texts differ that otherwise read alike: a number, date, name, negation, opposite word, or order."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache

from ..plain_text import HALF_WIDTH, plain_text, shared_pairs
from .difference_kinds import DifferenceKind
from .differences import Difference, Span, find_differences
from .numbers import units
from .numerals import NUMERAL_CHARACTERS, read_numeral
from .opposites import is_yes_or_no, opposites
from .roles import has_two_sides, same_both_ways
from .tables import Details, read_table
from .words import Word, cut_words

__all__ = ["find_details"]

_READ = 1000  # characters of each text that are looked at
# Words between what both texts begin and end with; where more differ, none of it is a detail of wording.
_MOST = 40
# So many of the neighboring characters beside the details are in both texts.
_ALIKE = 0.7
# Texts with less than this share of their characters in common are not looked at closely.
_COMMON = 0.3
_FEW = 4  # words between two sides of a verb
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
    no detail. Of long texts the first 1,000 characters are looked at.

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
    text0, text1 = text0.translate(HALF_WIDTH), text1.translate(HALF_WIDTH)  # as many characters
    found = [each for each in find_differences(text0, text1) if each.text0 and each.text1]
    taken = [each.span0 for each in found], [each.span1 for each in found]
    words0, words1 = _middles(_told(text0), _told(text1))
    for kind, span0, span1 in _of_words(text0, text1, words0, words1):
        if not any(_overlap(span0, span) for span in taken[0]) and not any(_overlap(span1, span) for span in taken[1]):
            found.append(_made(kind, text0, text1, span0, span1))
    if not found:
        swapped = None if same_both_ways(text0) else _swapped(words0, words1)
        return [] if swapped is None else [_made(DifferenceKind.ORDER, text0, text1, *swapped)]
    rest0, rest1 = _blanked(text0, (d.span0 for d in found)), _blanked(text1, (d.span1 for d in found))
    order = list(DifferenceKind)
    return sorted(found, key=lambda each: order.index(each.kind)) if shared_pairs(rest0, rest1) >= _ALIKE else []


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


def _middles(words0: list[Word], words1: list[Word]) -> tuple[list[Word], list[Word]]:
    """The words between what both texts begin and end with, and one on either side; none where they are many."""
    first, last, shorter = 0, 0, min(len(words0), len(words1))
    while first < shorter and words0[first].text == words1[first].text:
        first += 1
    while last < shorter - first and words0[-1 - last].text == words1[-1 - last].text:
        last += 1
    first, last = max(first - 1, 0), max(last - 1, 0)
    middles = words0[first : len(words0) - last], words1[first : len(words1) - last]
    return ([], []) if max(map(len, middles)) > _MOST else middles


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
                if _says_otherwise(text0, one) and _says_otherwise(text1, other):
                    yield DifferenceKind.NEGATION, one, other
        if left and right:
            yield from _opposites(text0, text1, _span(left), _span(right))
            if _count_otherwise(left[0].text, right[0].text):
                yield DifferenceKind.NUMBER, _span(left[:1]), _span(right[:1])


def _span(words: Sequence[Word]) -> Span:
    return words[0].start, words[-1].end


def _is_negated(left: Sequence[Word], right: Sequence[Word]) -> bool:
    """Whether one side is the other with a negation more."""
    if any(word.text in _table().deny_nothing for word in (*left, *right)):
        return False
    spelled = _table().spelled
    short, long = sorted(("".join(spelled.get(w.text, w.text) for w in side) for side in (left, right)), key=len)
    places = ((long.find(negation), len(negation)) for negation in _table().negations)
    return any(at >= 0 and long[:at] + long[at + n :] == short for at, n in places)


def _says_otherwise(text: str, span: Span) -> bool:
    """Whether a negation at a place changes what is said: not in a question for yes or no, nor in 差点没."""
    start = _clause_start(text, span)
    before, behind = text[start : span[0]], _CLAUSES.split(text[span[0] :])[0]
    if is_yes_or_no(before + behind) or any(word in behind for word in _table().not_before):
        return False
    return not before.endswith(_table().not_behind)


_CLAUSES = re.compile(r"[，。！；,!;\s]")


def _clause_start(text: str, span: Span) -> int:
    return max((match.end() for match in _CLAUSES.finditer(text, 0, span[0])), default=0)


def _count_otherwise(one: str, other: str) -> bool:
    """Whether two words count one thing differently, written in characters: 一个 and 两个, 三位 and 一位."""
    counts = _COUNT.fullmatch(one), _COUNT.fullmatch(other)
    if counts[0] is None or counts[1] is None:
        return False
    values = [read_numeral(count[1]) for count in counts if count is not None]
    (one_value, other_value), (unit, other_unit) = values, (counts[0][2], counts[1][2])
    plain = units().plain
    return None not in values and one_value != other_value and (unit == other_unit or {unit, other_unit} <= plain)


_COUNT = re.compile(rf"([{NUMERAL_CHARACTERS}]+)(\D{{1,2}})")


def _opposites(text0: str, text1: str, span0: Span, span1: Span) -> Iterator[tuple[DifferenceKind, Span, Span]]:
    """A word in the one part whose opposite, which its own text has nowhere, stands in the other part."""
    part0, part1 = text0[slice(*span0)], text1[slice(*span1)]
    for one, others in _both_opposites().items():
        if one in part0 and one not in text1:
            for other in others:
                if other in part1 and other not in text0:
                    start0, start1 = span0[0] + part0.find(one), span1[0] + part1.find(other)
                    spans = (start0, start0 + len(one)), (start1, start1 + len(other))
                    # 不同意 is no opposite of 拒绝.
                    if _denies(text0, spans[0]) == _denies(text1, spans[1]):
                        yield DifferenceKind.OPPOSITE, *spans
                    return


def _denies(text: str, span: Span) -> bool:
    """Whether the clause denies something before a place."""
    before = text[_clause_start(text, span) : span[0]]
    return any(negation in before for negation in _table().negations)


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
    texts = [[w.text for w in words] for words in (words0, words1)]
    if not words0 or sorted("".join(texts[0])) != sorted("".join(texts[1])):
        return None
    first, last = (int(texts[0][end] == texts[1][end]) for end in (0, -1))
    middle0, middle1 = words0[first : len(words0) - last], words1[first : len(words1) - last]
    after = "".join(w.text for w in middle1)
    for start in range(1, len(middle0)):
        for end in range(start + 1, len(middle0)):
            sides = middle0[:start], middle0[start:end], middle0[end:]
            left, between, right = ("".join(w.text for w in part) for part in sides)
            if right + between + left == after and _goes_one_way(*sides):
                return _span(middle0), _span(middle1)
    return None


def _goes_one_way(left: Sequence[Word], between: Sequence[Word], right: Sequence[Word]) -> bool:
    """Whether names or nouns stand on both sides of a verb that tells who and whom."""
    if any(word.tag[:1] in "vmqx" for word in (*left, *right)) or len(between) > _FEW:
        return False
    if any(word.text in _table().both_ways or word.tag[:1] in "mq" for word in between):
        return False
    return any(word.tag[:1] == "v" or has_two_sides(word.text) or word.text in _table().one_way for word in between)
