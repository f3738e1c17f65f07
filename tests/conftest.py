"""One seed for every test that draws, and the tiny matchers that tests of several rooms share."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)


# Imports stand inside: tests of rooms without torch load this file as well.
def _tiny_matcher(*, model_type=None, n_layers=2, **changes):
    import torch

    from yanmo.data import Task, TaskSet
    from yanmo.encode import EncoderConfig, ModelType
    from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
    from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
    from yanmo.tokenize import (
        CharacterSegmenter,
        PairEncoder,
        PairLayout,
        TextNormalization,
        Vocabulary,
        WordTokenizer,
    )

    torch.manual_seed(7)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天气不错我们去公园学生"]
    given = {"layout": PairLayout.SIDES, "joint_from": 1, "condition_width": 4, "head_width": 6}
    architecture = Architecture(**given | changes)
    config = EncoderConfig(model_type or ModelType.BERT, len(tokens), 8, 8, n_layers, 2, 12, 64, pad_id=1)
    classifier = build_classifier(config, architecture, n_tasks=2)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    matching = MatchingFile(
        task_set=TaskSet(name="two", tasks=(Task(name="loose", symmetric=False), Task(name="strict", symmetric=False))),
        decisions={"strict": Decision(threshold=0.3, calibration=Calibration(scale=2.0, bias=-1.0))},
        model=architecture.model_dump(mode="json"),
        normalization=TextNormalization(),
    )
    encoder = PairEncoder(tokenizer, layout=architecture.layout, normalization=matching.normalization)
    return Matcher(TorchEngine(classifier, config), encoder, matching)


@pytest.fixture(scope="session")
def tiny_matcher():
    """Makes a matcher with random torch weights over two tasks."""
    return _tiny_matcher


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A tiny matcher and the folder of its export in float32; not to be changed."""
    from yanmo.export import WeightForm, WeightPlan, export_matcher

    matcher = _tiny_matcher()
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    export_matcher(matcher, folder, plan=WeightPlan.uniform(WeightForm.FLOAT32))
    return matcher, folder


class OverlapEngine:
    """Logit by the share of token ids that the two sides have in common; strict tasks ask for more."""

    def logits(self, pairs, task_indices):
        def share(pair):
            left, right = ({i for i in pair.token_ids[pair.side == side].tolist() if i > 3} for side in (0, 1))
            return len(left & right) / max(len(left | right), 1)

        scores = [6 * share(pair) - 3 - index % 2 for pair, index in zip(pairs, task_indices, strict=True)]
        return np.array(scores, dtype=np.float32)

    def save(self, folder):
        (folder / "model.safetensors").write_bytes(b"none")

    def identity(self):
        from yanmo.match.engines.identity import EngineIdentity

        return EngineIdentity("overlap 1", "none")


@pytest.fixture
def overlap_matcher(tmp_path):
    """A matcher without weights over the six tasks, and its folder."""
    from yanmo.data import TaskSet
    from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
    from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(chr, range(0x4E00, 0x5200))]
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    decisions = {"ssB": Decision(threshold=0.6, calibration=Calibration(scale=2.0), n_examples=9)}
    matching = MatchingFile(
        task_set=TaskSet.load("sohu"), decisions=decisions, model=Architecture().model_dump(mode="json")
    )
    matcher = Matcher(OverlapEngine(), PairEncoder(tokenizer, layout=PairLayout.SIDES), matching)
    matcher.save_pretrained(tmp_path / "overlap")
    return matcher, tmp_path / "overlap"
