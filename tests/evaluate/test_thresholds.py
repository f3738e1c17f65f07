import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yanmo.errors import InputError
from yanmo.evaluate import Counts, best_f1_threshold, precision_threshold, recall_threshold

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 16)), min_size=1, max_size=30)


def _arrays(rows):
    return np.array([label for label, _ in rows]), np.array([k / 16 for _, k in rows])


def _every_cut(labels, probabilities):
    return [Counts.of(labels, probabilities >= value) for value in np.unique(probabilities)]


@given(ROWS)
def test_best_f1_is_that_of_trying_every_cut(rows):
    labels, probabilities = _arrays(rows)
    found = Counts.of(labels, probabilities >= np.float32(best_f1_threshold(labels, probabilities)))
    if labels.any():
        assert found.f1 == pytest.approx(max(counts.f1 for counts in _every_cut(labels, probabilities)))


@given(ROWS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_wanted_precision_gives_the_highest_recall_there_is(rows, wanted):
    labels, probabilities = _arrays(rows)
    able = [counts for counts in _every_cut(labels, probabilities) if counts.precision >= wanted]
    if labels.any() and not able:
        with pytest.raises(InputError, match="no threshold reaches a precision"):
            precision_threshold(labels, probabilities, at_least=wanted)
    elif labels.any():
        threshold = precision_threshold(labels, probabilities, at_least=wanted)
        found = Counts.of(labels, probabilities >= np.float32(threshold))
        assert found.precision >= wanted
        assert found.recall == pytest.approx(max(counts.recall for counts in able))


@given(ROWS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_wanted_recall_gives_the_highest_precision_there_is(rows, wanted):
    labels, probabilities = _arrays(rows)
    if labels.any():
        threshold = recall_threshold(labels, probabilities, at_least=wanted)
        found = Counts.of(labels, probabilities >= np.float32(threshold))
        able = [counts for counts in _every_cut(labels, probabilities) if counts.recall >= wanted]
        assert found.recall >= wanted
        assert found.precision == pytest.approx(max(counts.precision for counts in able))


def test_logits_and_shares_out_of_range_are_refused():
    with pytest.raises(InputError, match="is not a probability"):
        best_f1_threshold([0, 1], [0.5, 1.5])
    with pytest.raises(InputError, match="expected one in"):
        recall_threshold([0, 1], [0.5, 0.5], at_least=0.0)
