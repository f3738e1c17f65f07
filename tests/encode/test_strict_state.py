from pathlib import Path

import pytest
import torch

from yanmo.encode.strict_state import Says, account, is_finite
from yanmo.errors import InputError

SAYS = Says("a thing", missing="find it", unknown="drop it", misshapen="shape it", not_finite="mend it")
GOOD = {"a": torch.ones(2, 3), "b": torch.ones(4, dtype=torch.int8)}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e5m2])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_one_bad_value_anywhere_is_seen_and_the_largest_good_ones_are_not(dtype, bad):
    limits = torch.finfo(dtype)
    good = torch.tensor([limits.max, limits.min, limits.max, 0.0, limits.tiny] * 7, dtype=torch.float64).to(dtype)
    assert is_finite(good)
    for place in range(len(good)):
        spoiled = good.float() if dtype is torch.float8_e5m2 else good.clone()
        spoiled[place] = bad
        assert not is_finite(spoiled.to(dtype))
        assert not is_finite(spoiled.to(dtype).reshape(5, 7).mT)


def test_what_has_no_values_or_whole_ones_is_finite():
    assert is_finite(torch.empty(0))
    assert is_finite(torch.tensor(3))
    assert is_finite(torch.empty(2, device="meta"))
    assert not is_finite(torch.tensor(torch.nan))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        (
            {"c": torch.ones(1), "d": torch.ones(1)},
            r"m: the tensor 'c' \(and 1 more\) is no part of a thing. Fix: drop it",
        ),
        ({"a": None}, "the tensor 'a' is missing. Fix: find it"),
        ({"a": torch.ones(3, 2)}, r"'a' has the shape \[3, 2\] .*, config.json asks for \[2, 3\] .*Fix: shape it"),
        ({"a": torch.full((2, 3), torch.inf)}, "'a' has values that are infinite or no number. Fix: mend it"),
        ({"b": torch.ones(4)}, r"'b' has the shape \[4\] of torch.float32, .* \[4\] of torch.int8. Fix: shape it"),
    ],
)
def test_each_fault_is_named_with_its_own_fix(change, message):
    tensors = {name: tensor for name, tensor in (GOOD | change).items() if tensor is not None}
    if message is None:
        account(tensors, GOOD, where=Path("m"), says=SAYS, same_types=True)
        return
    with pytest.raises(InputError, match=message):
        account(tensors, GOOD, where=Path("m"), says=SAYS, same_types=True)
