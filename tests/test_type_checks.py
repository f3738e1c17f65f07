"""Hints are checked at every call in tests, shapes where there are any; else the other tests would check less."""

import pytest
import torch
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from yanmo.data.plain_text import plain_text
from yanmo.layers.pooling import mean_pool
from yanmo.study.recurrent_gradient.adding_problem import draw_sums


def test_shapes_are_held_against_each_other():
    x, mask = torch.zeros(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)
    assert mean_pool(x, mask).shape == (2, 4)
    with pytest.raises(TypeCheckError):
        mean_pool(x, torch.ones(2, 5, dtype=torch.bool))


def test_functions_without_arrays_are_checked_too():
    with pytest.raises(BeartypeCallHintViolation):
        plain_text(3)


def test_arrays_within_other_hints_are_found():
    """Only what ``draw_sums`` returns names arrays, within a tuple."""
    assert draw_sums(3, n_steps=4, generator=torch.Generator())[0].shape == (3, 4, 2)
    with pytest.raises(TypeCheckError):
        draw_sums(3.0, n_steps=4, generator=torch.Generator())
