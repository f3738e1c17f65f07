import numpy as np
import pytest

from yanmo.data import Budget, Task, TaskSet, Windows
from yanmo.errors import InputError
from yanmo.export.onnx_export import export_matcher
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.match import Matcher
from yanmo.tokenize import PairLayout

LONG = "今天天气不错我们去公园学生去公园今天"
PAIRS = [("天气", "今天不错"), (LONG, "公园"), ("学生", LONG[::-1]), (LONG[:12], LONG[3:]), ("", LONG)]
LIMITS = {"left": 8, "right": 10, "head": 0.5}


@pytest.fixture(params=[PairLayout.SIDES, PairLayout.JOINT])
def windowed(request, tiny_matcher):
    """A matcher whose tasks take the maximum and the mean of at most three windows, and the same without windows."""
    plain = tiny_matcher(layout=request.param)
    return _with_budgets(
        plain, Windows(pool="max", at_most=3, overlap=0.2), Windows(pool="mean", at_most=3, overlap=0.2)
    ), _with_budgets(plain, None, None)


def _with_budgets(matcher, *windows):
    tasks = tuple(
        Task(name=name, symmetric=False, budget=Budget(**LIMITS, windows=each))
        for name, each in zip(("loose", "strict"), windows, strict=True)
    )
    matching = matcher.matching.model_copy(update={"task_set": TaskSet(name="two", tasks=tasks)})
    return Matcher(matcher.engine, matcher.pair_encoder, matching)


def _cuts(text, width, reach, step):
    """The windows of a text by a slow loop over places; a token is a character."""
    if len(text) <= width:
        return [text]
    if len(text) > reach:
        head = round(reach / 2)
        text = text[:head] + text[len(text) - (reach - head) :]
    n = 1
    while width + n * step < len(text):
        n += 1
    return [text[(len(text) - width) * i // n :][:width] for i in range(n + 1)]


def _expected(plain, pair, *, task, pool):
    a, b = pair
    n_special = 3 if plain.pair_encoder.layout is PairLayout.JOINT else 4
    rooms = [8 - 2, 10 - (n_special - 2)]
    rooms = [rooms[0] + max(0, rooms[1] - len(b)), rooms[1] + max(0, rooms[0] - len(a))]
    steps = [room - int(np.ceil(room * 0.2)) for room in rooms]
    lefts, rights = (
        _cuts(text, room, room + 2 * step, step) for text, room, step in zip((a, b), rooms, steps, strict=True)
    )
    n = max(len(lefts), len(rights))
    pieces = [(lefts[i * len(lefts) // n], rights[i * len(rights) // n]) for i in range(n)]
    return pool(plain.logits(pieces, task=task)), n


def test_a_pairs_logit_is_that_of_its_windows_scored_as_pairs(windowed):
    matcher, plain = windowed
    for task, pool in (("loose", np.max), ("strict", np.mean)):
        expected = [_expected(plain, pair, task=task, pool=pool) for pair in PAIRS]
        assert {n for _, n in expected} >= {1, 3}
        found = matcher.logits(PAIRS, task=task)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, [value for value, _ in expected], atol=1e-5)
        assert not np.allclose(found, plain.logits(PAIRS, task=task), atol=1e-3)
        np.testing.assert_allclose(found[:1], plain.logits(PAIRS[:1], task=task), atol=1e-6)


def test_every_way_of_scoring_uses_the_windows(windowed):
    matcher, _ = windowed
    everything = matcher.score_all(PAIRS)
    for task in ("loose", "strict"):
        rule = matcher.matching.decision(task)
        probabilities = rule.calibration.probabilities(matcher.logits(PAIRS, task=task))
        np.testing.assert_allclose(matcher.score(PAIRS, task=task), probabilities, atol=1e-6)
        np.testing.assert_allclose(everything[task], probabilities, atol=1e-5)
        assert matcher.decide(PAIRS, task=task).tolist() == (probabilities >= np.float32(rule.threshold)).tolist()
        alone = [matcher.score([pair], task=task)[0] for pair in PAIRS]
        np.testing.assert_allclose(alone, probabilities, atol=1e-5)
        assert matcher.logits([], task=task).shape == (0,)
    assert {name: each.shape for name, each in matcher.score_all([]).items()} == {"loose": (0,), "strict": (0,)}


def test_one_task_in_windows_and_one_cut(windowed):
    matcher, plain = windowed
    mixed = _with_budgets(plain, None, Windows(pool="mean", at_most=3, overlap=0.2))
    scores = mixed.score_all(PAIRS)
    np.testing.assert_allclose(scores["loose"], plain.score(PAIRS, task="loose"), atol=1e-5)
    np.testing.assert_allclose(scores["strict"], matcher.score(PAIRS, task="strict"), atol=1e-5)


def test_rows_say_what_was_read(windowed):
    matcher, _ = windowed
    encoded = matcher.rows(PAIRS, tasks=["strict", "loose"])
    assert len(encoded.rows) == len(encoded.row_tasks) == sum(len(r.windows) for pair in encoded.pairs for r in pair)
    assert encoded.row_tasks[:2] == [1, 0]
    for (a, b), tasks in zip(PAIRS, encoded.pairs, strict=True):
        for windowed in tasks:
            assert np.add(windowed.n_read, windowed.n_cut).tolist() == [len(a), len(b)]
    with pytest.raises(InputError, match="'other'"):
        matcher.rows(PAIRS, tasks=["loose", "other"])


def test_kept_texts_score_alike_in_windows(tiny_matcher):
    matcher = _with_budgets(tiny_matcher(n_layers=3, joint_from=2), *[Windows(pool="max", at_most=3)] * 2)
    before = matcher.score_all(PAIRS)
    assert matcher.encode_texts([LONG, "公园"]) > 0
    for task, scores in matcher.score_all(PAIRS).items():
        np.testing.assert_allclose(scores, before[task], atol=1e-6)


def test_long_texts_are_computed_once_for_all_they_are_paired_with(tiny_matcher):
    matcher = _with_budgets(tiny_matcher(n_layers=3, joint_from=3), *[Windows(pool="max", at_most=4, overlap=0.2)] * 2)
    n_tokens = []
    block = matcher.engine.classifier.encoder.blocks[0]
    block.register_forward_hook(lambda module, given, output: n_tokens.append(output.shape[0] * output.shape[1]))
    others = [LONG[:12], LONG[2:15], LONG[4:]]
    matcher.logits([(LONG, other) for other in others], task="loose")
    together = sum(n_tokens)
    n_tokens.clear()
    rows = [row for other in others for row in matcher.rows([(LONG, other)], tasks=["loose"]).rows]
    apart = {tuple(row.token_ids[row.side == side].tolist()) for row in rows for side in (0, 1)}
    assert together == sum(map(len, apart))
    # Four windows of eight tokens of the text that they share.
    assert len({tuple(row.token_ids[row.side == 0].tolist()) for row in rows}) == 4


def test_folders_and_graphs_of_all_tasks_keep_the_windows(tiny_matcher, tmp_path):
    matcher = _with_budgets(tiny_matcher(), Windows(pool="max", at_most=3), Windows(pool="mean", at_most=2))
    matcher.save_pretrained(tmp_path / "run")
    export_matcher(matcher, tmp_path / "graph", plan=WeightPlan.uniform(WeightForm.FLOAT32))
    for folder in ("run", "graph"):
        loaded = Matcher.from_pretrained(tmp_path / folder)
        assert loaded.matching.task_set == matcher.matching.task_set
        for task in ("loose", "strict"):
            np.testing.assert_allclose(loaded.logits(PAIRS, task=task), matcher.logits(PAIRS, task=task), atol=1e-4)
