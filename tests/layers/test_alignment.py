import math

import torch
import torch.nn.functional as F
from torch import Tensor

from yanmo.layers import AlignmentHead, ConditionalLayerNorm, LayerNorm
from yanmo.layers.heads import interaction_features

WIDTH = 8


def untrained() -> AlignmentHead:
    torch.manual_seed(0)
    return AlignmentHead(WIDTH, inner_width=6, norm=LayerNorm(6), dropout_prob=0.0, align_width=5).double()


def head() -> AlignmentHead:
    made = untrained()
    for parameter in (made.out.weight, made.out.bias, made.distance.weight):
        torch.nn.init.normal_(parameter)
    return made


def sides(n_first: int, n_second: int) -> Tensor:
    return torch.tensor([[0] * n_first + [1] * n_second])


def by_hand(head: AlignmentHead, x: Tensor, n_first: int) -> float:
    """One pair without padding, token by token."""
    side = sides(n_first, len(x) - n_first)
    sentence = interaction_features(x[None], side=side, mask=torch.ones_like(side, dtype=torch.bool))[0]
    tokens = [math.sqrt(WIDTH) * row / row.norm() for row in x]
    keys = [head.align.weight @ token for token in tokens]
    compared = []
    for i, token in enumerate(tokens):
        others = [j for j in range(len(tokens)) if (i < n_first) != (j < n_first)]
        cosines = [keys[i] @ keys[j] / (keys[i].norm() * keys[j].norm()) for j in others]
        total = sum(math.exp(head.sharpness * c) for c in cosines)
        answer = sum(math.exp(head.sharpness * c) / total * tokens[j] for c, j in zip(cosines, others, strict=True))
        features = torch.cat([token, answer, (token - answer).abs(), token * answer])
        compared.append(F.gelu(head.compare.weight @ features + head.compare.bias))
    means = []
    for part in (compared[:n_first], compared[n_first:]):
        weights = [math.exp(head.gate.weight[0] @ f) for f in part]
        means.append(sum(w * f for w, f in zip(weights, part, strict=True)) / sum(weights))
    features = torch.cat([sentence, means[0] + means[1], (means[0] - means[1]).abs()])
    hidden = head.norm(F.gelu(head.hidden(features))[None], None)
    return float(head.out(hidden) + head.distance.weight * sentence[-1])


def test_it_is_the_formula_token_by_token() -> None:
    x = torch.randn(7, WIDTH, dtype=torch.float64)
    side = sides(3, 4)
    got = head()(x[None], None, side=side, mask=torch.ones_like(side, dtype=torch.bool))
    assert abs(got.item() - by_hand(head().requires_grad_(False), x, 3)) < 1e-10


def test_untrained_it_is_the_distance_of_the_mean_vectors_and_learns_from_the_first_step() -> None:
    x = torch.randn(5, 7, WIDTH, dtype=torch.float64)
    made, side = untrained(), sides(3, 4).expand(5, -1)
    logits = made(x, None, side=side, mask=torch.ones_like(side, dtype=torch.bool))
    cosine = torch.cosine_similarity(x[:, :3].mean(1), x[:, 3:].mean(1))
    torch.testing.assert_close(logits, -math.sqrt(WIDTH) * (1 - cosine))
    logits.sum().backward()
    assert made.out.weight.grad is not None
    assert made.out.weight.grad.abs().min() > 0


def test_padding_changes_nothing_even_when_it_is_not_zero() -> None:
    x = torch.randn(1, 9, WIDTH, dtype=torch.float64)
    side = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 0, 0]])
    mask = torch.tensor([[True] * 7 + [False] * 2])
    padded = head()(x, None, side=side, mask=mask)
    plain = head()(x[:, :7], None, side=side[:, :7], mask=mask[:, :7])
    torch.testing.assert_close(padded, plain, rtol=0, atol=1e-12)


def test_swapping_the_texts_changes_nothing() -> None:
    x = torch.randn(1, 7, WIDTH, dtype=torch.float64)
    mask = torch.ones(1, 7, dtype=torch.bool)
    swapped = torch.cat([x[:, 3:], x[:, :3]], 1)
    torch.testing.assert_close(
        head()(x, None, side=sides(3, 4), mask=mask), head()(swapped, None, side=sides(4, 3), mask=mask)
    )


def test_vectors_of_zero_and_a_side_without_tokens_give_finite_logits_and_gradients() -> None:
    x = torch.zeros(2, 4, WIDTH, dtype=torch.float64, requires_grad=True)
    side = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 0]])
    logits = head()(x, None, side=side, mask=torch.ones(2, 4, dtype=torch.bool))
    logits.sum().backward()
    assert logits.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_a_conditional_norm_takes_the_condition() -> None:
    norm = ConditionalLayerNorm(6, condition_width=2)
    torch.nn.init.normal_(norm.bias_map)
    conditional = AlignmentHead(WIDTH, inner_width=6, norm=norm, dropout_prob=0.0)
    torch.nn.init.normal_(conditional.out.weight)
    x, side = torch.randn(2, 4, WIDTH), torch.tensor([[0, 0, 1, 1]] * 2)
    same = x[:1].expand(2, -1, -1)
    logits = conditional(same, torch.eye(2), side=side, mask=torch.ones(2, 4, dtype=torch.bool))
    assert (logits[0] - logits[1]).abs() > 1e-4
