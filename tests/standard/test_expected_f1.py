"""The threshold of the highest F1 that is to be expected of probabilities alone."""

import numpy as np
import pytest

from yanmo.standard.expected_f1 import expected_f1_threshold


@pytest.mark.parametrize("mean", [-3.0, -1.0, 1.0])
def test_no_other_threshold_has_a_higher_f1_over_drawn_labels(mean):
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-rng.normal(mean, 1.5, 2000)))
    threshold, expected = expected_f1_threshold(p)
    labels = rng.random((100, len(p))) < p

    def f1(at):
        yes = p >= at
        return np.mean(2 * (labels & yes).sum(1) / (yes.sum() + labels.sum(1)))

    assert f1(threshold) == pytest.approx(expected, abs=0.01)
    assert f1(threshold) >= max(f1(at) for at in np.linspace(0.02, 0.98, 49)) - 0.003
    # Half of the F1 it reaches, as the source shows for large samples.
    assert threshold == pytest.approx(expected / 2, abs=0.02)


def test_without_any_hope_everything_is_as_good():
    assert expected_f1_threshold(np.zeros(3)) == (0.0, 0.0)
    assert expected_f1_threshold(np.ones(3)) == (0.5, 1.0)
