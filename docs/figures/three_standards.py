"""Draws one pair of texts under three standards of the bundled matcher: the picture of the README.

    python docs/figures/three_standards.py

Writes three_standards.svg and three_standards.en.svg beside this file. Probabilities and thresholds are the bundled
matcher's own, so that the picture says what ``yanmo match`` says.
"""

from pathlib import Path
from xml.sax.saxutils import escape

from yanmo import Matcher

HERE = Path(__file__).parent
PAIR = ("这本书很好看", "这本书太难看了")
# A standard, and what it asks in Chinese and in English.
STANDARDS = (
    ("review_kind", "评的是同一类东西？", "about the same kind of goods?"),
    ("similar", "大意相同？", "roughly the same meaning?"),
    ("review_opinion", "同褒或同贬？", "both praise or both blame?"),
)
WORDS = {
    "": {"title": "一个模型，三个标准", "yes": "匹配", "no": "不匹配", "threshold": "│ 阈值", "glosses": ("", "")},
    ".en": {
        "title": "one model, three standards",
        "yes": "match",
        "no": "no match",
        "threshold": "│ threshold",
        "glosses": ("this book is a good read", "this book is a bad read"),
    },
}
WIDTH, HEIGHT, LEFT, BAR = 760, 292, 292, 284
INK, PALE, YES, NO = "#1f2933", "#e4e7eb", "#2f7d5b", "#b4533c"
FONT = "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"


def main() -> None:
    """Asks the matcher and draws."""
    matcher = Matcher.default()
    found = matcher.judge([PAIR], tasks=[name for name, *_ in STANDARDS])
    answers = [
        (
            float(found[name].probabilities[0]),
            matcher.matching.decision(name).threshold,
            bool(found[name].accepted[0]),
        )
        for name, *_ in STANDARDS
    ]
    for language in WORDS:
        (HERE / f"three_standards{language}.svg").write_text(draw(answers, language=language), encoding="utf-8")


def draw(answers: list[tuple[float, float, bool]], *, language: str) -> str:
    """Writes the picture.

    Args:
        answers: Probability, threshold and decision under each of the standards.
        language: The suffix of the file, a key of ``WORDS``.

    Returns:
        The SVG.
    """
    words = WORDS[language]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="{FONT}">',
        f"<title>{escape(words['title'])}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>',
    ]
    for side, (text, gloss) in enumerate(zip(PAIR, words["glosses"], strict=True)):
        x = 24 + side * 366
        parts.append(f'<rect x="{x}" y="22" width="346" height="66" rx="8" fill="#f5f7fa" stroke="{PALE}"/>')
        parts.append(_text(x + 173, 49 if gloss else 62, text, size=20, anchor="middle"))
        if gloss:
            parts.append(_text(x + 173, 74, gloss, size=14, anchor="middle", color="#616e7c"))
    for row, ((_, *asks), (probability, threshold, accepted)) in enumerate(zip(STANDARDS, answers, strict=True)):
        y = 128 + row * 50
        color = YES if accepted else NO
        parts.append(_text(LEFT - 20, y + 17, asks[bool(language)], size=16, anchor="end"))
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{BAR}" height="24" rx="4" fill="{PALE}"/>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{BAR * probability:.1f}" height="24" rx="4" fill="{color}"/>')
        mark = LEFT + BAR * threshold
        parts.append(
            f'<line x1="{mark:.1f}" y1="{y - 5}" x2="{mark:.1f}" y2="{y + 29}" stroke="{INK}" stroke-width="2"/>'
        )
        parts.append(_text(LEFT + BAR + 16, y + 18, f"{probability:.2f}", size=16))
        sign, word = ("✓", words["yes"]) if accepted else ("✗", words["no"])
        parts.append(_text(LEFT + BAR + 66, y + 18, f"{sign} {word}", size=16, color=color))
    parts.append(_text(LEFT, HEIGHT - 12, words["threshold"], size=13, color="#616e7c"))
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, words: str, *, size: int, anchor: str = "start", color: str = INK) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{color}">{escape(words)}</text>'


if __name__ == "__main__":
    main()
