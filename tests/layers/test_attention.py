import math

import torch

from yanmo.layers import PlainAttention, RelativeAttention, RotaryAttention


def _inputs(head=4, seq=5):
    query, key, value = (torch.randn(1, 2, seq, head, dtype=torch.float64) for _ in range(3))
    return query, key, value, torch.arange(seq)[None]


def _softmax_mix(score, value):
    weights = [math.exp(s) for s in score]
    return sum(w * v for w, v in zip(weights, value, strict=True)) / sum(weights)


def test_plain_attention_equals_a_slow_loop_and_obeys_the_mask():
    query, key, value, positions = _inputs()
    allowed = torch.rand(1, 1, 5, 5) > 0.4
    allowed |= torch.eye(5, dtype=torch.bool)
    y = PlainAttention()(query, key, value, position_ids=positions, allowed=allowed)
    for h in range(2):
        for i in range(5):
            seen = [j for j in range(5) if allowed[0, 0, i, j]]
            score = [float(query[0, h, i] @ key[0, h, j]) / 2 for j in seen]
            torch.testing.assert_close(y[0, h, i], _softmax_mix(score, [value[0, h, j] for j in seen]))


def test_rotary_scores_depend_on_distance_only():
    query, key, value, positions = _inputs()
    kernel = RotaryAttention(4)
    here = kernel(query, key, value, position_ids=positions, allowed=None)
    shifted = kernel(query, key, value, position_ids=positions + 31, allowed=None)
    stretched = kernel(query, key, value, position_ids=positions * 3, allowed=None)
    torch.testing.assert_close(here, shifted)
    assert not torch.allclose(here, stretched)


def test_relative_attention_equals_a_slow_loop():
    query, key, value, positions = _inputs()
    y = RelativeAttention(4, max_distance=2)(query, key, value, position_ids=positions, allowed=None)

    def relative(i, j):
        row = max(-2, min(2, j - i)) + 2
        return torch.tensor(
            [f(row * 10000.0 ** (-2 * k / 4)) for k in range(2) for f in (math.sin, math.cos)], dtype=torch.float64
        )

    for h in range(2):
        for i in range(5):
            score = [float(query[0, h, i] @ (key[0, h, j] + relative(i, j))) / 2 for j in range(5)]
            torch.testing.assert_close(
                y[0, h, i], _softmax_mix(score, [value[0, h, j] + relative(i, j) for j in range(5)])
            )
