"""Dates of a text: found, moved to another day (hard), written another way (harmless)."""

import datetime
import re
from dataclasses import dataclass
from random import Random

from .kinds import Edit, EditKind
from .numerals import read_numeral, write_numeral, write_year
from .replaced import replace_spans

__all__ = ["Date", "change_date", "find_dates", "rewrite_date"]

_YEAR = "〇零一二三四五六七八九"
_NUMERAL = "[一二三四五六七八九十]{1,3}"
_BEFORE = r"(?<![A-Za-z0-9０-９.\-/~～—_第])"
_AFTER = r"(?![A-Za-z0-9０-９.\-/~～—]|[到至]\d)"
_SHAPES = (
    re.compile(
        rf"{_BEFORE}(?:(?P<year>(?:19|20)\d\d)年)?(?P<month>\d{{1,2}})月(?P<day>\d{{1,2}})(?P<mark>[日号])(?![线楼院院店馆]){_AFTER}"
    ),
    re.compile(
        rf"{_BEFORE}(?P<year>(?:19|20)\d\d)(?P<mark>[-./])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_AFTER}"
    ),
    re.compile(
        rf"(?:(?P<year>[一二][{_YEAR}]{{3}})年)?(?P<month>(?<![{_YEAR}十两]){_NUMERAL})月(?P<day>{_NUMERAL})(?P<mark>[日号]){_AFTER}"
    ),
    re.compile(
        rf"{_BEFORE}(?:(?P<year>(?:19|20)\d\d)年)?(?P<month>\d{{1,2}})(?P<mark>月份|月(?![光饼球亮初中上下末底]))(?P<day>){_AFTER}(?!\d|[一二三四五六七八九十])"
    ),
)


@dataclass(frozen=True, slots=True)
class Date:
    """A date as it stands in a text.

    Args:
        start: Index of its first character.
        end: Index behind its last one.
        year: The year, or None where the text leaves it out.
        month: The month, from 1.
        day: The day, or None where there is a month alone.
        mark: What stands last or between: ``日``, ``号``, ``-``, ``.``, ``/``, ``月``, ``月份``.
        is_chinese: Whether it is written in characters.
        is_padded: Whether one-digit months or days have a 0 before them.
    """

    start: int
    end: int
    year: int | None
    month: int
    day: int | None
    mark: str
    is_chinese: bool
    is_padded: bool

    def written(self, *, mark: str, is_chinese: bool = False, is_padded: bool = False) -> str:
        """The date in another form."""
        if is_chinese:
            year = "" if self.year is None else write_year(self.year) + "年"
            return f"{year}{write_numeral(self.month)}月{write_numeral(self.day or 1)}{mark}"
        width = 2 if is_padded else 1
        month = f"{self.month:0{width}d}"
        if self.day is None:
            return ("" if self.year is None else f"{self.year}年") + month + mark
        day = f"{self.day:0{width}d}"
        if mark in "-./":
            return f"{self.year}{mark}{month}{mark}{day}"
        return ("" if self.year is None else f"{self.year}年") + f"{month}月{day}{mark}"


def find_dates(text: str) -> list[Date]:
    """Finds the dates of a text that have a month; impossible ones (13月, 2月30日) are none.

    Args:
        text: The text.

    Returns:
        The dates, from left to right; none overlaps another.

    Example:
        >>> [text[date.start : date.end] for text in ["2023年5月1日和3月"] for date in find_dates(text)]
        ['2023年5月1日', '3月']
    """
    found: list[Date] = []
    for shape in _SHAPES:
        for match in shape.finditer(text):
            date = _read(match)
            if date is not None and not any(other.start < date.end and date.start < other.end for other in found):
                found.append(date)
    return sorted(found, key=lambda date: date.start)


def _read(match: re.Match[str]) -> Date | None:
    is_chinese = not match["month"].isdigit()
    month = read_numeral(match["month"]) if is_chinese else int(match["month"])
    day = None if not match["day"] else read_numeral(match["day"]) if is_chinese else int(match["day"])
    year = None
    if match["year"]:
        year = int("".join(str(max(_YEAR.find(ch) - 1, 0)) for ch in match["year"]) if is_chinese else match["year"])
    try:
        datetime.date(year or 2000, month or 0, 1 if day is None and not match["day"] else day or 0)
    except ValueError:
        return None
    is_padded = "0" in (match["month"][0], match["day"][:1])
    return Date(*match.span(), year, month or 0, day, match["mark"], is_chinese, is_padded)


def change_date(text: str, rng: Random) -> Edit | None:
    """Moves one date to another day, or another month where there is no day: 5月3日 → 5月4日.

    Args:
        text: The text.
        rng: Draws the date and its new day.

    Returns:
        The edit, or None where there is no date.
    """
    dates = find_dates(text)
    if not dates:
        return None
    date = rng.choice(dates)
    new = _moved(date, rng)
    old = text[date.start : date.end]
    spans = [(d.start, d.end, new) for d in dates if text[d.start : d.end] == old]
    return Edit(EditKind.DATE, text, replace_spans(text, spans), f"{old}→{new}")


def _moved(date: Date, rng: Random) -> str:
    month, day = date.month, date.day
    if day is None:
        month = rng.choice([m for m in range(1, 13) if m != month])
    else:
        day = rng.choice([d for d in range(max(1, day - 5), min(28, day + 5) + 1) if d != day] or [day - 1])
    moved = Date(0, 0, date.year, month, day, date.mark, date.is_chinese, date.is_padded)
    return moved.written(mark=date.mark, is_chinese=date.is_chinese, is_padded=date.is_padded)


def rewrite_date(text: str, rng: Random) -> Edit | None:
    """Writes one date another way, year and all: 2023年5月1日 → 2023-05-01, 5月1日 → 5月1号.

    Args:
        text: The text.
        rng: Draws the date and its form.

    Returns:
        The edit, or None where no date has a day.
    """
    dates = [date for date in find_dates(text) if date.day is not None]
    if not dates:
        return None
    date = rng.choice(dates)
    forms = [date.written(mark="日"), date.written(mark="号"), date.written(mark="日", is_chinese=True)]
    if date.year is not None:
        forms += [date.written(mark="-", is_padded=True), date.written(mark="."), date.written(mark="/")]
    old = text[date.start : date.end]
    new = rng.choice([form for form in forms if form != old])
    return Edit(EditKind.DATE_FORM, text, replace_spans(text, [(date.start, date.end, new)]), f"{old}→{new}")
