"""By which steps a run reads its texts: all of them around an encoder, a matcher's own where it goes on from one."""

import json

import pytest
import torch

from yanmo.data import Pair
from yanmo.errors import InputError
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.examples import encode_examples
from yanmo.fit.matching.network import build_network
from yanmo.match import Matcher, MatchingFile
from yanmo.match.engines.torch_engine import TorchEngine
from yanmo.tokenize import TextNormalization

HIDDEN, SHOWN = Pair("今\u200b天", "天氣", 1, None, 1, "pairs"), Pair("今天", "天气", 1, None, 1, "pairs")


def _built(base, tasks, *overrides):
    return build_network(base, task_set=tasks, config=load_train_config(None, overrides=list(overrides)))


@pytest.fixture
def old_matcher(tiny_base, two_tasks, tmp_path):
    """The folder of a matcher that takes no step."""
    config = load_train_config(None, overrides=[])
    model, encoder_config, encoder = _built(
        tiny_base, two_tasks, f"normalization={json.dumps(TextNormalization.none().model_dump())}"
    )
    matching = MatchingFile(task_set=two_tasks, model=config.architecture.model_dump(mode="json"))
    with torch.no_grad():
        Matcher(TorchEngine(model, encoder_config), encoder, matching).save_pretrained(tmp_path / "old")
    return tmp_path / "old"


def test_around_an_encoder_training_reads_by_every_step(tiny_base, two_tasks):
    _, _, encoder = _built(tiny_base, two_tasks)
    assert encoder.normalization == TextNormalization()
    examples = encode_examples({"loose": [HIDDEN, SHOWN]}, task_set=two_tasks, pair_encoder=encoder)
    hidden, shown = examples.encoded
    assert hidden.token_ids.tolist() == shown.token_ids.tolist()
    _, _, encoder = _built(tiny_base, two_tasks, "normalization={to_simplified: false}")
    assert encoder.normalization == TextNormalization(to_simplified=False)


def test_going_on_from_a_matcher_keeps_its_steps_unless_told_otherwise(old_matcher, two_tasks):
    assert _built(old_matcher, two_tasks)[2].normalization == TextNormalization.none()
    assert _built(old_matcher, two_tasks, "normalization={}")[2].normalization == TextNormalization()


def test_tasks_that_are_to_answer_as_before_keep_the_steps(old_matcher, two_tasks):
    assert not _built(old_matcher, two_tasks, "frozen_shared=true")[2].normalization.taken
    with pytest.raises(InputError, match="frozen_shared keeps what the matcher answers"):
        _built(old_matcher, two_tasks, "frozen_shared=true", "normalization={}")
