import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yanmo.errors import InputError
from yanmo.tokenize import (
    CharacterSegmenter,
    PairBudget,
    PairEncoder,
    PairLayout,
    Vocabulary,
    WindowPlan,
    WordTokenizer,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
LETTERS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"


@pytest.fixture(scope="module")
def letters():
    return WordTokenizer(Vocabulary([*SPECIAL, *LETTERS, "问"]), segmenter=CharacterSegmenter())


def _texts(reading):
    """What each window holds of the two texts, special tokens left out."""
    names = [*SPECIAL, *LETTERS, "问"]
    return [
        tuple("".join(names[i] for i in row.token_ids[row.side == side].tolist() if i > 3) for side in (0, 1))
        for row in reading.windows
    ]


def _read(letters, a, b, budget, *, layout=PairLayout.SIDES, prefix=""):
    (reading,) = PairEncoder(letters, layout=layout, prefix=prefix).encode_windows([(a, b)], budgets=budget)
    return reading


@settings(deadline=None)
@given(st.integers(1, 9), st.floats(0, 0.9), st.integers(1, 40), st.integers(0, 300))
def test_windows_leave_nothing_out_repeat_enough_and_are_as_few_as_will_do(at_most, overlap, width, n):
    plan = WindowPlan(at_most, overlap)
    n = min(n, plan.reach(width))
    starts = plan.starts(n, width)
    assert 1 <= len(starts) <= at_most
    assert starts[0] == 0
    assert starts[-1] == max(0, n - width)
    shared = [a + width - b for a, b in pairwise(starts)]
    assert all(s >= min(math.ceil(overlap * width), width - 1) for s in shared)
    assert all(b > a for a, b in pairwise(starts))
    # Evenly: no two steps differ by more than a token.
    assert not shared or max(shared) - min(shared) <= 1
    if len(starts) > 1:
        assert WindowPlan(len(starts) - 1, overlap).reach(width) < n


def test_the_short_side_stands_whole_beside_every_window_of_the_long_one(letters):
    budget = PairBudget(6, 6, windows=WindowPlan(at_most=4, overlap=0.5))
    reading = _read(letters, "子丑", "甲乙丙丁戊己庚辛壬癸", budget)
    # Four of its own and two that the first leaves over: six at a time, moving on by two rather than three.
    assert _texts(reading) == [("子丑", "甲乙丙丁戊己"), ("子丑", "丙丁戊己庚辛"), ("子丑", "戊己庚辛壬癸")]
    assert (reading.n_read, reading.n_cut) == ((2, 10), (0, 0))
    mirrored = _read(letters, "甲乙丙丁戊己庚辛壬癸", "子丑", budget)
    assert _texts(mirrored) == [(b, a) for a, b in _texts(reading)]
    for row in reading.windows:
        assert row.position_ids.tolist() == [0, 1, 2, 3, *range(8)]


def test_two_long_sides_are_read_beside_each_other_by_place(letters):
    budget = PairBudget(6, 6, windows=WindowPlan(at_most=4, overlap=0.0))
    reading = _read(letters, "甲乙丙丁戊己庚辛", "子丑寅卯辰巳午未申酉戌亥" + "甲乙丙丁", budget)
    assert _texts(reading) == [
        ("甲乙丙丁", "子丑寅卯"),
        ("甲乙丙丁", "辰巳午未"),
        ("戊己庚辛", "申酉戌亥"),
        ("戊己庚辛", "甲乙丙丁"),
    ]


def test_a_texts_windows_do_not_depend_on_the_other_long_text(letters):
    budget = PairBudget(6, 7, windows=WindowPlan(at_most=5, overlap=0.3))
    encoder = PairEncoder(letters, layout=PairLayout.SIDES)
    pairs = [("甲乙丙丁戊己庚", LETTERS[:n]) for n in range(6, 18)]
    lefts = {frozenset(a for a, _ in _texts(reading)) for reading in encoder.encode_windows(pairs, budgets=budget)}
    assert len(lefts) == 1


def test_beyond_its_windows_reach_a_text_loses_the_middle_as_head_says(letters):
    budget = PairBudget(6, 6, head=0.75, windows=WindowPlan(at_most=2, overlap=0.0))
    reading = _read(letters, "子丑寅卯", LETTERS[:20], budget)
    # Two windows of four: six from the beginning, two from the end.
    assert _texts(reading) == [("子丑寅卯", LETTERS[:4]), ("子丑寅卯", LETTERS[4:6] + LETTERS[18:20])]
    assert (reading.n_read, reading.n_cut) == ((4, 8), (0, 12))
    assert [row.n_cut for row in reading.windows] == [(0, 12)] * 2


def test_the_prefix_stands_in_every_window(letters):
    budget = PairBudget(6, 6, windows=WindowPlan(at_most=3, overlap=0.0))
    reading = _read(letters, "子", "甲乙丙丁戊己庚辛", budget, prefix="问")
    assert _texts(reading) == [("问子", "问甲乙丙丁戊"), ("问子", "问丁戊己庚辛")]
    assert (reading.n_read, reading.n_cut) == ((1, 8), (0, 0))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(LETTERS, max_size=40),
    st.text(LETTERS, max_size=40),
    st.integers(5, 20),
    st.integers(5, 20),
    st.sampled_from(PairLayout),
    st.floats(0, 1),
    st.integers(1, 4),
    st.floats(0, 0.9),
)
def test_windows_keep_the_budget_and_one_window_is_the_truncation(
    letters, a, b, left, right, layout, head, at_most, overlap
):
    encoder = PairEncoder(letters, layout=layout, prefix="问")
    budget = PairBudget(left, right, head=head, windows=WindowPlan(at_most, overlap))
    (reading,) = encoder.encode_windows([(a, b)], budgets=budget)
    assert 1 <= len(reading.windows) <= at_most
    assert all(len(row) <= left + right for row in reading.windows)
    assert [n + m for n, m in zip(reading.n_read, reading.n_cut, strict=True)] == [len(a), len(b)]
    cut = encoder.encode((a, b), budget=PairBudget(left, right, head=head))
    if at_most == 1 or not sum(cut.n_cut):
        (row,) = reading.windows
        for name in ("token_ids", "type_ids", "position_ids", "side"):
            np.testing.assert_array_equal(getattr(row, name), getattr(cut, name))
        assert row.n_cut == reading.n_cut == cut.n_cut
    # Training and whoever else asks for one input a pair gets the truncation.
    once = encoder.encode((a, b), budget=budget)
    np.testing.assert_array_equal(once.token_ids, cut.token_ids)


def test_a_book_is_read_in_no_more_windows_than_allowed(letters):
    reading = _read(letters, "甲乙" * 100_000, "子", PairBudget(50, 50, windows=WindowPlan(8, 0.25)))
    assert len(reading.windows) == 8
    # 95 beside the one token of the other: seven steps of 71 more.
    assert reading.n_read == (95 + 7 * 71, 1)


def test_windows_of_no_use_are_refused():
    with pytest.raises(InputError, match="in 0 windows"):
        WindowPlan(at_most=0, overlap=0.5)
    for overlap in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match=f"not at {overlap}"):
            WindowPlan(at_most=2, overlap=overlap)
