import torch

from yanmo.layers import ConditionalLayerNorm, InteractionHead, LayerNorm, PooledHead, mean_pool


def _pair(batch=3, seq=6, width=8):
    x = torch.randn(batch, seq, width)
    side = torch.tensor([0, 0, 1, 1, 1, 1]).expand(batch, seq)
    mask = torch.tensor([True] * 5 + [False]).expand(batch, seq)
    return x, side, mask


def test_mean_pool_counts_only_kept_tokens():
    x, _, mask = _pair()
    torch.testing.assert_close(mean_pool(x, mask), x[:, :5].mean(1))
    assert torch.equal(mean_pool(x, torch.zeros_like(mask)), torch.zeros(3, 8))


def test_interaction_head_is_symmetric_and_blind_to_padding_and_scale():
    head = InteractionHead(8, inner_width=4, norm=LayerNorm(4), dropout_prob=0.0)
    x, side, mask = _pair()
    logit = head(x, None, side=side, mask=mask)
    torch.testing.assert_close(logit, head(x, None, side=1 - side, mask=mask))
    changed = x.clone()
    changed[:, 5] = 100.0
    assert torch.equal(logit, head(changed, None, side=side, mask=mask))
    torch.testing.assert_close(logit, head(5 * x, None, side=side, mask=mask), rtol=1e-4, atol=1e-5)


def test_interaction_head_survives_zero_vectors():
    head = InteractionHead(8, inner_width=4, norm=ConditionalLayerNorm(4, condition_width=2), dropout_prob=0.0)
    _, side, mask = _pair()
    x = torch.zeros(3, 6, 8, requires_grad=True)
    head(x, torch.ones(3, 2), side=side, mask=mask).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_pooled_head_reads_the_first_token():
    head = PooledHead(8, dropout_prob=0.0)
    x, side, mask = _pair()
    expected = x[:, 0] @ head.out.weight[0] + head.out.bias
    torch.testing.assert_close(head(x, None, side=side, mask=mask), expected)
