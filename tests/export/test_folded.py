import pytest
import torch

from yanmo.encode import ModelType
from yanmo.export.folded import FoldedClassifier, FoldedLayerNorm
from yanmo.layers import ConditionalLayerNorm
from yanmo.match import HeadKind
from yanmo.match.engines.torch_engine import collate
from yanmo.tokenize import PairBudget, PairLayout

PAIRS = [("今天天气不错", "天气"), ("", "我们"), ("我们去公园" * 3, "学生去公园"), ("学", "园"), ("", "")]


def test_a_folded_norm_is_the_conditional_one_of_each_task():
    norm, conditions = ConditionalLayerNorm(5, condition_width=3), torch.randn(2, 3)
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    folded, x = FoldedLayerNorm(norm, conditions), torch.randn(3, 4, 5)
    expected = norm(x, conditions[[1, 0, 1]])
    torch.testing.assert_close(folded(x, torch.tensor([[1.0], [0.0], [1.0]])), expected, atol=1e-6, rtol=0)
    weight = norm.weight + norm.weight_map @ conditions[1]
    bias = norm.bias + norm.bias_map @ conditions[1]
    alone = (x[0] - x[0].mean(-1, keepdim=True)) / (x[0].var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    torch.testing.assert_close(folded(x, torch.ones(3, 1))[0], alone * weight + bias, atol=1e-5, rtol=0)


@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ROBERTA, ModelType.ROFORMER, ModelType.NEZHA])
@pytest.mark.parametrize(
    "changes",
    [
        {"layout": PairLayout.JOINT, "joint_from": 0},
        {"joint_from": 1},
        {"joint_from": 2, "conditional_from": 1, "head": HeadKind.ALIGNMENT},
        {"separate_heads": True, "conditional_from": 1},
        {"separate_heads": True, "conditional_from": None},
        {"conditional_from": None, "head": HeadKind.POOLED},
        {"layout": PairLayout.JOINT, "joint_from": 0, "head": HeadKind.CLASSIFICATION},
        {"conditional_from": 2},
    ],
)
def test_a_folded_matcher_scores_as_the_one_it_comes_from(tiny_matcher, model_type, changes):
    matcher = tiny_matcher(model_type=model_type, **changes)
    classifier, before = matcher.engine.classifier, matcher.engine.classifier.state_dict()
    before = {name: tensor.clone() for name, tensor in before.items()}
    encoded = matcher.pair_encoder.encode_batch(PAIRS, budgets=PairBudget(40, 20))
    batch, tasks = collate(encoded, pad_id=1), torch.tensor([0, 1, 1, 0, 1])
    fields = (batch.token_ids, batch.type_ids, batch.position_ids, batch.side, batch.mask)
    with torch.no_grad():
        expected = classifier(batch, tasks)
        got = FoldedClassifier(classifier)(*fields, tasks)
    assert expected.max() - expected.min() > 0.05
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    after = classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in after)
    assert all(parameter.requires_grad for parameter in classifier.parameters())
