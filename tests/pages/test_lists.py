"""Markdown of the site takes a list that follows a paragraph without an empty line for words of that paragraph."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
ITEM = re.compile(r"(- |\d+\. )")
MAY_COME_BEFORE = re.compile(r"\s*(- |\d+\. |#|```|<!--)|\s{2,}|$")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_a_list_stands_behind_an_empty_line(page):
    words = re.sub(r"^ *```.*?^ *```", "```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    lines = words.splitlines()
    stuck = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if ITEM.match(line) and not MAY_COME_BEFORE.match(before)
    ]
    assert stuck == []
