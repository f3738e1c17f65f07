import pytest

from yanmo.data import Pair
from yanmo.errors import InputError
from yanmo.match import Decision, Matcher
from yanmo.standard.binomial import mcnemar
from yanmo.standard.compare import compare_matchers

TEXTS = [("一丁七万", "一丁七万"), ("一丁七万", "一丁七丈"), ("一丁七万", "一丁三上"), ("一丁七万", "下丌不与")]


def _pairs(labels):
    return [Pair(a, b, label, None, i, "x") for i, ((a, b), label) in enumerate(zip(TEXTS, labels, strict=True))]


def _at(matcher, threshold):
    matching = matcher.matching.with_decision("ssA", Decision(threshold=threshold))
    return Matcher(matcher.engine, matcher.pair_encoder, matching)


def test_flips_and_what_the_labels_say_of_them_are_counted(overlap_matcher):
    matcher, _ = overlap_matcher
    # Shares of common characters 1, 3/5, 1/3 and 0, logits 6 share - 3: probabilities 0.95, 0.65, 0.27, 0.05.
    old, new = _at(matcher, 0.9), _at(matcher, 0.2)
    change = compare_matchers(old, new, _pairs([1, 1, 0, 0]), task="ssA", n_moves=2)
    assert (change.n, change.n_to_match, change.n_to_other, change.n_flips) == (4, 2, 0, 2)
    assert change.mean_move == 0
    found = change.labelled
    assert (found.n_better, found.n_worse, found.p_value) == (1, 1, mcnemar(1, 1))
    assert (found.old.accuracy, found.new.accuracy) == (0.75, 0.75)
    assert [change.measure(name) for name in ("flips", "worse", "accuracy", "move")] == [0.5, 0.25, 0, 0]
    assert change.measure("f1") == pytest.approx(found.old.f1 - found.new.f1)


def test_flips_come_first_and_the_largest_move_is_never_left_out(overlap_matcher):
    matcher, _ = overlap_matcher
    new = _at(matcher, 0.2)

    class Shifted(type(new.engine)):
        """Moves the surest pair most, without a flip."""

        def logits(self, pairs, task_indices):
            found = super().logits(pairs, task_indices)
            found[0] = 0.0
            return found

    moved = Matcher(Shifted(), matcher.pair_encoder, new.matching)
    change = compare_matchers(_at(matcher, 0.9), moved, _pairs([None, None, None, None]), task="ssA", n_moves=2)
    assert [move.flipped for move in change.moves] == [True, True] or change.moves[-1].text1 == TEXTS[0][1]
    assert max(abs(move.new - move.old) for move in change.moves) == pytest.approx(change.measure("move"))
    assert change.labelled is None
    with pytest.raises(InputError, match="needs labels"):
        change.measure("worse")
    with pytest.raises(InputError, match="no measure"):
        change.measure("speed")


def test_no_pair_is_refused(overlap_matcher):
    with pytest.raises(InputError, match="no pair"):
        compare_matchers(overlap_matcher[0], overlap_matcher[0], [], task="ssA")
