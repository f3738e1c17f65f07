"""Numbers of a text that count something, with their units: by rules that would rather miss one than take a name."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from .numerals import NUMERAL_CHARACTERS, read_numeral, write_numeral
from .tables import Units, read_table
from .words import cut_words

__all__ = ["Number", "find_numbers", "units"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number that counts something.

    Args:
        start: Index of its first character.
        end: Index behind its unit.
        prefix: ``百分之``, ``第`` or nothing.
        numeral: The numeral as it is written: ``35``, ``3.5``, ``1,200``, ``三百``.
        magnitude: ``万`` or ``亿`` behind Arabic digits, or nothing.
        unit: The unit, or nothing where the magnitude stands alone.
        value: Value of the numeral, without the magnitude.
        is_arabic: Whether it is written in Arabic digits.
    """

    start: int
    end: int
    prefix: str
    numeral: str
    magnitude: str
    unit: str
    value: Decimal
    is_arabic: bool

    @property
    def text(self) -> str:
        """The number as it stands in the text."""
        return self.prefix + self.numeral + self.magnitude + self.unit

    @property
    def is_year(self) -> bool:
        """Whether it names a year rather than counts years."""
        return self.is_arabic and self.unit == "年" and not self.magnitude and 1000 <= self.value <= 2100

    def spelled(self, value: Decimal) -> str:
        """Another value in the same spelling: digits or characters, 两 where things are counted."""
        if self.is_arabic:
            return f"{value:,f}" if "," in self.numeral else f"{value:f}"
        if value == 2 and not self.prefix and self.unit not in units().scale:
            return "两"
        return write_numeral(int(value))


@cache
def units() -> Units:
    """The table of units."""
    return read_table(Units)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    counted = sorted(units().counted, key=len, reverse=True)
    every = "|".join(map(re.escape, sorted(units().counted | units().digits_only, key=len, reverse=True)))
    # What stands before digits of an id, a model, a range, a score, a date or a time keeps them from being a count.
    arabic = re.compile(
        r"(?<![A-Za-z0-9０-９./\\\-+~～—－_#*@×xX=^<>$￥¥点时月角])(?<![A-Za-z] )(?<!\d[,，:：、 ])(?P<prefix>第?)"
        r"(?P<numeral>[1-9]\d{0,2}(?:,\d{3})+|(?:0|[1-9]\d{0,7})(?:\.\d{1,3})?)"
        rf"(?:(?P<magnitude>[万亿](?!元))?(?P<unit>{every})|(?P<alone>[万亿]))(?![A-Za-z0-9０-９²³])"
    )
    chinese = re.compile(
        rf"(?<![0-9０-９.第数几上好成多每{NUMERAL_CHARACTERS}点月初])(?<!星期)(?<!礼拜)(?P<numeral>[{NUMERAL_CHARACTERS}]+)"
        rf"(?P<unit>年级|{'|'.join(map(re.escape, counted))}|分|度|层)(?![A-Za-z0-9])"
    )
    percent = re.compile(rf"百分之(?P<numeral>[{NUMERAL_CHARACTERS}]+)(?![{NUMERAL_CHARACTERS}点几多])")
    return arabic, chinese, percent


def find_numbers(text: str) -> list[Number]:
    """Finds the numbers of a text that count something or name a year.

    Nothing is found in ordinals and idioms (第一次, 三心二意), names (三国演义, 5G, iPhone 13), ids and phone numbers,
    dates and times, vague amounts (几百人, 三四天, 一个) and titles of works in 《》.

    Args:
        text: The text.

    Returns:
        The numbers, from left to right; none overlaps another.

    Example:
        >>> [number.text for number in find_numbers("三人在35度的第一天花了1万元")]
        ['三人', '35度', '1万元']
    """
    arabic, chinese, percent = _patterns()
    found = []
    for match in arabic.finditer(text):
        unit, magnitude = match["unit"] or "", match["magnitude"] or match["alone"] or ""
        if unit in ("万元", "亿元"):
            magnitude, unit = unit[0], "元"
        value = Decimal(match["numeral"].replace(",", ""))
        if value and not (match["prefix"] and (magnitude or "." in match["numeral"])):
            start, end = match.span()
            found.append(Number(start, end, match["prefix"], match["numeral"], magnitude, unit, value, True))
    for match in chinese.finditer(text):
        count = read_numeral(match["numeral"])
        unit = match["unit"]
        if count is not None and _is_count(match["numeral"], count, unit):
            unit = "元" if unit in ("万元", "亿元") else unit
            found.append(Number(match.start(), match.end(), "", match["numeral"], "", unit, Decimal(count), False))
    for match in percent.finditer(text):
        count = read_numeral(match["numeral"])
        if count is not None:
            found.append(Number(*match.span(), "百分之", match["numeral"], "", "", Decimal(count), False))
    return sorted((number for number in found if _stands_free(text, number)), key=lambda number: number.start)


def _is_count(numeral: str, count: int, unit: str) -> bool:
    if numeral in ("一", "二", "千", "百"):
        return False  # 一个, 一次, 二次: an article or an ordinal more often than a count
    if unit in ("分", "度"):
        return count > 10
    return unit != "层" or count > 2


def _stands_free(text: str, number: Number) -> bool:
    words, rest = cut_words(text), text[number.start :]
    if not words.stands_alone(number.start, number.end) or any(
        rest.startswith(name) and len(name) >= number.end - number.start for name in units().not_counts
    ):
        return False
    one_word = [word for word in words.words if (word.start, word.end) == (number.start, number.end)]
    if number.unit != "年级" and any(word.tag[0] not in "mqte" for word in one_word):
        return False  # 九台: one word, and no number
    if text.rfind("《", 0, number.start) > text.rfind("》", 0, number.start):
        return False
    following = text[number.end : number.end + 1]
    if following in ("之", "月", "线") or (following and following in "多余几来半" and not number.unit):
        return False
    vague = number.numeral == "两" and text[: number.start].endswith(("这", "那", "过", "近", "前", "后", "头"))
    # In ranges (3到5天, 三、四天) and in enumerations of digits, changing one side says nothing clear.
    return not vague and not re.search(r"[\d一二三四五六七八九十][到至、和或,~～—-]$", text[: number.start])
