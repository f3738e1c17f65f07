"""Hard edits of numbers: another amount, another unit."""

from decimal import Decimal
from random import Random

from .dates import find_dates
from .kinds import Edit, EditKind
from .numbers import Number, find_numbers, units
from .replaced import replace_spans

__all__ = ["change_number", "change_unit"]


def change_number(text: str, rng: Random) -> Edit | None:
    """Changes one number, wherever it stands in the text: 35度 → 25度, 2023年 → 2024年, 三人 → 五人, 10% → 1%.

    Args:
        text: The text.
        rng: Draws the number and its new value.

    Returns:
        The edit, or None where no number counts anything.
    """
    dates = find_dates(text)
    numbers = [n for n in find_numbers(text) if not any(date.start <= n.start < date.end for date in dates)]
    if not numbers:
        return None
    chosen = rng.choice(numbers)
    present = {number.value for number in numbers if number.unit == chosen.unit}
    values = [value for value in _other_values(chosen) if value not in present]
    if not values:
        return None
    new = chosen.prefix + chosen.spelled(rng.choice(values)) + chosen.magnitude
    if not chosen.is_arabic:
        new += text[chosen.start + len(chosen.prefix + chosen.numeral) : chosen.end]
    else:
        new += text[chosen.start + len(chosen.prefix + chosen.numeral + chosen.magnitude) : chosen.end]
    old = text[chosen.start : chosen.end]
    spans = [(n.start, n.end, new) for n in numbers if text[n.start : n.end] == old]
    return Edit(EditKind.NUMBER, text, replace_spans(text, spans), f"{old}→{new}")


def _other_values(number: Number) -> list[Decimal]:
    """Amounts that could stand there as well: near by in its last digit that is not 0, ten times, a tenth."""
    value = number.value
    if number.is_year:
        return [value + step for step in (-5, -3, -2, -1, 1, 2, 3, 5) if value + step <= 2100]
    exponent = value.normalize().as_tuple().exponent
    step = Decimal(1) if value != int(value) else Decimal(10) ** int(exponent)
    values = [value + step * k for k in (-3, -2, -1, 1, 2, 3)]
    if value >= 10:
        values += [value * 10, *([value / 10] if value % 10 == 0 else [])]
    top = Decimal(_TOPS.get(number.unit or number.prefix, 10**9))
    bottom = Decimal(1) if value >= 1 else step / 10
    return [v for v in values if bottom <= v <= max(top, value) and v != value]


_TOPS = {
    "岁": 110,
    "%": 100,
    "％": 100,
    "百分之": 100,
    "折": 9,
    "年级": 9,
    "小时": 72,
    "级": 60,
    "度": 360,
    "℃": 100,
    "分": 150,
    "季": 30,
}


def change_unit(text: str, rng: Random) -> Edit | None:
    """Changes the unit or the magnitude of one number: 3万 → 3亿, 5公里 → 5米, 100元 → 100美元.

    Args:
        text: The text.
        rng: Draws the number and its new unit.

    Returns:
        The edit, or None where no number has a unit with another beside it.
    """
    edits = []
    for number in find_numbers(text):
        if number.prefix or number.is_year or (number.unit == "年" and number.value > 10):
            continue
        old = text[number.start : number.end]
        for new in _other_units(text, number, old):
            edits.append((old, new))
    if not edits:
        return None
    old, new = rng.choice(edits)
    spans = [(n.start, n.end, new) for n in find_numbers(text) if text[n.start : n.end] == old]
    return Edit(EditKind.UNIT, text, replace_spans(text, spans), f"{old}→{new}")


def _other_units(text: str, number: Number, old: str) -> list[str]:
    found = []
    magnitude = number.magnitude or (number.numeral[-1:] if not number.is_arabic else "")
    other = units().magnitudes.get(magnitude)
    if other is not None and sum(number.numeral.count(name) for name in "万亿") <= 1:
        at = old.rindex(magnitude)
        found.append(old[:at] + other + old[at + 1 :])
    if number.unit and "人民币" not in text:
        stem = old[: len(old) - len(number.unit)]
        found += [stem + unit for unit in units().swaps.get(number.unit, ())]
    return found
