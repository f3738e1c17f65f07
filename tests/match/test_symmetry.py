"""A pair and the same pair swapped, under standards for which that is one question and under others."""

import numpy as np
import pytest
import torch

from yanmo.data import Budget, Task, TaskSet
from yanmo.match import HeadKind, Matcher, MatchingFile
from yanmo.tokenize import PairLayout

CHARACTERS = "今天气不错我们去公园学生"


def _pairs(n):
    rng = np.random.default_rng(0)
    draw = lambda: "".join(rng.choice(list(CHARACTERS), rng.integers(0, 30)))  # noqa: E731
    return [(draw(), draw()) for _ in range(n)]


def _with_tasks(matcher, *, left=9, **changes):
    tasks = tuple(Task(name=name, budget=Budget(left=left, right=16), **changes) for name in ("loose", "strict"))
    matching = matcher.matching.model_copy(update={"task_set": TaskSet(name="two", tasks=tasks)})
    return Matcher(matcher.engine, matcher.pair_encoder, matching)


@pytest.mark.parametrize(
    "changes",
    [
        {"joint_from": 2, "conditional_from": 0},
        {"joint_from": 1},
        {"joint_from": 0, "layout": PairLayout.JOINT, "head": HeadKind.MEAN},
        {"joint_from": 2, "head": HeadKind.ALIGNMENT},
    ],
    ids=["apart", "joint above", "joint", "alignment"],
)
def test_a_symmetric_standard_scores_a_swapped_pair_bit_for_bit_alike(tiny_matcher, changes):
    matcher, pairs = _with_tasks(tiny_matcher(**changes)), _pairs(1000)
    swapped = [pair[::-1] for pair in pairs]
    for task in ("loose", "strict"):
        assert np.array_equal(matcher.logits(pairs, task=task), matcher.logits(swapped, task=task))


def test_a_standard_that_is_not_symmetric_tells_the_sides_apart(tiny_matcher):
    pairs = [pair for pair in _pairs(50) if pair[0] != pair[1]]
    swapped = [pair[::-1] for pair in pairs]
    matcher = _with_tasks(tiny_matcher(joint_from=2, side_vectors=True), left=16, symmetric=False)
    classifier = matcher.engine.classifier
    classifier.is_sided.copy_(torch.tensor([1.0, 0.0]))
    differ = [np.abs(matcher.logits(pairs, task=t) - matcher.logits(swapped, task=t)) for t in ("loose", "strict")]
    assert np.median(differ[0]) > 1e-2
    assert differ[1].max() < 1e-5, "its vector of the side is not used"


def test_a_folder_of_version_1_reads_its_pairs_as_they_stand(tiny_matcher, tmp_path):
    import json

    matcher = tiny_matcher(joint_from=0)
    matcher.save_pretrained(tmp_path / "m")
    file = tmp_path / "m" / "matching.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    assert values["format_version"] == 2
    values["format_version"] = 1
    for task in values["task_set"]["tasks"]:
        del task["symmetric"]
    file.write_text(json.dumps(values), encoding="utf-8")
    assert [task.symmetric for task in MatchingFile.load(tmp_path / "m").task_set.tasks] == [False, False]


def test_side_vectors_are_saved_folded_and_loaded(tiny_matcher, tmp_path):
    from yanmo.export.folded import FoldedClassifier
    from yanmo.match.engines.torch_engine import collate

    matcher = _with_tasks(tiny_matcher(joint_from=2, side_vectors=True), symmetric=False)
    matcher.engine.classifier.is_sided.copy_(torch.tensor([1.0, 0.0]))
    matcher.save_pretrained(tmp_path / "m")
    again, pairs = Matcher.from_pretrained(tmp_path / "m"), _pairs(20)
    encoded = matcher.rows(pairs, tasks=["loose", "strict"])
    batch, tasks = collate(encoded.rows, pad_id=1), torch.tensor(encoded.row_tasks)
    with torch.inference_mode():
        folded = FoldedClassifier(matcher.engine.classifier)(
            batch.token_ids, batch.type_ids, batch.position_ids, batch.side, batch.mask, tasks
        )
    for index, task in enumerate(("loose", "strict")):
        expected = matcher.logits(pairs, task=task)
        np.testing.assert_array_equal(again.logits(pairs, task=task), expected)
        np.testing.assert_allclose(folded.numpy()[index::2], expected, atol=1e-5)
