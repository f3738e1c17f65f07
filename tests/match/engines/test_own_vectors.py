"""Which matchers give a text a vector of its own."""

import pytest

from yanmo.errors import InputError
from yanmo.match.engines.own_vectors import own_vector_width
from yanmo.tokenize import PairBudget, PairLayout


def _width(matcher):
    budget = PairBudget(16, 16)
    return own_vector_width(matcher.engine, matcher.pair_encoder, task="loose", index=0, budget=budget)


@pytest.mark.parametrize("conditional_from", [0, 1, 2, None])
def test_texts_that_never_meet_have_vectors_as_wide_as_the_encoder(tiny_matcher, conditional_from):
    assert _width(tiny_matcher(joint_from=2, conditional_from=conditional_from, width=8)) == 8
    assert _width(tiny_matcher(joint_from=2, conditional_from=conditional_from, width=12)) == 12


@pytest.mark.parametrize(
    "changes", [{"joint_from": 1}, {"joint_from": 0}, {"joint_from": 0, "layout": PairLayout.JOINT}]
)
def test_texts_that_meet_have_none(tiny_matcher, changes):
    with pytest.raises(InputError, match="no vector of its own under 'loose'"):
        _width(tiny_matcher(**changes))
