import pytest

from yanmo.data import Budget, Pair, Task, TaskSet, Windows
from yanmo.errors import InputError
from yanmo.evaluate import Truncation, measure_truncation
from yanmo.match import Matcher, MatchingFile
from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "天"]


class _NoEngine:
    def logits(self, pairs, task_indices):
        raise AssertionError("nothing is to be scored")

    def save(self, folder):
        raise AssertionError

    def identity(self):
        raise AssertionError


@pytest.fixture
def matcher():
    tasks = tuple(
        Task(name=name, budget=Budget(left=8, right=8, windows=windows))
        for name, windows in (("cut", None), ("windowed", Windows(pool="max", at_most=2, overlap=0.0)))
    )
    encoder = PairEncoder(
        WordTokenizer(Vocabulary(TOKENS), segmenter=CharacterSegmenter()), layout=PairLayout.SIDES, prefix="天"
    )
    return Matcher(_NoEngine(), encoder, MatchingFile(task_set=TaskSet(name="two", tasks=tasks)))


def _pairs(*lengths):
    return [Pair("天" * a, "天" * b, 1, None, i + 1, "f") for i, (a, b) in enumerate(lengths)]


def test_shares_are_those_of_the_texts(matcher):
    # A side has 6 places, one of them for the prefix: 5, and what the other side leaves.
    pairs = _pairs((5, 5), (8, 2), (9, 2), (20, 5), (20, 20))
    assert measure_truncation(matcher, {"cut": pairs, "windowed": pairs}) == {
        "cut": Truncation(5, 3 / 5, (1 + 15 + 30) / 96, 0.0),
        # Two windows of 8, of 5, and of 5 beside 5.
        "windowed": Truncation(5, 2 / 5, (10 + 20) / 96, 3 / 5),
    }


def test_nothing_to_share_is_zero_and_unknown_tasks_are_named(matcher):
    assert measure_truncation(matcher, {"cut": [], "windowed": _pairs((0, 0))}) == {
        "cut": Truncation(0, 0.0, 0.0, 0.0),
        "windowed": Truncation(1, 0.0, 0.0, 0.0),
    }
    with pytest.raises(InputError, match="'other'"):
        measure_truncation(matcher, {"other": _pairs((1, 1))})
