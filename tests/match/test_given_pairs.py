from collections import OrderedDict

import jaxtyping
import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.match.given_pairs import given_pairs

PAIRS = [("甲一", "乙一"), ("丙二", "丁二")]


@pytest.mark.parametrize(
    "given",
    [
        PAIRS,
        tuple(PAIRS),
        [list(pair) for pair in PAIRS],
        (pair for pair in PAIRS),
        zip(*zip(*PAIRS, strict=True), strict=True),
        np.array(PAIRS),
        [{"text1": a, "text2": b, "label": 1} for a, b in PAIRS],
        [{"Text2": b, "TEXT1": a} for a, b in PAIRS],
        [OrderedDict(target=b, source=a) for a, b in PAIRS],
        [{"left": a, "right": b} for a, b in PAIRS],
    ],
)
def test_every_way_of_writing_pairs(given):
    assert given_pairs(given, first="left", second="right") == PAIRS


def test_two_texts_alone_are_one_pair_and_nothing_is_none():
    assert given_pairs(("下雨", "雨天")) == given_pairs(["下雨", "雨天"]) == [("下雨", "雨天")]
    assert given_pairs({"text1": "下雨", "text2": "雨天"}) == [("下雨", "雨天")]
    assert given_pairs([]) == []


class _Frame:
    """What pandas and polars have in common: columns by name, and iteration over the columns' names."""

    def __init__(self, **columns):
        self._columns = columns
        self.columns = list(columns)

    def __iter__(self):
        return iter(self.columns)

    def __getitem__(self, name):
        return self._columns[name]


def test_data_frames_are_read_by_their_columns():
    first, second = ([*texts] for texts in zip(*PAIRS, strict=True))
    assert given_pairs(_Frame(id=[1, 2], text1=first, text2=second)) == PAIRS
    with pytest.raises(InputError, match="the data frame: no columns"):
        given_pairs(_Frame(x=first, text2=second))
    with pytest.raises(InputError, match="pair 1: the second text is a number"):
        given_pairs(_Frame(text1=first, text2=["乙", float("nan")]))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([PAIRS[0], ("甲", float("nan"))], "pair 1: the second text is a number, not text"),
        ([PAIRS[0], (None, "乙")], "pair 1: the first text is None"),
        ([(1, "乙")], "pair 0: the first text is a number"),
        ([(b"a", "b")], "pair 0: the first text is bytes"),
        ([PAIRS[0], "下雨"], "pair 1 is one text"),
        (["下雨", "雨天", "雪天"], "pair 0 is one text"),
        ("下雨", "the pairs are one text"),
        (None, "the pairs are None"),
        (7, "the pairs are a number"),
        ([("甲",)], "pair 0 has 1 elements"),
        ([("甲", "乙", "丙")], "pair 0 has 3 elements"),
        ([None], "pair 0 is None"),
        ([{"甲", "乙"}], "pair 0 is a set"),
        ({("甲", "乙"), ("丙", "丁")}, "the pairs are a set"),
        ([{"x0": "甲", "x1": "乙"}], "pair 0: no columns that are known.*x0, x1"),
        ([{"text1": "甲", "text2": None}], "pair 0: the second text is None"),
    ],
)
def test_what_is_no_pair_is_named_with_its_place(given, words):
    with pytest.raises(InputError, match=words):
        given_pairs(given)


def test_a_matcher_scores_what_was_meant(overlap_matcher, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a caller has no checks of types
    matcher, _ = overlap_matcher
    pairs = [("一丁", "一七"), ("丁", "丁")]
    expected = matcher.score(pairs, task="ssB").tolist()
    assert matcher.score([{"source": a, "target": b} for a, b in pairs], task="ssB").tolist() == expected
    assert matcher.score(pairs[0], task="ssB").tolist() == expected[:1]
    assert matcher.score_all(iter(pairs))["ssB"].tolist() == expected
    assert matcher.decide(iter(pairs), task="ssB").shape == (2,)
    with pytest.raises(InputError, match="pair 1: the second text is a number"):
        matcher.score_all([pairs[0], ("一", float("nan"))])
    with pytest.raises(InputError, match="one text"):
        matcher.encode_texts("一丁")
