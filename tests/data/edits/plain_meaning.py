"""What a text says, apart from how it is written: an oracle of the tests, slow and independent of the edits."""

import re
import unicodedata
from decimal import Decimal

DIGITS = {ch: i for i, ch in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
FINANCIAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
SIZES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
NUMERAL = re.compile(r"\d[\d,]*(?:\.\d+)?[万亿]?|[零〇一二两三四五六七八九十百千万亿]+")
POLITE = re.compile("^(?:你好[,，]?)?请问(?:一下)?")


def value(numeral):
    """Adds up a numeral by splitting at its largest unit: 三百二十 is 三 x 100 and 二十."""
    if numeral[0].isascii():
        size = SIZES.get(numeral[-1], 1)
        return Decimal(numeral.rstrip("万亿").replace(",", "")) * size
    if all(ch in DIGITS for ch in numeral):
        return Decimal("".join(str(DIGITS[ch]) for ch in numeral))
    at = max(range(len(numeral)), key=lambda i: (SIZES.get(numeral[i], 0), i))
    left, right = numeral[:at], numeral[at + 1 :]
    return (value(left) if left else Decimal(1)) * SIZES[numeral[at]] + (value(right) if right else Decimal(0))


def plain_meaning(text):
    """NFKC, lower case, every number in digits, every date year-month-day, no marks and no spaces, no 请问."""
    text = unicodedata.normalize("NFKC", text).lower().translate(FINANCIAL)
    text = POLITE.sub("", re.sub(r"\s", "", text))
    text = re.sub(r"(\d{4})([-./])(\d{1,2})\2(\d{1,2})(?!\d)", r"\1年\3月\4日", text)
    text = re.sub("百分之([零一二两三四五六七八九十百]+)", r"\1%", text)
    text = NUMERAL.sub(lambda match: f"{value(match[0]).normalize():f}", text)
    text = re.sub(r"(月\d+)号", r"\1日", text)
    return "".join(ch for ch in text if ch.isalnum() or ch in "%.+-")
