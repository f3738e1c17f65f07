"""Labels in people's own words, and what is refused about them."""

import pytest

from yanmo.errors import InputError
from yanmo.standard.learn_labels import graded_kinds, two_kinds, without_repeats


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        (1, 0),
        (1.0, 0.0),
        (True, False),
        ("1", "0"),
        ("是", "否"),
        ("相同", "不同"),
        ("匹配", "不匹配"),
        ("Same", "different"),
        ("YES", "no"),
        ("match", "no match"),
    ],
)
def test_customary_words(yes, no):
    assert two_kinds([yes, no, no, yes, no]).is_match.tolist() == [True, False, False, True, False]


def test_words_that_mean_the_same_may_be_mixed():
    assert two_kinds(["是", "1", "否", "0"]).is_match.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([1, 1, 1], "3 of them matches and 0 not"),
        (["否"] * 4, "0 of them matches and 4 not"),
        ([1, 0, 0, 0], "two of each kind"),
        ([1], "1 example, 1"),
        ([], "0 examples"),
        ([0, 1, 2, 3], "numbers 0, 1, 2, 3"),
        (["甲类", "乙类", "甲类"], "甲类, 乙类"),
        ([1, 0, None, 1], "example 3 has no label"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(labels, says):
    with pytest.raises(InputError, match=says):
        two_kinds(labels)


def test_numbers_and_own_words_by_naming_what_matches():
    assert two_kinds([0, 3, 2, 1], match=["2", "3"]).is_match.tolist() == [False, True, True, False]
    assert two_kinds(["甲", "乙", "乙", "甲"], match=["甲"]).is_match.tolist() == [True, False, False, True]
    with pytest.raises(InputError, match="no example is labelled 丙"):
        two_kinds(["甲", "乙", "乙", "甲"], match=["丙"])


def test_grades():
    found = graded_kinds(["0", "3", "1", "0", "3", "1"])
    assert {grade: is_match.tolist() for grade, is_match in found.items()} == {
        1.0: [False, True, True, False, True, True],
        3.0: [False, True, False, False, True, False],
    }


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, 1, 1, 0], "2 grades"),
        ([0, 0, 1, 1, 2], "1 examples have the grade 2"),
        ([0, 0, "好", 1], "'好' of example 3"),
        (list(range(30)), "30 grades"),
    ],
)
def test_grades_that_cannot_be_learned_from(labels, says):
    with pytest.raises(InputError, match=says):
        graded_kinds(labels)


def test_a_pair_counts_once_and_cannot_be_both():
    pairs = [("甲", "乙"), ("乙 ", "甲"), ("甲", "丙")]
    assert without_repeats(pairs, ["1", "1", "0"]) == [0, 2]
    assert without_repeats(pairs, ["1", "0", "0"], symmetric=False) == [0, 1, 2]
    with pytest.raises(InputError, match="lines 2 and 5 are one pair with two labels, 1 and 0"):
        without_repeats(pairs, ["1", "0", "0"], lines=[2, 5, 6])
