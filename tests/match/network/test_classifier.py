import torch

from yanmo.encode import ConditionPlan, EncoderConfig, ModelType, TokenBatch, build_encoder
from yanmo.layers import ConditionalLayerNorm, InteractionHead
from yanmo.match.architecture import Architecture
from yanmo.match.engines.torch_engine import build_classifier
from yanmo.match.network.classifier import PairClassifier


def _batch(rows=2, seq=6):
    ids = torch.randint(0, 20, (1, seq)).expand(rows, seq)
    side = torch.tensor([0, 0, 0, 1, 1, 1]).expand(rows, seq)
    return TokenBatch(ids, side, torch.arange(seq).expand(rows, seq), side, torch.ones(rows, seq, dtype=torch.bool))


def _model():
    encoder = build_encoder(EncoderConfig(ModelType.BERT, 20, 8, 8, 2, 2, 12, 16), condition=ConditionPlan(4))
    head = InteractionHead(8, inner_width=4, norm=ConditionalLayerNorm(4, condition_width=4), dropout_prob=0.0)
    return PairClassifier(encoder, head, n_tasks=3, condition_width=4).eval()


def test_tasks_agree_at_the_start_and_part_when_the_maps_move():
    model, batch = _model(), _batch()
    assert torch.equal(model(batch, torch.tensor([0, 0])), model(batch, torch.tensor([2, 2])))
    for name, parameter in model.named_parameters():
        if name.endswith("_map"):
            torch.nn.init.normal_(parameter)
    moved = model(batch, torch.tensor([0, 2]))
    assert moved[0] != moved[1]


def test_the_task_bias_is_added_to_its_task_only():
    model, batch = _model(), _batch()
    before = model(batch, torch.tensor([0, 2]))
    with torch.no_grad():
        model.task_bias[2] += 1.5
    torch.testing.assert_close(model(batch, torch.tensor([0, 2])) - before, torch.tensor([0.0, 1.5]))


def test_a_separate_head_judges_its_own_task_only():
    architecture = Architecture(separate_heads=True, conditional_from=None, head_width=4)
    model = build_classifier(EncoderConfig(ModelType.BERT, 20, 8, 8, 2, 2, 12, 16), architecture, n_tasks=3).eval()
    for head in model.head:
        torch.nn.init.normal_(head.out.weight)  # untrained heads are all the same cosine
    batch = _batch(rows=3)
    logits = model(batch, torch.tensor([2, 0, 2]))
    torch.testing.assert_close(logits[0], logits[2])  # rows of one product may differ in the last bit
    assert (logits[0] - logits[1]).abs() > 1e-3
    logits[1].backward()
    assert model.head[0].out.weight.grad.abs().sum() > 0
    assert model.head[2].out.weight.grad.abs().sum() == 0
