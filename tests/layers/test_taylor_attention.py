import math

import pytest
import torch

from yanmo.errors import InputError
from yanmo.layers import CausalLinearTaylorAttention, LinearTaylorAttention, RotaryAttention, TaylorAttention

HEAD = 6


def _inputs(seq, *, rows=2, dtype=torch.float64, scale=1.0):
    query, key, value = (torch.randn(rows, 3, seq, HEAD, dtype=dtype) for _ in range(3))
    return query * scale, key * scale, value, torch.arange(seq).expand(rows, seq)


def _attend(kernel, inputs, allowed=None):
    query, key, value, positions = inputs
    return kernel(query, key, value, position_ids=positions, allowed=allowed)


def _keys_seen(lengths, seq):
    return (torch.arange(seq) < torch.tensor(lengths)[:, None])[:, None, None, :]


@pytest.mark.parametrize("order", [2, 4, 6])
def test_taylor_attention_equals_a_slow_loop_and_obeys_the_mask(order):
    inputs = _inputs(5, rows=1, scale=2.0)
    query, key, value, _ = inputs
    allowed = (torch.rand(1, 1, 5, 5) > 0.4) | torch.eye(5, dtype=torch.bool)
    mixed = _attend(TaylorAttention(order), inputs, allowed)
    for h in range(3):
        for i in range(5):
            total, context = 0.0, torch.zeros(HEAD, dtype=torch.float64)
            for j in range(5):
                if allowed[0, 0, i, j]:
                    score = float(query[0, h, i] @ key[0, h, j]) / math.sqrt(HEAD)
                    weight = sum(score**k / math.factorial(k) for k in range(order + 1))
                    total, context = total + weight, context + weight * value[0, h, j]
            torch.testing.assert_close(mixed[0, h, i], context / total)


# One chunk, just beyond it, several; the third row is all padding.
@pytest.mark.parametrize("seq", [1, 7, 129, 300])
@pytest.mark.parametrize("is_causal", [False, True])
def test_the_linear_form_equals_the_quadratic(seq, is_causal):
    inputs = _inputs(seq, rows=3, dtype=torch.float32, scale=2.0)
    lengths = (seq, max(seq - 3, 1), 0)
    keys = _keys_seen(lengths, seq)
    seen = keys & torch.ones(seq, seq, dtype=torch.bool).tril() if is_causal else keys
    kernel = CausalLinearTaylorAttention() if is_causal else LinearTaylorAttention()
    mixed, expected = _attend(kernel, inputs, keys), _attend(TaylorAttention(2), inputs, seen)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed[:2], expected[:2], atol=1e-4, rtol=0)
    assert (mixed[2] == 0).all()
    whole = torch.ones(3, 1, seq, seq, dtype=torch.bool).tril() if is_causal else None
    torch.testing.assert_close(_attend(kernel, inputs), _attend(TaylorAttention(2), inputs, whole), atol=1e-4, rtol=0)


@pytest.mark.parametrize("is_causal", [False, True])
def test_gradients_of_the_linear_form_are_those_of_the_quadratic(is_causal):
    seq = 140
    inputs = _inputs(seq)
    leaves = [x.requires_grad_() for x in inputs[:3]]
    keys = _keys_seen((140, 100), seq)
    seen = keys & torch.ones(seq, seq, dtype=torch.bool).tril() if is_causal else keys
    toward = torch.randn(2, 3, seq, HEAD, dtype=torch.float64)
    kernel = CausalLinearTaylorAttention() if is_causal else LinearTaylorAttention()
    ours = torch.autograd.grad((_attend(kernel, inputs, keys) * toward).sum(), leaves)
    theirs = torch.autograd.grad((_attend(TaylorAttention(2), inputs, seen) * toward).sum(), leaves)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_a_causal_token_does_not_see_what_comes_after_it():
    inputs = _inputs(200)
    before = _attend(CausalLinearTaylorAttention(), inputs)
    for x in inputs[1:3]:
        x[:, :, 150:] += 5.0
    after = _attend(CausalLinearTaylorAttention(), inputs)
    assert torch.equal(before[:, :, :150], after[:, :, :150])
    assert not torch.allclose(before[:, :, 150:], after[:, :, 150:])


def test_memory_for_the_gradient_is_linear_in_the_length():
    def kept(seq):
        """Numbers that autograd keeps, each storage once."""
        storages = {}

        def pack(x):
            storages[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        inputs = _inputs(seq, rows=1)
        for x in inputs[:3]:
            x.requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            _attend(LinearTaylorAttention(), inputs).sum()
        return sum(storages.values())

    # Squares of 2048 would be 16 times those of 512.
    assert kept(2048) < 5 * kept(512)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kernel", [TaylorAttention(2), LinearTaylorAttention(), CausalLinearTaylorAttention()])
def test_half_precision_and_autocast_stay_near_float32(kernel, dtype):
    inputs = _inputs(150, dtype=torch.float32)
    expected = _attend(kernel, inputs)
    halves = (*(x.to(dtype) for x in inputs[:3]), inputs[3])
    mixed = _attend(kernel, halves)
    assert mixed.dtype == dtype
    torch.testing.assert_close(mixed.float(), expected, atol=0.05, rtol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(_attend(kernel, inputs).float(), expected, atol=0.05, rtol=0)


def test_long_rows_of_ones_do_not_lose_the_denominator():
    seq = 4096
    query = torch.full((1, 1, seq, HEAD), -0.5)
    key = torch.full((1, 1, seq, HEAD), 0.8)
    value = torch.arange(seq, dtype=torch.float32).view(1, 1, seq, 1).expand(1, 1, seq, HEAD) / seq
    mixed = _attend(LinearTaylorAttention(), (query, key, value, torch.arange(seq)[None]))
    torch.testing.assert_close(mixed, torch.full_like(mixed, (seq - 1) / 2 / seq), atol=1e-5, rtol=0)


def test_extreme_scores_stay_finite():
    query, key, value, positions = _inputs(9, dtype=torch.float32)
    for kernel in (TaylorAttention(4), LinearTaylorAttention(), CausalLinearTaylorAttention()):
        assert torch.isfinite(kernel(query * 100, key * 100, value, position_ids=positions, allowed=None)).all()


def test_rotary_positions_go_with_it():
    query, key, value, positions = _inputs(7)
    for kernel in (TaylorAttention(2), LinearTaylorAttention()):
        rotary = RotaryAttention(HEAD, within=kernel)
        here = rotary(query, key, value, position_ids=positions, allowed=None)
        shifted = rotary(query, key, value, position_ids=positions + 31, allowed=None)
        torch.testing.assert_close(here, shifted)
        assert not torch.allclose(here, kernel(query, key, value, position_ids=positions, allowed=None))


@pytest.mark.parametrize("kernel", [LinearTaylorAttention(), CausalLinearTaylorAttention()])
def test_linear_attention_refuses_a_mask_that_differs_between_queries(kernel):
    with pytest.raises(InputError, match=r"\[batch, 1, 1, seq\], not \[1, 1, 5, 5\].*Fix: use TaylorAttention"):
        _attend(kernel, _inputs(5, rows=1), torch.ones(1, 1, 5, 5, dtype=torch.bool))


def test_an_odd_order_is_refused():
    with pytest.raises(InputError, match="the order is 3, expected an even one"):
        TaylorAttention(3)
