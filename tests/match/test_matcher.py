import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from yanmo.data.tasks import Task, TaskSet
from yanmo.encode import EncoderConfig, ModelType
from yanmo.errors import InputError
from yanmo.match.architecture import Architecture, HeadKind
from yanmo.match.decisions import Calibration, Decision, MatchingFile
from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
from yanmo.match.matcher import Matcher
from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天气不错我们去公园学生"]
PAIRS = [("今天天气不错", "天气"), ("", "我们"), ("我们去公园" * 3, "学生去公园"), ("学", "园")]


def _matcher(*, n_positions=300, **changes):
    architecture = Architecture(
        **{"layout": PairLayout.SIDES, "joint_from": 1, "condition_width": 4, "head_width": 6} | changes
    )
    config = EncoderConfig(ModelType.BERT, len(TOKENS), 8, 8, 2, 2, 12, n_positions)
    classifier = build_classifier(config, architecture, n_tasks=2)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    tokenizer = WordTokenizer(Vocabulary(TOKENS), segmenter=CharacterSegmenter())
    tasks = TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict")))
    decisions = {"strict": Decision(threshold=0.3, calibration=Calibration(scale=2.0, bias=-1.0))}
    matching = MatchingFile(task_set=tasks, decisions=decisions, model=architecture.model_dump(mode="json"))
    encoder = PairEncoder(tokenizer, layout=architecture.layout)
    return Matcher(TorchEngine(classifier, config, max_tokens=40), encoder, matching)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"head": HeadKind.POOLED},
        {"head": HeadKind.CLASSIFICATION},
        {"separate_heads": True, "conditional_from": None},
        {"conditional_from": None},
        {"conditional_from": 1},
        {"layout": PairLayout.JOINT},
    ],
)
def test_a_saved_matcher_scores_the_same(tmp_path, changes):
    matcher = _matcher(**changes)
    matcher.save_pretrained(tmp_path / "run")
    loaded = Matcher.from_pretrained(tmp_path / "run")
    for task in ("loose", "strict"):
        # Not bit for bit: tensors read from a file lie at other addresses, and kernels differ by alignment.
        np.testing.assert_allclose(loaded.logits(PAIRS, task=task), matcher.logits(PAIRS, task=task), atol=1e-6)


def test_an_alignment_head_without_its_distance_is_of_a_folder_that_had_none(tmp_path):
    matcher = _matcher(head=HeadKind.ALIGNMENT)
    torch.nn.init.zeros_(matcher.engine.classifier.head.distance.weight)
    matcher.save_pretrained(tmp_path / "run")
    file = tmp_path / "run" / "model.safetensors"
    tensors = load_file(file)
    del tensors["matching.head.distance.weight"]
    save_file(tensors, file)
    (tmp_path / "run" / "files.json").unlink()
    loaded = Matcher.from_pretrained(tmp_path / "run")
    np.testing.assert_allclose(loaded.logits(PAIRS, task="loose"), matcher.logits(PAIRS, task="loose"), atol=1e-6)


def test_scores_keep_their_order_and_are_the_same_alone_or_together():
    matcher = _matcher()
    together = matcher.logits(PAIRS, task="loose")
    alone = [matcher.logits([pair], task="loose")[0] for pair in PAIRS]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert len(set(np.round(together, 4))) == len(PAIRS)
    assert matcher.logits([], task="loose").shape == (0,)


def test_probabilities_and_decisions_follow_the_stored_calibration_and_threshold():
    matcher = _matcher()
    logits = matcher.logits(PAIRS, task="strict").astype(float)
    expected = 1 / (1 + np.exp(-(2 * logits - 1)))
    np.testing.assert_allclose(matcher.score(PAIRS, task="strict"), expected, atol=1e-6)
    assert matcher.decide(PAIRS, task="strict").tolist() == (expected >= 0.3).tolist()
    everything = matcher.score_all(PAIRS)
    assert list(everything) == ["loose", "strict"]
    np.testing.assert_allclose(everything["strict"], matcher.score(PAIRS, task="strict"), atol=1e-6)
    assert not np.allclose(everything["loose"], 1 / (1 + np.exp(-logits)))


def test_an_unknown_task_and_a_full_folder_are_refused(tmp_path):
    matcher = _matcher()
    with pytest.raises(InputError, match=r"loose.*strict"):
        matcher.score(PAIRS, task="other")
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="exists and is not empty"):
        matcher.save_pretrained(tmp_path)


NORM = "encoder.layer.1.output.LayerNorm.weight_map"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {k: v for k, v in t.items() if k != "matching.task_bias"}, "'matching.task_bias' is missing"),
        (lambda t: t | {"matching.task_bias": torch.zeros(3)}, r"'matching.task_bias' has the shape \[3\]"),
        (lambda t: t | {"encoder.layer.7.x": torch.zeros(3)}, "'encoder.layer.7.x' is no part of this matcher"),
        (lambda t: t | {"matching.extra": torch.zeros(3)}, "'matching.extra' is no part of this matcher"),
        (lambda t: t | {"matching.task_bias": torch.tensor([0.0, float("nan")])}, "'matching.task_bias' has values"),
        (lambda t: t | {NORM: torch.full_like(t[NORM], -float("inf"))}, f"'{NORM}' has values"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, change, message):
    _matcher().save_pretrained(tmp_path / "run")
    path = tmp_path / "run" / "model.safetensors"
    save_file(change(load_file(path)), path)
    (tmp_path / "run" / "files.json").unlink()
    with pytest.raises(InputError, match=message):
        Matcher.from_pretrained(tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layout": "bogus"}, "model.layout: Input should be"),
        ({"head_width": 0}, "model.head_width: Input should be greater than 0"),
        ({"condition_width": "x"}, "model.condition_width: "),
        ({"joint_from": None}, "model.joint_from: "),
    ],
)
def test_a_model_that_cannot_be_built_is_named(tmp_path, changes, words):
    _matcher().save_pretrained(tmp_path / "run")
    path = tmp_path / "run" / "matching.json"
    values = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(values | {"model": values["model"] | changes}), "utf-8")
    (tmp_path / "run" / "files.json").unlink()
    with pytest.raises(InputError, match=rf"matching\.json: {words}"):
        Matcher.from_pretrained(tmp_path / "run")


def test_the_encoder_of_a_saved_matcher_is_a_plain_hugging_face_one(tmp_path):
    _matcher().save_pretrained(tmp_path / "run")
    names = set(load_file(tmp_path / "run" / "model.safetensors"))
    assert {"embeddings.word_embeddings.weight", "encoder.layer.1.output.LayerNorm.weight_map"} <= names
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model_type"] == "bert"


def test_more_positions_than_the_encoder_has_are_refused():
    with pytest.raises(InputError, match="a pair has 102 positions, the encoder 64"):
        _matcher(n_positions=64).logits([("今" * 100, "天")], task="loose")


def test_a_folder_whose_budgets_go_beyond_its_positions_does_not_load(tmp_path):
    """One that loads would score until the first long pair comes."""
    for layout, n_positions in ((PairLayout.SIDES, 254), (PairLayout.JOINT, 256)):
        folder = tmp_path / layout.value
        _matcher(layout=layout, n_positions=n_positions).save_pretrained(folder / "enough")
        longest = Matcher.from_pretrained(folder / "enough")
        for pair in (("今" * 300, ""), ("今" * 300, "天" * 300)):
            assert np.isfinite(longest.score([pair], task="loose")).all()
        _matcher(layout=layout, n_positions=n_positions - 1).save_pretrained(folder / "less")
        with pytest.raises(
            InputError, match=rf"matching\.json: the budget of task 'loose', 128 and 128 .* {n_positions} p"
        ):
            Matcher.from_pretrained(folder / "less")


def test_push_to_hub_uploads_a_folder_that_loads(monkeypatch):
    import huggingface_hub

    seen = {}

    class Api:
        def __init__(self, token):
            seen["token"] = token

        def create_repo(self, repo_id, *, private, exist_ok):
            seen["made"] = (repo_id, private, exist_ok)

        def upload_folder(self, *, repo_id, folder_path):
            seen["logits"] = Matcher.from_pretrained(folder_path).logits(PAIRS, task="strict")
            return type("Commit", (), {"commit_url": f"https://hub/{repo_id}"})

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    matcher = _matcher()
    assert matcher.push_to_hub("me/pairs", private=True, token="t") == "https://hub/me/pairs"
    assert (seen["token"], seen["made"]) == ("t", ("me/pairs", True, True))
    np.testing.assert_allclose(seen["logits"], matcher.logits(PAIRS, task="strict"), atol=1e-6)


def test_a_name_that_is_no_folder_is_fetched_from_the_hub(monkeypatch, tmp_path):
    import huggingface_hub

    matcher = _matcher()
    matcher.save_pretrained(tmp_path / "run")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: str(tmp_path / "run"))
    loaded = Matcher.from_pretrained("me/pairs")
    np.testing.assert_allclose(loaded.logits(PAIRS, task="strict"), matcher.logits(PAIRS, task="strict"), atol=1e-6)

    def offline(name, **_):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(InputError, match=r"me/pairs.*hub"):
        Matcher.from_pretrained("me/pairs")
