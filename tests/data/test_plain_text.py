"""What counts as the same writing, and what does not."""

import pytest

from yanmo.data.plain_text import plain_text
from yanmo.tokenize import TextNormalization


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("ＡＢＣ　１２", "abc 12"),
        ("退款。", "退款"),
        ("怎 么 退款", "怎么退款"),
        ("退\u200b款", "退款"),
        ("髮型", "发型"),
    ],
)
def test_one_writing_or_another(a, b):
    steps = TextNormalization()
    assert plain_text(a, normalization=steps) == plain_text(b, normalization=steps)


@pytest.mark.parametrize(
    ("a", "b"), [("10²", "102"), ("1.5", "15"), ("1 5", "15"), ("可以退款", "可以退款？"), ("a b", "ab"), ("①", "1")]
)
def test_what_may_mean_something_else_stays(a, b):
    assert plain_text(a) != plain_text(b)
