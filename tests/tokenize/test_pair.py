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
    with_special_tokens,
)

WIDE = PairBudget(50, 50)


@pytest.fixture
def digits():
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"〇一二三四五六七八九"])
    return WordTokenizer(vocabulary, segmenter=CharacterSegmenter())


def test_joint_layout_is_berts(digits):
    pair = PairEncoder(digits, layout=PairLayout.JOINT).encode(("一二", "三"), budget=WIDE)
    assert pair.token_ids.tolist() == [2, 5, 6, 3, 7, 3]
    assert pair.type_ids.tolist() == pair.side.tolist() == [0, 0, 0, 0, 1, 1]
    assert pair.position_ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert pair.n_cut == (0, 0)


def test_each_side_of_the_sides_layout_is_the_text_alone(digits):
    pair = PairEncoder(digits, layout=PairLayout.SIDES).encode(("一二", "三"), budget=WIDE)
    assert pair.token_ids[pair.side == 0].tolist() == with_special_tokens(digits, "一二")
    assert pair.token_ids[pair.side == 1].tolist() == with_special_tokens(digits, "三")
    assert pair.position_ids.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert not pair.type_ids.any()


def test_a_cut_side_keeps_its_head_and_tail_and_says_how_much_went(digits):
    encoder = PairEncoder(digits, layout=PairLayout.SIDES)
    pair = encoder.encode(("一二三四五六七八九", "一二三四五六七八"), budget=PairBudget(6, 6, head=0.75))
    assert pair.token_ids.tolist() == [2, 5, 6, 7, 13, 3, 2, 5, 6, 7, 12, 3]
    assert pair.n_cut == (5, 4)


def test_an_unused_rest_is_lent_to_the_other_side(digits):
    pair = PairEncoder(digits, layout=PairLayout.SIDES).encode(("一", "一二三四五六七八"), budget=PairBudget(6, 6))
    assert pair.n_cut == (0, 1)
    assert len(pair) == 12


def test_the_prefix_is_never_cut(digits):
    encoder = PairEncoder(digits, layout=PairLayout.SIDES, prefix="九九")
    pair = encoder.encode(("一二三四五六七", "一"), budget=PairBudget(6, 6, head=0.0))
    assert pair.token_ids[pair.side == 0].tolist()[:3] == [2, 13, 13]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text("一二三", max_size=40),
    st.text("一二三", max_size=40),
    st.integers(4, 30),
    st.integers(4, 30),
    st.sampled_from(PairLayout),
    st.floats(0, 1),
)
def test_no_budget_is_passed_and_nothing_is_cut_that_fits(digits, a, b, left, right, layout, head):
    pair = PairEncoder(digits, layout=layout).encode((a, b), budget=PairBudget(left, right, head=head))
    assert len(pair) <= left + right
    assert len(pair) + sum(pair.n_cut) == len(a) + len(b) + (3 if layout is PairLayout.JOINT else 4)
    if len(a) + 2 <= left and len(b) + 2 <= right:
        assert pair.n_cut == (0, 0)
    if sum(pair.n_cut):
        assert len(pair) == left + right


def test_budgets_of_no_use_are_refused(digits):
    with pytest.raises(InputError, match="each side needs 4"):
        PairBudget(3, 9)
    with pytest.raises(InputError, match="leaves no room for text"):
        PairEncoder(digits, layout=PairLayout.SIDES, prefix="一二三").encode(("一", "二"), budget=PairBudget(5, 9))
    with pytest.raises(InputError, match="2 pairs were given 1 budgets"):
        PairEncoder(digits, layout=PairLayout.SIDES).encode_batch([("", "")] * 2, budgets=[WIDE])


def test_very_long_texts_end_within_the_budget(digits):
    pair = PairEncoder(digits, layout=PairLayout.SIDES).encode(("一二" * 50000, ""), budget=WIDE)
    assert len(pair) == 100


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    left=st.text("一二三四五", max_size=14),
    right=st.text("一二三四五", max_size=14),
    layout=st.sampled_from(PairLayout),
    windows=st.sampled_from([None, WindowPlan(3, 0.25)]),
)
def test_with_the_shorter_first_a_pair_and_the_pair_swapped_are_one_input(digits, left, right, layout, windows):
    encoder = PairEncoder(digits, layout=layout, prefix="九")
    budget = PairBudget(7, 12, windows=windows, shorter_first=True)
    here, there = encoder.encode_windows([(left, right), (right, left)], budgets=budget)
    if left != right:  # of equal texts the one that stands first is read as the first, both times
        assert here.n_read == there.n_read[::-1]
        assert here.n_cut == there.n_cut[::-1]
    assert len(here.windows) == len(there.windows)
    for ours, theirs in zip(here.windows, there.windows, strict=True):
        for name in ("token_ids", "type_ids", "position_ids", "side"):
            assert getattr(ours, name).tolist() == getattr(theirs, name).tolist()
        assert left == right or ours.n_cut == theirs.n_cut[::-1]
    # What the budget gives the first side goes to the shorter text.
    plain = PairBudget(7, 12, windows=windows)
    shorter, longer = sorted((left, right), key=lambda text: (len(text), digits.encode(text).token_ids.tolist()))
    expected = encoder.encode_windows([(shorter, longer)], budgets=plain)[0]
    assert [w.token_ids.tolist() for w in here.windows] == [w.token_ids.tolist() for w in expected.windows]
