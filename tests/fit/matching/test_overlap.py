import pytest

from yanmo.data import Pair
from yanmo.errors import InputError
from yanmo.fit.matching.overlap import without_overlap


def pair(text0: str, text1: str) -> Pair:
    return Pair(text0, text1, 1, None, 1, "a.txt")


def test_a_validation_pair_of_one_task_is_left_out_of_all() -> None:
    training = {"loose": [pair("甲", "乙"), pair("甲", "丙")], "strict": [pair("乙", "甲"), pair("丁", "丁")]}
    kept, n_left_out = without_overlap(training, {"strict": [pair("甲", "乙")]})
    assert kept == {"loose": [pair("甲", "丙")], "strict": [pair("丁", "丁")]}
    assert n_left_out == 2


def test_one_shared_text_is_no_overlap_and_a_pair_of_equal_texts_is() -> None:
    kept, n_left_out = without_overlap({"a": [pair("甲", "乙"), pair("甲", "甲")]}, {"a": [pair("甲", "甲")]})
    assert kept == {"a": [pair("甲", "乙")]}
    assert n_left_out == 1


def test_without_validation_nothing_is_left_out() -> None:
    training = {"a": [pair("甲", "乙")]}
    assert without_overlap(training, {}) == (training, 0)


def test_training_on_the_validation_pairs_is_refused() -> None:
    with pytest.raises(InputError, match="all 1 training pairs of 'a' are validation pairs"):
        without_overlap({"a": [pair("甲", "乙")], "b": [pair("丙", "丁")]}, {"b": [pair("甲", "乙")]})
