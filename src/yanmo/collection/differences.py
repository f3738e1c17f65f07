"""What two texts say differently in numbers, dates, places, people and companies: for a person who checks a merge."""

from collections import Counter

from ..data.edits import find_companies, find_dates, find_numbers, find_people, find_places

__all__ = ["differences"]

_FINDERS = {
    "数字": lambda text: _counted(text),
    "日期": lambda text: [(date.year, date.month, date.day) for date in find_dates(text)],
    "地名": lambda text: [name.text for name in find_places(text)],
    "人名": lambda text: [name.text for name in find_people(text)],
    "公司": lambda text: [name.text for name in find_companies(text)],
}
_MAX_CHARACTERS = 2000


def differences(first: str, second: str) -> list[str]:
    """Says what is in one text only, kind by kind; written in digits or characters, a number is the same.

    The finders would rather miss a name than take a word for one: nothing said is no promise that nothing differs.

    Args:
        first: A text; what stands behind its first 2,000 characters is not looked at.
        second: Another.

    Returns:
        One phrase for each kind that differs, such as ``数字 3个→5个``.

    Example:
        >>> differences("退款要3天", "退款要五天")
        ['数字 3天→5天']
        >>> differences("退款要三天", "退款要3天")
        []
    """
    found = []
    for kind, finder in _FINDERS.items():
        ours, theirs = Counter(finder(first[:_MAX_CHARACTERS])), Counter(finder(second[:_MAX_CHARACTERS]))
        if ours != theirs:
            found.append(f"{kind} {_shown(ours - theirs)}→{_shown(theirs - ours)}")
    return found


def _counted(text: str) -> list[str]:
    powers = {"万": 10**4, "亿": 10**8}
    return [f"{number.value * powers.get(number.magnitude, 1):f}{number.unit}" for number in find_numbers(text)]


def _shown(some: "Counter[object]") -> str:
    return "、".join(_spelled(one) for one in some) or "无"


def _spelled(one: object) -> str:
    return "-".join("?" if part is None else str(part) for part in one) if isinstance(one, tuple) else str(one)
