"""A pair of texts as HTML with its explanation in it: the words an answer hangs on, and what differs by rule."""

from collections.abc import Sequence
from html import escape

from .explain import Explanation

__all__ = ["MARK_STYLE", "marked_texts"]

MARK_STYLE = """
mark { background: none; color: inherit; border-bottom: 2px solid #c0392b; font-weight: 600; }
.differs { background: #fdf1d6; border-radius: 2px; }
"""
"""Style sheet of the marks: underlined what the answer hangs on, shaded what differs."""


def marked_texts(explanation: Explanation, *, at_most: int) -> tuple[str, str]:
    """Marks up both texts of an explained pair.

    Args:
        explanation: The explanation.
        at_most: Characters shown of each text.

    Returns:
        Two pieces of HTML, everything that a text says escaped.
    """
    shown = []
    for side, text in enumerate(explanation.texts):
        hangs = [False] * len(text)
        differs = [False] * len(text)
        if explanation.best is not None and explanation.best.turns:
            for part in explanation.best.parts:
                if part.side == side:
                    hangs[part.start : part.end] = [True] * (part.end - part.start)
        for difference in explanation.differences:
            span = (difference.span0, difference.span1)[side]
            if span is not None:
                differs[span[0] : span[1]] = [True] * (span[1] - span[0])
        shown.append(_marked(text[:at_most], hangs, differs) + _rest(text, at_most))
    return shown[0], shown[1]


def _rest(text: str, at_most: int) -> str:
    return f"……（共 {len(text):,} 字）" if len(text) > at_most else ""


def _marked(text: str, hangs: Sequence[bool], differs: Sequence[bool]) -> str:
    made, start = [], 0
    for end in range(1, len(text) + 1):
        if end == len(text) or (hangs[end], differs[end]) != (hangs[start], differs[start]):
            piece = escape(text[start:end])
            piece = f"<span class=differs>{piece}</span>" if differs[start] else piece
            made.append(f"<mark>{piece}</mark>" if hangs[start] else piece)
            start = end
    return "".join(made)
