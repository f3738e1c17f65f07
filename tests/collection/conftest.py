"""Matchers whose texts never meet: one of characters, without weights, and a tiny one of torch."""

import hashlib

import numpy as np
import pytest

_LETTERS = "今天气不错我们去公园学生怎么退款银行卡绑定解除天津北京三五一二两个钱费用多少abc123，。？！ "


class CharacterEngine:
    """The vector of a text is the sum of its characters' own directions; the logit rises with the cosine.

    Counts what it computes, so that tests see what was not computed twice.
    """

    def __init__(self, *, width=64, steepness=40.0, at=0.8):
        self.width, self.steepness, self.at = width, steepness, at
        self.n_encoded = self.n_scored = 0
        self.is_slow = False
        self._directions = np.random.default_rng(0).normal(size=(4096, width)).astype(np.float32)

    def vectors(self, pairs, task_indices):
        made = np.zeros((len(pairs), 2, self.width), dtype=np.float32)
        for row, pair in enumerate(pairs):
            for side in (0, 1):
                made[row, side] = self._directions[pair.token_ids[pair.side == side]].sum(0)
        self.n_encoded += 2 * len(pairs)
        return made

    def score_vectors(self, first, second, task_indices):
        self.n_scored += len(first)
        u, v = (np.asarray(each, dtype=np.float64) for each in (first, second))
        cosine = (u * v).sum(1) / np.maximum(np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1), 1e-9)
        return (self.steepness * (cosine - self.at) - 2 * np.asarray(task_indices)).astype(np.float32)

    def logits(self, pairs, task_indices):
        both = self.vectors(pairs, task_indices)
        return self.score_vectors(both[:, 0], both[:, 1], task_indices)

    def save(self, folder):
        raise NotImplementedError

    def identity(self):
        from yanmo.match.engines.identity import EngineIdentity

        said = f"{self.width} {self.steepness} {self.at}"
        return EngineIdentity("characters", hashlib.sha256(said.encode()).hexdigest())


def character_matcher(*, symmetric=True, budget=64, **engine):
    """A matcher of `CharacterEngine`: tasks ``loose`` and ``strict``, which implies it, and ``sided``."""
    from yanmo.data import Budget, Task, TaskSet
    from yanmo.match import Architecture, Matcher, MatchingFile
    from yanmo.tokenize import (
        CharacterSegmenter,
        PairEncoder,
        PairLayout,
        TextNormalization,
        Vocabulary,
        WordTokenizer,
    )

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(_LETTERS.replace(" ", ""))]
    each = {"budget": Budget(left=budget, right=budget)}
    tasks = (
        Task(name="loose", symmetric=symmetric, **each),
        Task(name="strict", symmetric=symmetric, implies="loose", **each),
        Task(name="sided", symmetric=False, **each),
    )
    matching = MatchingFile(
        task_set=TaskSet(name="three", tasks=tasks),
        model=Architecture(layout=PairLayout.SIDES, joint_from=2).model_dump(mode="json"),
        normalization=TextNormalization(spell_unknown=False),
    )
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    encoder = PairEncoder(tokenizer, layout=PairLayout.SIDES, normalization=matching.normalization)
    return Matcher(CharacterEngine(**engine), encoder, matching)


@pytest.fixture
def characters():
    """A new matcher of characters."""
    return character_matcher()


@pytest.fixture(scope="session")
def make_characters():
    """Makes matchers of characters."""
    return character_matcher


@pytest.fixture(scope="session")
def alone(tiny_matcher):
    """Makes a matcher of torch whose texts are encoded alone: tasks ``loose`` and ``strict``, which implies it."""
    from yanmo.data import TaskSet

    def make(*, symmetric=True, budget=16, threshold=0.5):
        from yanmo.match import Calibration, Decision, Matcher

        matcher = tiny_matcher(joint_from=2, conditional_from=1, budget=budget)
        loose, strict = matcher.matching.task_set.tasks
        tasks = (
            loose.model_copy(update={"symmetric": symmetric}),
            strict.model_copy(update={"symmetric": symmetric, "implies": "loose"}),
        )
        decisions = {
            "loose": Decision(threshold=threshold / 2),
            "strict": Decision(threshold=threshold, calibration=Calibration(scale=2.0, bias=-1.0)),
        }
        changes = {"task_set": TaskSet(name="two", tasks=tasks), "decisions": decisions}
        return Matcher(matcher.engine, matcher.pair_encoder, matcher.matching.model_copy(update=changes))

    return make


@pytest.fixture(scope="session")
def alone_exported(alone, tmp_path_factory):
    """The same matcher and the folder of its export."""
    from yanmo.export import WeightForm, WeightPlan, export_matcher

    matcher = alone()
    folder = tmp_path_factory.mktemp("alone") / "onnx"
    export_matcher(matcher, folder, plan=WeightPlan.uniform(WeightForm.FLOAT32))
    return matcher, folder
