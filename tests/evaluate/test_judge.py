import json

import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.evaluate import (
    TaskScores,
    fit_decision,
    judge_across_halves,
    judge_stored,
    roc_auc,
)
from yanmo.match.decisions import Decision


def _draw(n, *, seed, shift=2.0, share=0.3):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < share
    return labels, rng.normal(size=n) + shift * labels


def _task(name, standard, **arguments):
    return TaskScores(name, standard, *_draw(**arguments))


def test_stored_rules_are_judged_by_plain_counting():
    labels, logits = np.array([1, 1, 0, 0, 1]), np.array([2.0, -1.0, 1.0, -2.0, 3.0])
    judged = judge_stored([TaskScores("ssA", "A", labels, logits, base_rate=0.2)], {"ssA": Decision(threshold=0.5)})
    report = judged.tasks["ssA"]
    assert (report.precision, report.recall, report.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert judged.official.standards == {"A": report.f1}
    assert report.f1_interval[0] <= report.f1 <= report.f1_interval[1]
    assert judged.thresholds == "stored"
    # Found 2/3 of the matches and wrongly 1/2 of the others; everything positive gives 2 * 3 / (3 + 5).
    assert report.f1_at_base_rate == pytest.approx(2 * 0.2 * 2 / 3 / (0.2 * 2 / 3 + 0.2 + 0.8 / 2))
    assert report.all_positive_f1 == 0.75


def test_a_threshold_chosen_elsewhere_never_looks_better_than_one_chosen_here_on_average():
    """On pure noise the in-sample optimum flatters; across halves the F1 is that of accepting at random."""
    inside, across = [], []
    for seed in range(12):
        task = _task("t", "A", n=60, seed=seed, shift=0.0, share=0.3)
        inside.append(judge_stored([task], {"t": fit_decision(task)}, n_bootstrap=2).tasks["t"].f1)
        across.append(judge_across_halves([task], n_splits=5, n_bootstrap=2).tasks["t"].f1)
    assert np.mean(across) < np.mean(inside)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """AUC of two unit normals two apart is Phi(sqrt 2)."""
    truth = 0.9213503964748574
    covered = 0
    for seed in range(60):
        report = judge_stored([_task("t", "A", n=150, seed=seed)], {"t": Decision()}, n_bootstrap=300).tasks["t"]
        covered += report.auc_interval[0] <= truth <= report.auc_interval[1]
    assert 0.85 * 60 <= covered <= 60


def test_the_official_metric_pools_tasks_of_one_standard():
    tasks = [_task("ssA", "A", n=80, seed=1), _task("llA", "A", n=40, seed=2), _task("ssB", "B", n=50, seed=3)]
    judged = judge_stored(tasks, {task.task: Decision(threshold=0.7) for task in tasks})
    hits = whole = 0
    for task in tasks[:2]:
        accepted = Decision(threshold=0.7).decide(task.logits)
        hits += 2 * np.count_nonzero(accepted & task.labels)
        whole += np.count_nonzero(accepted) + np.count_nonzero(task.labels)
    assert judged.official.standards["A"] == pytest.approx(hits / whole)
    assert judged.official.f1 == pytest.approx((hits / whole + judged.tasks["ssB"].f1) / 2)
    assert judged.official_interval[0] < judged.official.f1 < judged.official_interval[1]


def test_the_same_scores_give_the_same_judgement_and_it_survives_json():
    tasks = [_task("ssA", "A", n=80, seed=1), _task("ssB", "B", n=50, seed=3)]
    first, second = (judge_across_halves(tasks, n_splits=3, n_bootstrap=20) for _ in range(2))
    assert first == second
    values = json.loads(json.dumps(first.as_json(), allow_nan=False))
    assert values["tasks"]["ssB"]["n"] == 50
    assert values["official"]["f1"] == first.official.f1
    assert values["tasks"]["ssA"]["auc"] == pytest.approx(roc_auc(tasks[0].labels, tasks[0].logits))


def test_too_few_matches_to_halve_are_refused_by_name():
    task = TaskScores("ssB", "B", np.array([1, 0, 0, 0]), np.arange(4.0))
    with pytest.raises(InputError, match=r"'ssB' has 1 matches among 4"):
        judge_across_halves([task])


def test_one_class_only_has_no_auc():
    report = judge_stored([TaskScores("t", "A", np.zeros(5), np.arange(5.0))], {"t": Decision()}).tasks["t"]
    assert (report.auc, report.auc_interval, report.f1) == (None, None, 0.0)
