"""Numbers, dates and names that one text of a pair has and the other lacks: found by rule, without a model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from ...errors import chosen
from .dates import find_dates
from .difference_kinds import DifferenceKind
from .names import find_companies, find_people, find_places
from .numbers import find_numbers, units

__all__ = ["Difference", "Span", "find_differences", "in_base_units", "said_differences"]

Span = tuple[int, int]
"""Index of the first character of a part of a text, and the index behind its last one."""

_READ = 2000  # characters of each text that are looked at
_YEARS = 20  # fewer are counted, and twelve months each
_MAGNITUDES = {"": 1, "万": 10**4, "亿": 10**8}


@dataclass(frozen=True, slots=True)
class Difference:
    """A number, date or name in which two texts differ; where one side has none, its span is None.

    Attributes:
        kind: What differs.
        text0: What stands in the first text, or nothing.
        text1: What stands in the second text, or nothing.
        span0: Where it stands in the first text.
        span1: Where it stands in the second text.
    """

    kind: DifferenceKind
    text0: str
    text1: str
    span0: Span | None
    span1: Span | None

    def __post_init__(self) -> None:
        """Takes the kind by its value too."""
        object.__setattr__(self, "kind", chosen(DifferenceKind, self.kind, name="kind"))


@dataclass(frozen=True, slots=True)
class _Mark:
    kind: DifferenceKind
    group: str
    """Marks of one group are put beside each other first: numbers of one unit."""
    value: object
    span: Span


def find_differences(text0: str, text1: str) -> list[Difference]:
    """Finds what two texts disagree about, or what only one of them says, among numbers, dates and names.

    The same value in another spelling is no difference (三百元 and 300元, 5月1日 and 2023年5月1号). Which words are
    numbers, dates and names is told by `yanmo.data.edits`, which would rather miss one than take a word for a name. Of
    long texts the first 2,000 characters are looked at.

    Args:
        text0: The first text.
        text1: The second text.

    Returns:
        The differences, kind by kind, each in the order of the first text; what only the second says comes last.

    Example:
        >>> [(d.kind.value, d.text0, d.text1) for d in find_differences("北京35人获救", "上海三十五人获救")]
        [('place', '北京', '上海')]
    """
    left, right = list(_marks(text0[:_READ])), list(_marks(text1[:_READ]))
    for mark in list(left):
        same = next((other for other in right if _agree(mark, other)), None)
        if same is not None:
            left.remove(mark)
            right.remove(same)
    found = []
    for mark in left:
        alike = [other for other in right if other.kind is mark.kind]
        other = next((each for each in alike if each.group == mark.group), alike[0] if alike else None)
        if other is not None:
            right.remove(other)
        found.append(_difference(mark.kind, text0, text1, mark.span, None if other is None else other.span))
    found += [_difference(mark.kind, text0, text1, None, mark.span) for mark in right]
    order = list(DifferenceKind)
    return sorted(found, key=lambda difference: order.index(difference.kind))


def said_differences(differences: Iterable[Difference]) -> list[str]:
    """Says what differs, a phrase for each such as ``数字 3天→5天``.

    Args:
        differences: What `find_differences` or `find_details` found.

    Returns:
        The phrases.
    """
    return [f"{each.kind.title} {each.text0 or '无'}→{each.text1 or '无'}" for each in differences]


def in_base_units(amount: Decimal, unit: str) -> tuple[Decimal, str]:
    """An amount in the unit that others of its kind are counted in: 1.5小时 and 90分钟 are both 5400秒.

    Args:
        amount: The number.
        unit: Its unit; years (1990年) stay as they are.

    Returns:
        The amount and the unit.
    """
    unit = _one_names().get(unit, unit)
    if unit == "年" and amount >= _YEARS:
        return amount, unit  # a year by its number
    factor, base = units().holds.get(unit, (Decimal(1), unit))
    return (amount * factor).normalize(), base


@cache
def _one_names() -> dict[str, str]:
    return {name: names[0] for names in units().same for name in names}


def _marks(text: str) -> Iterator[_Mark]:
    dates = find_dates(text)
    for date in dates:
        yield _Mark(DifferenceKind.DATE, "", (date.year, date.month, date.day), (date.start, date.end))
    for number in find_numbers(text):
        if not any(date.start < number.end and number.start < date.end for date in dates):
            named = "%" if number.prefix == "百分之" else number.unit
            amount, base = in_base_units(Decimal(number.value) * _MAGNITUDES[number.magnitude], named)
            unit = number.prefix.removeprefix("百分之") + base
            value = (amount, unit)
            yield _Mark(DifferenceKind.NUMBER, unit, value, (number.start, number.end))
    for kind, find in (
        (DifferenceKind.PLACE, find_places),
        (DifferenceKind.PERSON, find_people),
        (DifferenceKind.COMPANY, find_companies),
    ):
        seen = set()
        for name in find(text):
            if name.text not in seen:  # said twice, it is one name
                seen.add(name.text)
                yield _Mark(kind, "", name.text, (name.start, name.end))


def _agree(mark: _Mark, other: _Mark) -> bool:
    if mark.kind is not other.kind:
        return False
    if not isinstance(mark.value, tuple) or not isinstance(other.value, tuple):
        return mark.value == other.value
    if mark.kind is DifferenceKind.NUMBER:
        return _same_amount(*mark.value, *other.value)
    # A date that leaves its year or its day out disagrees with none: 11月 and 11月24日.
    return all(ours == theirs or None in (ours, theirs) for ours, theirs in zip(mark.value, other.value, strict=True))


def _same_amount(one: Decimal, unit: str, other: Decimal, its_unit: str) -> bool:
    if "年" in (unit, its_unit) and unit == its_unit:
        low, high = sorted((one, other))
        return low == high or (low < 100 and 1900 <= high < 2100 and high % 100 == low)  # 90年 and 1990年
    alike = unit == its_unit or "" in (unit, its_unit) or {unit, its_unit} <= units().plain
    return one == other and alike


def _difference(kind: DifferenceKind, text0: str, text1: str, span0: Span | None, span1: Span | None) -> Difference:
    said0 = "" if span0 is None else text0[slice(*span0)]
    said1 = "" if span1 is None else text1[slice(*span1)]
    return Difference(kind, said0, said1, span0, span1)
