import json

import numpy as np
import pytest
from safetensors.torch import load_file

from yanmo.data import Budget, Task, TaskSet, Windows
from yanmo.evaluate import fit_decisions, score_split
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher
from yanmo.match import Matcher

SHORT = ["max_tokens=80", "n_epochs=0.5", "report_to=[]", "n_evaluations=1", "learning_rate=1e-3"]


def _train(base, make_pairs, out, *, windows):
    tasks = TaskSet(
        name="two",
        tasks=(
            Task(name="loose", standard="A", budget=Budget(left=6, right=6, windows=windows)),
            Task(name="strict", standard="B", budget=Budget(left=6, right=6)),
        ),
    )
    validation = make_pairs(18, seed=2)
    train_matcher(
        make_pairs(24, seed=1),
        validation,
        task_set=tasks,
        base=base,
        out=out,
        config=load_train_config(None, overrides=SHORT),
    )
    return Matcher.from_pretrained(out), validation


def test_thresholds_are_chosen_on_what_windows_score(tiny_base, make_pairs, tmp_path):
    windows = Windows(pool="max", at_most=3, overlap=0.3)
    cut, _ = _train(tiny_base, make_pairs, tmp_path / "cut", windows=None)
    matcher, validation = _train(tiny_base, make_pairs, tmp_path / "windowed", windows=windows)
    # Training itself reads every pair once, within the budget, with or without windows.
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("cut", "windowed"))
    for name, tensor in before.items():
        np.testing.assert_allclose(after[name], tensor, atol=1e-6)
    scores = score_split(matcher, validation)
    assert not np.allclose(scores[0].logits, score_split(cut, validation)[0].logits, atol=1e-3)
    rules, judged = fit_decisions(scores)
    for task in scores:
        found, expected = matcher.matching.decision(task.task), rules[task.task]
        np.testing.assert_allclose(found.threshold, expected.threshold, atol=1e-3)
        np.testing.assert_allclose(found.calibration.scale, expected.calibration.scale, rtol=1e-3)
        np.testing.assert_allclose(found.calibration.bias, expected.calibration.bias, atol=1e-3)
        assert found.n_examples == len(task)
    written = json.loads((tmp_path / "windowed" / "validation.json").read_text())
    assert written["official"]["f1"] == pytest.approx(judged.official.f1)
    # The task that has no windows decides as it would if no other had any.
    before, after = (
        {name: each.matching.decision(name).calibration for name in ("loose", "strict")} for each in (cut, matcher)
    )
    assert (before["strict"] == after["strict"], before["loose"] == after["loose"]) == (True, False)
