"""What a matcher scores before its first step is what its base knows."""

import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertModel

from yanmo.data.budget import Budget
from yanmo.data.tasks import Task, TaskSet
from yanmo.export.sequence_classifier import export_task
from yanmo.fit.loop.processes import join_processes
from yanmo.fit.loop.run import open_run
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.encoded_run import encode_run
from yanmo.fit.matching.own_head import settle_head
from yanmo.fit.matching.run import train_matcher
from yanmo.match import Matcher, MatchingFile
from yanmo.match.engines.torch_engine import TorchEngine

CROSS_ENCODERS = [f"{name}ForSequenceClassification" for name in ("Bert", "XLMRoberta", "Roberta")]
BUDGET = Budget(left=140, right=140)
TASKS = TaskSet(
    name="two", tasks=(Task(name="loose", budget=BUDGET), Task(name="strict", symmetric=False, budget=BUDGET))
)
CHARACTERS = "今天气不错我们去公园学生球队赢了输比赛昨晚"
SHORT = ["max_tokens=100000", "n_epochs=0.1", "report_to=[]", "n_evaluations=1"]


def _start(base, make_pairs, out, *overrides, tasks=TASKS):
    """The matcher as `train_matcher` has it before the first step."""
    config, _ = settle_head(base, load_train_config(None, overrides=overrides))
    run = open_run(out, resume=False, finished="matching.json", processes=join_processes(), console=None)
    with run as held:
        made = encode_run(
            make_pairs(6, seed=1), {}, task_set=tasks, base=base, config=config, states=out / "states", run=held
        )
    matching = MatchingFile(
        task_set=tasks,
        model=config.architecture.model_dump(mode="json"),
        normalization=made.pair_encoder.normalization,
    )
    return Matcher(TorchEngine(made.model, made.encoder_config), made.pair_encoder, matching)


def _pairs(n):
    rng = np.random.default_rng(0)
    draw = lambda: "".join(rng.choice(list(CHARACTERS), rng.integers(0, 45)))  # noqa: E731
    return [(draw(), draw()) for _ in range(n)]


def _own_logits(folder, pairs):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        each = [model.eval()(**tokenizer(a, b, return_tensors="pt")).logits.flatten() for a, b in pairs]
    return torch.cat(each).numpy()


@pytest.mark.parametrize("name", CROSS_ENCODERS)
@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["architecture.separate_heads=true", "architecture.conditional_from=1"],
        ["architecture.conditional_from=null", "architecture.layout=joint", "frozen_layers=1"],
    ],
    ids=["default", "heads of their own", "no condition"],
)
def test_every_task_scores_as_the_cross_encoder_does(cross_encoder, make_pairs, tmp_path, name, overrides):
    base, pairs = cross_encoder(name), _pairs(50)
    matcher = _start(base, make_pairs, tmp_path / "run", *overrides)
    for task in TASKS.tasks:
        # A symmetric task reads the shorter text first, and the base is asked the same.
        read = matcher.pair_encoder.in_reading_order(pairs, budget=task.pair_budget)
        expected = _own_logits(base, read)
        assert np.ptp(expected) > 0.1
        np.testing.assert_allclose(matcher.logits(pairs, task=task.name), expected, atol=1e-5)
        tokenizer = AutoTokenizer.from_pretrained(base)
        rows = matcher.pair_encoder.encode_batch(read, budgets=task.pair_budget)
        for encoded, (a, b) in zip(rows, read, strict=True):
            theirs = tokenizer(a, b)
            assert encoded.token_ids.tolist() == theirs.input_ids
            assert encoded.type_ids.tolist() == theirs.get("token_type_ids", [0] * len(encoded))


@pytest.mark.parametrize("name", CROSS_ENCODERS)
def test_one_step_moves_the_logits(cross_encoder, make_pairs, tmp_path, name):
    base, pairs = cross_encoder(name), _pairs(20)
    settings = load_train_config(None, overrides=[*SHORT, "warmup=0", "learning_rate=0.01", "average_decay=null"])
    summary = train_matcher(
        make_pairs(24, seed=1), {}, task_set=TASKS, base=base, out=tmp_path / "run", config=settings
    )
    assert summary.step == 1
    matcher = Matcher.from_pretrained(tmp_path / "run")
    assert matcher.matching.model["head"] == "classification"
    moved = np.abs(matcher.logits(pairs, task="strict") - _own_logits(base, pairs))
    assert moved.min() > 1e-5
    assert np.median(moved) > 1e-2


@pytest.mark.parametrize("name", CROSS_ENCODERS)
def test_a_cross_encoder_put_in_comes_out_and_goes_in_again(cross_encoder, make_pairs, tmp_path, name):
    base, pairs = cross_encoder(name), _pairs(20)
    expected = _own_logits(base, pairs)
    export_task(_start(base, make_pairs, tmp_path / "run"), tmp_path / "out", task="strict")
    np.testing.assert_allclose(_own_logits(tmp_path / "out", pairs), expected, atol=1e-5)
    again = _start(tmp_path / "out", make_pairs, tmp_path / "again")
    np.testing.assert_allclose(again.logits(pairs, task="strict"), expected, atol=1e-5)


@pytest.mark.parametrize("head", ["interaction", "alignment"])
def test_around_an_encoder_pairs_rank_as_the_cosine_of_its_mean_vectors(
    tiny_base, two_tasks, make_pairs, tmp_path, head
):
    apart = ["architecture.layout=sides", "architecture.joint_from=3", f"architecture.head={head}"]
    pairs = [(a[:20], b[:20]) for a, b in _pairs(60) if min(len(a), len(b)) > 1]  # none is cut
    matcher = _start(tiny_base, make_pairs, tmp_path / "run", *apart, tasks=two_tasks)
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_base), BertModel.from_pretrained(tiny_base).eval()

    def vector(text):
        with torch.inference_mode():
            return model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)

    cosines = [float(torch.cosine_similarity(vector(a), vector(b), dim=0)) for a, b in pairs]
    for task in two_tasks.names:
        assert np.array_equal(np.argsort(matcher.logits(pairs, task=task)), np.argsort(cosines))


@pytest.mark.parametrize(("evaluated", "n_epochs"), [(True, 2), (False, 0.1)])
def test_a_task_that_ends_below_its_start_is_named(tiny_base, two_tasks, make_pairs, tmp_path, evaluated, n_epochs):
    said = Console(file=io.StringIO(), width=200)
    validation = make_pairs(18, seed=2)
    # What is learned is the opposite of what is judged, so that both tasks have to fall.
    taught = {
        task: [type(p)(p.text0, p.text1, 1 - p.label, None, i + 1, f"{task}.txt") for i, p in enumerate(rows)]
        for task, rows in make_pairs(60, seed=1).items()
    }
    overrides = ["architecture.layout=sides", "architecture.joint_from=3", "learning_rate=1e-2", f"n_epochs={n_epochs}"]
    overrides += ["max_tokens=200", "report_to=[]", "n_evaluations=1", f"evaluate_start={str(evaluated).lower()}"]
    train_matcher(
        taught,
        validation,
        task_set=two_tasks,
        base=tiny_base,
        out=tmp_path / "run",
        config=load_train_config(None, overrides=overrides),
        console=said,
    )
    history = [json.loads(line) for line in (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()]
    written = json.loads((tmp_path / "run" / "validation.json").read_text())
    lines = [line for line in said.file.getvalue().splitlines() if "低于训练前" in line]
    assert [entry["step"] == 0 for entry in history] == [True, False][not evaluated :]
    if not evaluated:
        assert written["start_auc"] == {}
        assert lines == []
        return
    start = {name: task["auc"] for name, task in history[0]["tasks"].items()}
    assert written["start_auc"] == start
    for name, before in start.items():
        after = written["tasks"][name]["auc"]
        assert after < before
        assert any(f"任务 {name} 的 AUC 训练后是 {after:.4f}，低于训练前的 {before:.4f}" in line for line in lines)
