"""Which standards a head is learned from, and what it takes of them: drawn numbers with a known answer."""

import numpy as np
import pytest

from yanmo.match.engines.learned_head import leaning_of
from yanmo.standard.learn_head import choose_sources, learn_head
from yanmo.standard.learn_readings import Readings
from yanmo.standard.learn_scaling import HeadFeatures, Prior


class Drawn(Readings):
    """Readings that were drawn: standard ``right`` leans as the labels say, the others lean at random."""

    def __init__(self, n, *, seed=0, width=6, asked=None):
        random = np.random.default_rng(seed)
        self.names = ("noise", "right", "wrong")
        self.labels = random.random(n) < 0.5
        truth = np.where(self.labels, 1.5, -1.5)
        self.given = np.stack([random.normal(size=n), truth + random.normal(size=n), random.normal(size=n)], 1)
        self.given = self.given.astype(np.float32)
        self.drawn = random.normal(size=(n, 2, width)).astype(np.float32)
        self.asked = [] if asked is None else asked

    def __len__(self):
        return len(self.given)

    @property
    def has_vectors(self):
        return True

    def only(self, rows):
        part = Drawn(0, asked=self.asked)
        part.labels, part.given, part.drawn = self.labels[rows], self.given[rows], self.drawn[rows]
        return part

    def logits(self, names):
        self.asked.append((len(self), tuple(names)))
        return self.given[:, [self.names.index(name) for name in names]]

    def vectors(self, name):
        return self.drawn


def test_the_standard_that_leans_as_the_labels_is_among_the_sources():
    readings = Drawn(40)
    assert "right" in choose_sources(readings, readings.labels)
    assert choose_sources(readings, readings.labels, prior=Prior(n_sources=1)) == ("right",)


def test_of_many_pairs_a_few_are_enough_to_choose():
    readings = Drawn(3000)
    readings.labels[:] = False
    readings.labels[:50] = True
    choose_sources(readings, readings.labels)
    assert readings.asked == [(256, readings.names)]


def test_the_head_is_the_function_that_was_fitted():
    readings, prior = Drawn(30), Prior(vector_std=0.3)
    found = learn_head(readings, readings.labels, sources=("right", "noise"), prior=prior)
    features = HeadFeatures(("right", "noise"), [readings], prior=prior)
    logits = {name: readings.logits([name])[:, 0] for name in readings.names}
    by_head = found.head.logits(logits, dict.fromkeys(readings.names, readings.drawn))
    columns = features.of(readings)
    # Any weights give the same function either way; those of the fit are recovered from its own logits.
    weights = np.linalg.lstsq(columns, by_head.astype(float), rcond=None)[0]
    assert columns @ weights == pytest.approx(by_head, abs=1e-4)
    given = np.random.default_rng(1).normal(size=columns.shape[1])
    again = features.head(given).logits(logits, dict.fromkeys(readings.names, readings.drawn))
    assert again == pytest.approx(columns @ given, abs=1e-3)


def test_without_spread_for_vectors_they_have_no_weight():
    readings = Drawn(30)
    prior = Prior(vector_std=0.0, distance=0.0, distance_std=0.0)
    head = learn_head(readings, readings.labels, sources=("right",), prior=prior).head
    assert set(head.sources[0].differences) == set(head.sources[0].products) == {0.0}
    assert head.sources[0].leaning > 0


def test_unlabelled_pairs_set_the_scale():
    few, many = Drawn(10), Drawn(500, seed=1)
    scaled = HeadFeatures(("right",), [few, many], prior=Prior())
    every = leaning_of(np.concatenate([few.logits(["right"]), many.logits(["right"])]))
    expected = (leaning_of(few.logits(["right"])) - every.mean()) / every.std()
    assert scaled.of(few)[:, :1] == pytest.approx(expected)
