"""A labelling over a matcher without weights: asked, answered, undone, gone on with, learned from."""

import itertools

import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.standard.label.answers import Answers
from yanmo.standard.label.session import Labelling

TEXTS = ["".join(each) for each in itertools.permutations("一丁七万", 3)]
POOL = [(a, b) for i, a in enumerate(TEXTS) for b in TEXTS[i:]][::6]


def is_match(pair):
    """What the person thinks: the same characters, in any order."""
    return int(set(pair[0]) == set(pair[1]))


@pytest.fixture
def start(overlap_matcher, tmp_path):
    opened = []

    def begin(pool=POOL, *, task="同字", name="labelled.csv", **given):
        while opened:
            opened.pop().close()
        opened.append(Answers(tmp_path / name))
        return Labelling.of(overlap_matcher[0], pool, opened[-1], task=task, **given)

    yield begin
    for each in opened:
        each.close()


def answer(labelling, n):
    for _ in range(n):
        question = labelling.question()
        labelling.answer(question.place, is_match(question.texts))
        if labelling.wants_to_learn:
            labelling.learn()


def test_no_pair_is_asked_twice_and_all_are_asked_in_the_end(start):
    labelling = start(pool=[*POOL[:30], (POOL[0][1], POOL[0][0]), ("一", " ")])
    asked = []
    while (question := labelling.question()) is not None:
        asked.append(question.texts)
        labelling.answer(question.place, is_match(question.texts))
    assert sorted(asked) == sorted(POOL[:30])
    assert labelling.n_left == 0


def test_it_learns_after_every_ten_answers_and_then_knows(start):
    labelling = start()
    assert labelling.question().probability is None
    answer(labelling, 30)
    assert [each.n_answers for each in labelling.curve] == [10, 20, 30]
    assert labelling.curve[0].changed is None
    assert labelling.curve[-1].accuracy > 0.7
    assert labelling.question().probability is not None


def test_a_question_taken_back_is_asked_again_and_its_answer_is_gone(start):
    labelling = start()
    answer(labelling, 3)
    before = labelling.question()
    labelling.answer(before.place, 1)
    assert labelling.take_back() == before
    assert labelling.n_answers == len(labelling.answers) == 3
    labelling.answer(before.place, 0)
    assert labelling.answers.labels[-1] == 0


def test_it_goes_on_where_it_stopped(start):
    answer(start(), 14)
    again = start()
    assert again.n_answers == 14
    assert [each.n_answers for each in again.curve] == [14]
    known = set(again.answers.pairs)
    assert again.question().texts not in known
    assert again.take_back().texts == again.question().texts
    assert again.n_answers == 13


def test_a_question_put_off_is_not_asked_again_in_this_sitting(start):
    labelling = start(pool=POOL[:4])
    put_off = labelling.question()
    labelling.put_off(put_off.place)
    answer(labelling, 3)
    assert labelling.question() is None
    again = start(pool=POOL[:4])
    assert again.question().texts == put_off.texts


def test_a_standard_that_is_there_is_where_it_starts(start):
    labelling = start(task="ssB")
    answer(labelling, 20)
    assert labelling._sources == ("ssB",)


def test_of_a_large_pool_some_are_drawn(start):
    labelling = start(at_most=12)
    assert labelling.n_left == 12
    assert set(labelling.pairs) < set(POOL)


def test_an_answer_to_no_open_question_is_refused(start):
    labelling = start()
    question = labelling.question()
    labelling.answer(question.place, 1)
    for place in (question.place, -1, 10_000):
        with pytest.raises(InputError, match="none that is open"):
            labelling.answer(place, 1)
    assert labelling.n_answers == 1


@pytest.mark.parametrize("pool", [[], [("", "一")], [("一", "  ")]])
def test_a_pool_without_a_new_pair_is_refused(start, pool):
    with pytest.raises(InputError, match="no new pair"):
        start(pool=pool)


def test_a_pool_that_was_answered_already_is_refused(start):
    answer(start(pool=POOL[:5]), 5)
    with pytest.raises(InputError, match="no new pair"):
        start(pool=[(b, a) for a, b in POOL[:5]])


def test_studying_changes_nothing_until_it_is_adopted(start):
    labelling = start()
    answer(labelling, 9)
    question = labelling.question()
    labelling.answer(question.place, is_match(question.texts))
    before = labelling.question()
    studied = labelling.study(labelling.labels)
    assert labelling.question() == before
    assert labelling.curve == []
    labelling.answer(before.place, is_match(before.texts))  # one more while it was studied
    labelling.adopt(studied)
    assert labelling.curve[-1].n_answers == 10
    assert np.isfinite(studied.logits).all()
    assert labelling.question().place != before.place
