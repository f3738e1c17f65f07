import pytest

from yanmo.encode import ConditionPlan, EncoderConfig, ModelType, build_encoder
from yanmo.errors import InputError
from yanmo.fit.matching.parameters import freeze, parameter_groups
from yanmo.layers import ClassificationHead, InteractionHead, LayerNorm
from yanmo.match.network.classifier import PairClassifier


def _model(first_layer=0):
    config = EncoderConfig(ModelType.BERT, 20, 8, 8, 3, 2, 12, 16)
    encoder = build_encoder(config, condition=ConditionPlan(4, first_layer=first_layer))
    return PairClassifier(
        encoder, InteractionHead(8, inner_width=4, norm=LayerNorm(4), dropout_prob=0.0), n_tasks=2, condition_width=4
    )


def test_every_learning_parameter_is_in_one_group_at_its_rate():
    model = _model(first_layer=1)
    freeze(model, n_layers=1, word_embedding=True)
    groups = parameter_groups(model, rate=1.0, new_rate=7.0, layer_decay=0.5, weight_decay=0.1)
    rate = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    assert sum(len(g["params"]) for g in groups) == len(rate)
    assert set(rate) == {id(p) for p in model.parameters() if p.requires_grad}
    assert rate[id(model.encoder.blocks[2].attention.query.weight)] == (1.0, 0.1)
    assert rate[id(model.encoder.blocks[1].attention.query.bias)] == (0.5, 0.0)
    assert rate[id(model.head.out.weight)] == (7.0, 0.1)
    assert rate[id(model.task_vectors.weight)] == (1.0, 0.0)
    assert id(model.encoder.blocks[0].attention.query.weight) not in rate


def test_a_head_that_the_base_brought_learns_as_its_top_layer_does():
    model = _model()
    model.head = ClassificationHead(8, dropout_prob=0.0)
    groups = parameter_groups(model, rate=1.0, new_rate=7.0, layer_decay=0.5, weight_decay=0.1)
    rate = {id(p): g["lr"] for g in groups for p in g["params"]}
    assert {rate[id(parameter)] for parameter in model.head.parameters()} == {1.0}
    assert rate[id(model.task_bias)] == 7.0


def test_freezing_a_conditional_layer_is_refused():
    with pytest.raises(InputError, match="layer 0 is frozen but conditional"):
        freeze(_model(), n_layers=1, word_embedding=False)


def test_what_tasks_share_is_frozen_and_what_is_their_own_learns():
    model = _model()
    freeze(model, n_layers=0, word_embedding=False, shared=True)
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"task_bias", "task_vectors.weight"}


def test_tasks_that_share_everything_are_refused():
    model = _model()
    model.task_vectors = None
    with pytest.raises(InputError, match="tasks share all but their biases"):
        freeze(model, n_layers=0, word_embedding=False, shared=True)
