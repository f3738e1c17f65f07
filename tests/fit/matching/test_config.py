from pathlib import Path

import pytest

from yanmo.errors import InputError
from yanmo.fit.matching.config import TrainConfig, load_train_config
from yanmo.fit.pretraining.config import load_pretrain_config

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("s[ot]*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_load(recipe):
    config = load_train_config(recipe)
    assert config.architecture.joint_from >= config.frozen_layers  # else the frozen states could not be kept


def test_there_are_recipes():
    assert {path.name for path in RECIPES} >= {"sohu_small.yaml", "standards.yaml"}


def test_file_then_overrides(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("n_epochs: 2\narchitecture: {joint_from: 3, prefix: 'query: '}\n", encoding="utf-8")
    config = load_train_config(file, overrides=["architecture.joint_from=1", "learning_rate=1e-3", "patience=null"])
    assert (config.n_epochs, config.architecture.joint_from, config.architecture.prefix) == (2, 1, "query: ")
    assert config.learning_rate == 1e-3
    assert config.head_rate == 1e-2
    assert config.patience is None
    assert TrainConfig.model_validate(config.model_dump(mode="json")) == config


def test_what_was_set_can_be_told_from_what_was_not(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("architecture: {joint_from: 0}\n", encoding="utf-8")
    config = load_train_config(file, overrides=["architecture.prefix=''", "regularizers.pgd.n_steps=3"])
    assert config == TrainConfig()
    assert config.architecture.model_fields_set == {"joint_from", "prefix"}
    assert config.model_fields_set == {"architecture", "regularizers"}
    assert load_train_config(None).model_fields_set == set()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("n_epochs", "has no '='"),
        ("epochs=3", "there is no setting 'epochs'"),
        ("architecture.joint=3", "there is no setting 'architecture.joint'"),
        ("n_epochs.x=3", "there is no setting 'n_epochs.x'"),
        ("n_epochs=[", "is not YAML"),
        ("n_epochs=-1", "setting n_epochs"),
        ("loss=hinge", "setting loss"),
        ("frozen_layers=2", "a frozen layer cannot learn its condition"),
    ],
)
def test_a_wrong_override_says_what_is_wrong(override, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        load_train_config(None, overrides=[override])


def test_smoothing_is_refused_where_it_would_do_nothing():
    with pytest.raises(InputError, match="label_smoothing"):
        load_train_config(None, overrides=["loss=focal", "label_smoothing=0.1"])


@pytest.mark.parametrize("load", [load_train_config, load_pretrain_config])
def test_a_run_is_saved_at_every_evaluation_unless_more_often_is_asked_for(load):
    assert load(None, overrides=["n_evaluations=7"]).n_saves == 7
    assert load(None, overrides=["n_evaluations=7", "n_checkpoints=14"]).n_saves == 14
    assert load(None, overrides=["n_checkpoints=null"]).n_saves == load(None).n_evaluations
    # Evaluations and checkpoints fall together, so that a run gone on with is evaluated where it would have been.
    assert load(None, overrides=["n_evaluations=7", "n_checkpoints=20"]).n_saves == 21
    assert load(None, overrides=["n_evaluations=7", "n_checkpoints=2"]).n_saves == 7
