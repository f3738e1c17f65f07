from struct import iter_unpack

import pytest

from yanmo.tokenize.compiled.records import NO_TOKEN, WordRecords

IDS = {token: i for i, token in enumerate(["[UNK]", "今天", "今", "天", "ab", "##c", "，", "a b"])}


def pairs(record):
    return list(iter_unpack("2i", record))


@pytest.fixture
def records():
    return WordRecords(IDS, words=IDS, unknown=0)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("今天", [(1, 2)]),
        ("天今", [(3, 1), (2, 1)]),
        ("天龘", [(3, 1), (0, 1)]),
        ("abc", [(4, 2), (5, 1)]),
        (" \u200bab\x01", [(NO_TOKEN, 2), (4, 2), (NO_TOKEN, 1)]),
        ("ab，\t\t，", [(4, 2), (6, 1), (NO_TOKEN, 2), (6, 1)]),
        ("a b", [(7, 3)]),
        ("\n", [(NO_TOKEN, 1)]),
        ("今" * 40, [(2, 1)] * 40),
    ],
)
def test_records_hold_tokens_and_add_up_to_the_word(records, word, expected):
    assert pairs(records[word]) == expected
    assert pairs(records[word]) == expected
    assert sum(width for _, width in expected) == len(word)


def test_words_that_are_not_asked_for_whole_are_split():
    split = WordRecords(IDS, words={}, unknown=0)
    assert pairs(split["今天"]) == [(2, 1), (3, 1)]
    assert pairs(split["ab"]) == [(4, 2)]


def test_memory_is_bounded_and_forgetting_changes_nothing():
    records = WordRecords(IDS, words=IDS, unknown=0, n_most=3)
    for i in range(20):
        assert pairs(records[f"天今{i}"])[:2] == [(3, 1), (2, 1)]
        assert pairs(records["天今"]) == [(3, 1), (2, 1)]
        assert len(records) <= 3
    assert "今" * 40 not in records
    records["今" * 40]
    assert "今" * 40 not in records
