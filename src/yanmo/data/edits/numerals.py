"""Chinese numerals to whole numbers and back."""

__all__ = ["NUMERAL_CHARACTERS", "read_numeral", "write_financial", "write_numeral", "write_year"]

NUMERAL_CHARACTERS = "零〇一二两三四五六七八九十百千万亿"

_DIGITS = "零一二三四五六七八九"
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_FINANCIAL = str.maketrans("零一二三四五六七八九十百千", "零壹贰叁肆伍陆柒捌玖拾佰仟")


def read_numeral(numeral: str) -> int | None:
    """Reads a numeral that is spelled in full.

    What leaves a unit out or strings digits together (一百五, 三四, 百) has no one value and is refused: a numeral is
    read only if writing its value gives it back.

    Args:
        numeral: Characters of `NUMERAL_CHARACTERS`.

    Returns:
        The value, or None.

    Example:
        >>> read_numeral("两千零五"), read_numeral("十二"), read_numeral("三百万"), read_numeral("三四")
        (2005, 12, 3000000, None)
    """
    total = section = digit = 0
    for ch in numeral:
        if ch in _SMALL:
            section, digit = section + (digit or 1) * _SMALL[ch], 0
        elif ch in _LARGE:
            total, section, digit = total + (section + digit) * _LARGE[ch], 0, 0
        else:
            digit = 2 if ch == "两" else _DIGITS.index("零" if ch == "〇" else ch)
    value = total + section + digit
    spelled = numeral.replace("两", "二")
    return value if 0 < value < 10**12 and spelled == write_numeral(value) else None


def write_numeral(value: int) -> str:
    """Writes a whole number in characters.

    Args:
        value: 0 or more, below 10**12.

    Returns:
        The numeral; 2 is always 二, and 10 to 19 begin with 十.

    Example:
        >>> write_numeral(15), write_numeral(2005), write_numeral(10500000)
        ('十五', '二千零五', '一千零五十万')
    """
    if value == 0:
        return "零"
    sections = [("亿", value // 10**8), ("万", value // 10**4 % 10**4), ("", value % 10**4)]
    written = ""
    for name, section in sections:
        if section:
            gap = "零" if written and section < 1000 else ""
            written += gap + _write_section(section) + name
    return written[1:] if written.startswith("一十") else written


def _write_section(section: int) -> str:
    """A number below 10,000, with one 零 for each gap between digits."""
    written, gap = "", False
    for name, size in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit = section // size % 10
        if digit:
            written += ("零" if gap and written else "") + _DIGITS[digit] + name
        gap = digit == 0
    return written


def write_financial(value: int) -> str:
    """Writes a whole number in the characters of bank forms.

    Args:
        value: 0 or more, below 10**12.

    Returns:
        The numeral.

    Example:
        >>> write_financial(3), write_financial(250)
        ('叁', '贰佰伍拾')
    """
    written = write_numeral(value)
    return ("一" + written if written.startswith("十") else written).translate(_FINANCIAL)


def write_year(year: int) -> str:
    """Writes a year digit by digit.

    Args:
        year: The year.

    Returns:
        The digits.

    Example:
        >>> write_year(2023)
        '二〇二三'
    """
    return "".join("〇" if digit == "0" else _DIGITS[int(digit)] for digit in str(year))
