"""Harmless edits of numbers: the same amount written another way."""

from decimal import Decimal
from random import Random

from .dates import find_dates
from .kinds import Edit, EditKind
from .numbers import Number, find_numbers, units
from .numerals import write_financial, write_numeral, write_year
from .replaced import replace_spans

__all__ = ["rewrite_numeral"]

_LARGE = {"": 1, "万": 10**4, "亿": 10**8}


def rewrite_numeral(text: str, rng: Random) -> Edit | None:
    """Writes one number another way: 3人 → 三人, 1万元 → 10000元, 50% → 百分之五十.

    Args:
        text: The text.
        rng: Draws the number and its form.

    Returns:
        The edit, or None where no number counts anything.
    """
    dates = find_dates(text)
    forms = [
        (number, form)
        for number in find_numbers(text)
        if not any(date.start <= number.start < date.end for date in dates)
        for form in _forms(number, text[number.start : number.end])
        if form != text[number.start : number.end]
    ]
    if not forms:
        return None
    number, form = rng.choice(forms)
    after = replace_spans(text, [(number.start, number.end, form)])
    return Edit(EditKind.NUMERAL, text, after, f"{text[number.start : number.end]}→{form}")


def _forms(number: Number, written: str) -> list[str]:
    if number.is_year:
        return [write_year(int(number.value)) + "年"]
    if number.prefix == "百分之":
        return [f"{number.value:f}%"]
    if number.unit in ("%", "％"):
        is_whole = number.value == int(number.value) and number.value <= 100
        return [f"百分之{write_numeral(int(number.value))}"] if is_whole else []
    if number.numeral.startswith("0") or (number.unit == "年" and number.is_arabic and number.value >= 10):
        return []  # 98年 may be a year
    rest = written[len(number.prefix + number.numeral + number.magnitude) :]
    if not number.is_arabic:
        return [f"{number.value:f}{rest}"] if number.value < 10**4 else _large_forms(int(number.value), rest)
    if number.magnitude:
        return _with_magnitude(number, rest)
    if number.value != int(number.value) or number.unit in ("折", "路", "级", "码", "环", "本"):
        return []
    forms = _characters(number, int(number.value), rest)
    if number.unit == "元" and not number.prefix and "," not in number.numeral:
        forms += _large_forms(int(number.value), rest) if number.value >= 10**4 else []
        forms.append(write_financial(int(number.value)) + rest)
    return forms


def _with_magnitude(number: Number, rest: str) -> list[str]:
    total = number.value * _LARGE[number.magnitude]
    forms = [f"{int(total)}{rest}"] if number.magnitude == "万" and total == int(total) else []
    if number.value == int(number.value):
        spelled = "两" if number.value == 2 else write_numeral(int(number.value))
        forms.append(spelled + number.magnitude + rest)
    return forms


def _characters(number: Number, value: int, rest: str) -> list[str]:
    if value >= 10**4 or number.unit in units().scale - {"度", "年级", "级", "楼"} or (value == 2 and not rest):
        return []
    is_counted = value == 2 and not number.prefix and number.unit not in units().scale
    return [number.prefix + ("两" if is_counted else write_numeral(value)) + rest]


def _large_forms(value: int, rest: str) -> list[str]:
    forms = [f"{value}{rest}"] if value < 10**8 else []
    for magnitude in ("亿", "万"):
        share = Decimal(value) / _LARGE[magnitude]
        if share >= 1 and share * 100 == int(share * 100):
            forms.append(f"{share.normalize():f}{magnitude}{rest}")
            break
    return forms
