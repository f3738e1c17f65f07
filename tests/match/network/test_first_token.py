"""A head that reads the first token only lets the last layer leave out the others: same logits, same gradients."""

import pytest
import torch

from yanmo.encode import EncoderConfig, ModelType, TokenBatch
from yanmo.match import Architecture, HeadKind
from yanmo.match.engines.torch_engine import build_classifier
from yanmo.tokenize import PairLayout

CONFIG = EncoderConfig(
    model_type=ModelType.BERT,
    vocab_size=11,
    width=8,
    embedding_width=8,
    n_layers=3,
    n_heads=2,
    inner_width=12,
    n_positions=16,
    dropout_prob=0.0,
)


@pytest.fixture
def batch():
    torch.manual_seed(1)
    mask = torch.arange(6) < torch.tensor([[6], [4], [5]])
    side = ((torch.arange(6) >= 2) & mask).long()
    return TokenBatch(
        torch.randint(0, 11, (3, 6)), torch.zeros(3, 6, dtype=torch.long), torch.arange(6).expand(3, 6), side, mask
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"conditional_from": None},
        {"separate_heads": True},
        {"layout": PairLayout.SIDES, "joint_from": 2},
        {"layout": PairLayout.SIDES, "joint_from": 3},
        {"attention": "taylor2"},
    ],
)
@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ROFORMER, ModelType.NEZHA])
@pytest.mark.parametrize("head", [HeadKind.POOLED, HeadKind.CLASSIFICATION])
def test_logits_and_gradients_are_those_of_computing_every_token(batch, settings, model_type, head):
    if model_type is ModelType.NEZHA and "attention" in settings:
        pytest.skip("relative positions need softmax")
    torch.manual_seed(0)
    config = CONFIG if model_type is ModelType.BERT else EncoderConfig(**{**_fields(CONFIG), "model_type": model_type})
    architecture = Architecture(head=head, head_dropout_prob=0.0, **settings)
    model = build_classifier(config, architecture, n_tasks=2)
    for name, parameter in model.named_parameters():
        if name.endswith(("weight_map", "bias_map")):
            torch.nn.init.normal_(parameter, std=0.3)
    tasks = torch.tensor([0, 1, 1])
    condition = None if model.task_vectors is None else model.task_vectors(tasks)
    slow = model.score_states(model.encoder(batch, condition), tasks, side=batch.side, mask=batch.mask)
    expected = torch.autograd.grad(slow.square().sum(), list(model.parameters()), allow_unused=True)
    quick = model(batch, tasks)
    found = torch.autograd.grad(quick.square().sum(), list(model.parameters()), allow_unused=True)
    torch.testing.assert_close(quick, slow, rtol=0, atol=1e-6)
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_the_last_layer_computes_one_token_a_row_and_only_for_such_a_head(batch):
    seen = []
    for head in (HeadKind.POOLED, HeadKind.INTERACTION, HeadKind.ALIGNMENT):
        model = build_classifier(CONFIG, Architecture(head=head), n_tasks=1)
        for block in model.encoder.blocks:
            block.feed_forward.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
        model(batch, torch.zeros(3, dtype=torch.long))
    assert seen == [6, 6, 1, 6, 6, 6, 6, 6, 6]


def test_states_of_the_last_layer_handed_in_are_read_as_they_are(batch):
    model = build_classifier(CONFIG, Architecture(head=HeadKind.POOLED, head_dropout_prob=0.0), n_tasks=1)
    states, tasks = torch.randn(3, 6, 8), torch.zeros(3, dtype=torch.long)
    logits = model(batch, tasks, states=states, first_layer=3)
    torch.testing.assert_close(logits, model.head(states, None, side=batch.side, mask=batch.mask))


def _fields(config):
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
