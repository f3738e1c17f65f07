"""Harmless edits of what carries no meaning: punctuation, width, spaces, a polite beginning, the script."""

import re
from collections.abc import Callable
from random import Random

from .kinds import Edit, EditKind, EditRule
from .replaced import replace_spans

__all__ = ["change_politeness", "change_punctuation", "change_spacing", "change_width", "script_rule"]

_HALF = dict(zip("，！？：；（）", ",!?:;()", strict=True))
_FULL = {half: full for full, half in _HALF.items()}
_IDEOGRAPH = r"[\u4e00-\u9fff]"
_HALF_MARK = re.compile(rf"(?<={_IDEOGRAPH})[,!?:;]|(?<={_IDEOGRAPH})[()]|[()](?={_IDEOGRAPH})")
_FULL_MARK = re.compile(r"(?<!\d)[，！？：；（）]|[！？（）](?!\d)")
_QUOTED = re.compile(r"“([^“”\"]{1,30})”|\"([^“”\"]{1,30})\"|「([^「」]{1,30})」")
# A question that is one without its mark.
_ASKS = re.compile(
    r"吗|什么|怎么|怎样|咋|哪|谁|几|多少|多久|多大|多长|如何|为何|为啥|能否|是否|可否|呢|([\u4e00-\u9fff])[不没]\1"
)


def change_punctuation(text: str, rng: Random) -> Edit | None:
    """Writes marks another way: of the other width, other quotes, the last one left out or put in.

    A question mark is left out only where the words ask by themselves (吗, 怎么), and nothing inside numbers, addresses
    and Latin text is touched.

    Args:
        text: The text.
        rng: Draws what is done.

    Returns:
        The edit, or None where there is no such mark.
    """
    edits = []
    full = [(m.start(), m.end(), _HALF[m[0]]) for m in _FULL_MARK.finditer(text)]
    half = [(m.start(), m.end(), _FULL[m[0]]) for m in _HALF_MARK.finditer(text)]
    if full and _paired(text, full):
        edits.append((replace_spans(text, full), "full→half"))
    if half and _paired(text, half):
        edits.append((replace_spans(text, half), "half→full"))
    quoted = _QUOTED.search(text)
    if quoted:
        inner = next(group for group in quoted.groups() if group is not None)
        new = rng.choice([q for q in (f"“{inner}”", f'"{inner}"', f"「{inner}」") if q != quoted[0]])
        edits.append((replace_spans(text, [(*quoted.span(), new)]), f"{quoted[0]}→{new}"))
    edits += _last_mark(text)
    if not edits:
        return None
    after, what = rng.choice(edits)
    return Edit(EditKind.PUNCTUATION, text, after, what)


def _paired(text: str, spans: list[tuple[int, int, str]]) -> bool:
    """Whether brackets are changed in pairs or not at all."""
    changed = "".join(text[start:end] for start, end, _ in spans)
    return changed.count("(") == changed.count(")") and changed.count("（") == changed.count("）")


def _last_mark(text: str) -> list[tuple[str, str]]:
    last_clause = re.split("[，。！？,!?；;\\s]", text.rstrip("。？?！! "))[-1]
    asks = _ASKS.search(last_clause) is not None
    last = text[-1:]
    if last in ("。", "！") or (last in ("？", "?") and asks):
        return [] if text[-2:-1] in tuple("。！？?!…") else [(text[:-1], f"{last}→")]
    if not re.search(rf"{_IDEOGRAPH}$", text) or len(text) < 5:
        return []
    if asks:
        return [(text + "？", "→？")] if _is_question(last_clause) else []
    return [] if _MAY_ASK.search(last_clause) else [(text + "。", "→。")]


# Words of questions that leave 吗 out.
_MAY_ASK = re.compile("能|可以|那里|那儿|么|吧|啊|会|有|是|好|要|行|多|求")


def _is_question(clause: str) -> bool:
    return re.search("吗$|怎么办$|呢$|^(怎么|如何|为什么|什么|哪)", clause) is not None


_TO_FULL = {code: code + 0xFEE0 for code in (*range(48, 58), *range(65, 91), *range(97, 123))}
_TO_HALF = {full: half for half, full in _TO_FULL.items()}
_LATIN_RUN = re.compile(r"(?<![A-Za-z0-9./:@_\-+%&#])[A-Za-z0-9]{1,12}(?![A-Za-z0-9./:@_\-+%&#])")
_WIDE_RUN = re.compile("[０-９Ａ-Ｚａ-ｚ]+")


def change_width(text: str, rng: Random) -> Edit | None:
    """Writes a run of letters and digits in the other width: NBA → ＮＢＡ.

    Args:
        text: The text.
        rng: Draws the run.

    Returns:
        The edit, or None where there is no such run.
    """
    runs = [(m, m[0].translate(_TO_FULL)) for m in _LATIN_RUN.finditer(text)]
    runs += [(m, m[0].translate(_TO_HALF)) for m in _WIDE_RUN.finditer(text)]
    if not runs:
        return None
    match, new = rng.choice(runs)
    return Edit(EditKind.WIDTH, text, replace_spans(text, [(*match.span(), new)]), f"{match[0]}→{new}")


_GAP = re.compile(rf"(?<={_IDEOGRAPH}) +(?=[A-Za-z0-9])|(?<=[A-Za-z0-9]) +(?={_IDEOGRAPH})")
_SEAM = re.compile(rf"(?<={_IDEOGRAPH})(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?={_IDEOGRAPH})")


def change_spacing(text: str, rng: Random) -> Edit | None:
    """Puts spaces between ideographs and Latin letters or digits, or takes them away.

    Args:
        text: The text.
        rng: Not used; every gap is closed, or every seam opened.

    Returns:
        The edit, or None where the two do not meet.
    """
    del rng
    closed = _GAP.sub("", text)
    if closed != text:
        return Edit(EditKind.SPACING, text, closed, "spaces out")
    opened = _SEAM.sub(" ", text)
    return Edit(EditKind.SPACING, text, opened, "spaces in") if opened != text else None


_POLITE = re.compile("^(?:[你您]好[，,！!。 ]*)?请问(?:一下|下)?[，,：: ]*")


def change_politeness(text: str, rng: Random) -> Edit | None:
    """Takes 请问 from before a question, or puts it there.

    Args:
        text: The text.
        rng: Draws how the polite beginning is written.

    Returns:
        The edit, or None where the text is no question of its own.
    """
    match = _POLITE.match(text)
    if match:
        rest = text[match.end() :]
        return Edit(EditKind.POLITENESS, text, rest, f"{match[0]}→") if len(rest) >= 5 and _ASKS.search(rest) else None
    asks = re.search(
        "^[^，。！？,!?；;：:“”\\s]{5,}(吗|怎么办|呢|么)[?？]?$|^(怎么|怎样|如何|为什么)[^，。！？,!?；;：:\\s]{4,}[?？]?$",
        text,
    )
    if not asks or re.match("请|[你您]好|想|求|问|帮|麻烦|能帮|难道|竟|还|就", text):
        return None
    polite = rng.choice(("请问", "请问，", "请问一下，", "你好，请问"))
    return Edit(EditKind.POLITENESS, text, polite + text, f"→{polite}")


def script_rule(convert: Callable[[str], str]) -> EditRule:
    """Makes the edit that writes a text in the other script, simplified or traditional.

    Args:
        convert: Gives a text in the other script, such as ``opencc.OpenCC("s2t").convert``.

    Returns:
        The rule; None where the text is the same in both.
    """

    def change_script(text: str, rng: Random) -> Edit | None:
        del rng
        after = convert(text)
        return Edit(EditKind.SCRIPT, text, after, "script") if after != text else None

    return change_script
