"""Ways that bend the gradient: what each is at a strength that bends nothing, and the whole study in its quick form."""

import json
from dataclasses import replace

import pytest
import torch

pytest.importorskip("matplotlib")

from rich.console import Console

from yanmo.study.classification_tasks import ClassificationTask
from yanmo.study.outcome import save_outcome
from yanmo.study.penalty_strength.study import run_penalty_strength
from yanmo.study.penalty_strength.summary import summarize
from yanmo.study.penalty_strength.training import Arm, StrengthPlan, StrengthRun, Way, train_arms

NOTHING = (Arm(Way.PENALTY, 0.0), Arm(Way.SAM, 0.0), Arm(Way.RATE, 1.0), Arm(Way.BATCH, 1000.0))
PLAN = StrengthPlan(rate=0.5, total_time=20.0, n_train=30, hidden_width=4, arms=NOTHING, seeds=(0, 1))


def _blobs(n=60):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 3
    inputs = 2 * torch.nn.functional.one_hot(labels, 3) + 0.8 * torch.randn(n, 3, generator=generator)
    return ClassificationTask("blobs", inputs, labels, ("a", "b", "c"), None, lambda: torch.nn.Linear(3, 3))


def _run(way, strength, seed, accuracy):
    return StrengthRun(way, strength, seed, accuracy, accuracy, 0.5, 0.1, 0.01, 2.0)


@pytest.mark.usefixtures("unchecked")
def test_a_strength_that_bends_nothing_is_the_plain_run():
    runs = train_arms(_blobs(), PLAN, on_run=lambda: None)
    assert len(runs) == 2 * 5
    for plain, *others in (runs[:5], runs[5:]):
        assert plain.way is Way.PLAIN
        for other in others:
            assert other.accuracy == plain.accuracy
            assert other.train_loss == pytest.approx(plain.train_loss, rel=1e-5)
            assert other.sharpness == pytest.approx(plain.sharpness, rel=1e-2)
    assert runs[0].train_loss != runs[5].train_loss


def test_a_penalty_leaves_smaller_gradients_and_small_batches_another_path():
    arms = (Arm(Way.PENALTY, 20.0), Arm(Way.SAM, 0.5), Arm(Way.BATCH, 5.0))
    plain, penalty, sam, batch = train_arms(_blobs(), replace(PLAN, arms=arms, seeds=(0,)), on_run=lambda: None)
    assert penalty.sharpness < plain.sharpness
    assert len({run.train_loss for run in (plain, penalty, sam, batch)}) == 4


def test_a_run_that_ends_above_its_start_is_counted_and_in_no_mean():
    plan = replace(PLAN, rate=1.0, total_time=50.0, arms=(Arm(Way.PENALTY, 1e9),), seeds=(0,))
    blown = train_arms(_blobs(), plan, on_run=lambda: None)[1]
    assert blown.accuracy is None
    runs = [_run(Way.PLAIN, 0.0, seed, 0.9) for seed in (0, 1, 2)]
    runs += [
        _run(Way.SAM, 0.1, 0, 0.92),
        _run(Way.SAM, 0.1, 1, 0.94),
        replace(blown, way=Way.SAM, strength=0.1, seed=2),
    ]
    found = summarize(runs, replace(PLAN, arms=(Arm(Way.SAM, 0.1),), seeds=(0, 1, 2)))["rows"][1]
    assert found["diverged"] == 1
    assert found["accuracy"]["mean"] == pytest.approx(0.93)


def test_gains_are_paired_within_seeds():
    runs = [_run(Way.PLAIN, 0.0, seed, 0.5 + 0.1 * seed) for seed in range(4)]
    runs += [_run(Way.RATE, 2.0, seed, 0.51 + 0.1 * seed) for seed in range(4)]
    gain = summarize(runs, replace(PLAN, arms=(Arm(Way.RATE, 2.0),), seeds=(0, 1, 2, 3)))["rows"][1]["accuracy_gain"]
    assert (gain["mean"], gain["high"] - gain["low"]) == pytest.approx((0.01, 0), abs=1e-9)


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_compares_every_arm(tmp_path):
    outcome = run_penalty_strength(quick=True, data=None, console=Console(quiet=True))
    written = save_outcome(outcome, tmp_path, quick=True, seconds=1.0)
    assert [path.name for path in written] == ["penalty_strength.json", "penalty_strength_accuracy.png"]
    for task in json.loads(written[0].read_text())["numbers"]["tasks"].values():
        assert [row["way"] for row in task["rows"]] == ["plain", "penalty", "penalty", "sam", "rate", "batch"]
        for row in task["rows"]:
            assert row["accuracy_gain"]["low"] <= row["accuracy_gain"]["mean"] <= row["accuracy_gain"]["high"]
        assert task["rows"][0]["accuracy_gain"]["mean"] == 0
