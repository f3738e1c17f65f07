import torch

from yanmo.layers import (
    ClassificationHead,
    ConditionalLayerNorm,
    InteractionHead,
    LayerNorm,
    MeanHead,
    PooledHead,
    mean_pool,
)


def _pair(batch=3, seq=6, width=8):
    x = torch.randn(batch, seq, width)
    side = torch.tensor([0, 0, 1, 1, 1, 1]).expand(batch, seq)
    mask = torch.tensor([True] * 5 + [False]).expand(batch, seq)
    return x, side, mask


def test_mean_pool_counts_only_kept_tokens():
    x, _, mask = _pair()
    torch.testing.assert_close(mean_pool(x, mask), x[:, :5].mean(1))
    assert torch.equal(mean_pool(x, torch.zeros_like(mask)), torch.zeros(3, 8))


def _trained(head):
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


def test_interaction_head_is_symmetric_and_blind_to_padding_and_scale():
    head = _trained(InteractionHead(8, inner_width=4, norm=LayerNorm(4), dropout_prob=0.0))
    x, side, mask = _pair()
    logit = head(x, None, side=side, mask=mask)
    assert torch.equal(logit, head(x, None, side=1 - side, mask=mask))
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


def test_classification_head_is_that_of_transformers():
    from transformers import RobertaConfig
    from transformers.models.roberta.modeling_roberta import RobertaClassificationHead

    theirs = RobertaClassificationHead(RobertaConfig(hidden_size=8, num_labels=1)).eval()
    head = ClassificationHead(8, dropout_prob=0.1).eval()
    head.load_state_dict({key.replace("out_proj", "out"): value for key, value in theirs.state_dict().items()})
    x, side, mask = _pair()
    torch.testing.assert_close(head(x, None, side=side, mask=mask), theirs(x)[:, 0])


def test_an_untrained_interaction_head_is_the_distance_of_the_mean_vectors():
    head = InteractionHead(8, inner_width=4, norm=LayerNorm(4), dropout_prob=0.1).eval()
    x, side, mask = _pair()
    u, v = x[:, :2].mean(1), x[:, 2:5].mean(1)
    distance = 8**0.5 * (1 - torch.cosine_similarity(u, v))
    torch.testing.assert_close(head(x, None, side=side, mask=mask), -distance)
    head(x, None, side=side, mask=mask).sum().backward()
    assert head.out.weight.grad.abs().min() > 0, "the perceptron learns from the first step"


def test_a_shift_of_the_second_side_tells_the_sides_apart():
    head = _trained(InteractionHead(8, inner_width=4, norm=LayerNorm(4), dropout_prob=0.0))
    x, side, mask = _pair()
    plain = head(x, None, side=side, mask=mask)
    assert torch.equal(plain, head(x, None, side=side, mask=mask, shift=torch.zeros(3, 8)))
    shift = torch.randn(3, 8)
    here, there = (head(x, None, side=given, mask=mask, shift=shift) for given in (side, 1 - side))
    assert (here - there).abs().min() > 1e-3


def test_mean_head_reads_all_tokens_but_padding():
    head = MeanHead(8, dropout_prob=0.0)
    x, side, mask = _pair()
    expected = x[:, :5].mean(1) @ head.out.weight[0] + head.out.bias
    torch.testing.assert_close(head(x, None, side=side, mask=mask), expected)
