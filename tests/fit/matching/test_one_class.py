from dataclasses import replace

import pytest

from yanmo.data import Budget, Pair, Task, TaskSet
from yanmo.errors import InputError
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.one_class import refuse_untaught_tasks
from yanmo.fit.matching.run import train_matcher

ROOM = Budget(left=32, right=32)
TASKS = TaskSet(name="news", tasks=(Task(name="loose"), Task(name="strict", implies="loose"), Task(name="other")))
SHORT = ["max_tokens=80", "n_epochs=0.3", "n_evaluations=1", "report_to=[]"]


def _pairs(*labels):
    return [Pair("甲", f"乙{i}", label, None, i + 1, "a.txt") for i, label in enumerate(labels)]


def _refuse(training, *, kept=(), implied_labels=False, tasks=TASKS):
    refuse_untaught_tasks(training, task_set=tasks, kept=kept, implied_labels=implied_labels)


def test_both_classes_are_let_through_however_few():
    _refuse({name: _pairs(1, 0) for name in TASKS.names})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            (1, 1, 1),
            r"task 'other' has 3 matches and no non-matches to train on\. Fix: add pairs that are non-matches,",
        ),
        ((0, 0), r"task 'other' has 2 non-matches and no matches to train on\. Fix: add pairs that are matches,"),
        ((1.0, 1.0), "task 'other' has 2 matches and no non-matches"),  # a teacher may be as sure
    ],
)
def test_one_class_is_refused_with_its_counts(labels, message):
    with pytest.raises(InputError, match=message):
        _refuse({"loose": _pairs(1, 0), "strict": _pairs(1, 0), "other": _pairs(*labels)})


def test_implied_labels_are_named_where_they_could_help_and_are_not_asked_for():
    training = {"loose": _pairs(1, 0), "strict": _pairs(1, 1), "other": _pairs(1, 0)}
    with pytest.raises(InputError, match=r"'strict' has 2 matches.*implied_labels=true"):
        _refuse(training)
    with pytest.raises(InputError) as refused:
        _refuse(training, implied_labels=True)
    assert "implied_labels" not in str(refused.value)
    with pytest.raises(InputError) as refused:
        _refuse(training | {"strict": _pairs(1, 0), "other": _pairs(0)})
    assert "implied_labels" not in str(refused.value)


def test_probabilities_between_the_classes_are_of_both():
    _refuse({name: _pairs(0.8, 0.8) for name in TASKS.names})
    _refuse({name: _pairs(1, 1, 0.99) for name in TASKS.names})


def test_tasks_without_pairs_are_named_together_with_those_that_have_some():
    with pytest.raises(InputError, match=r"no training pairs for the tasks strict, other: they .*--only loose\)"):
        _refuse({"loose": _pairs(1, 0), "strict": []})
    with pytest.raises(InputError, match=r"no training pairs for task 'other': it .*--only loose,strict\)"):
        _refuse({"loose": _pairs(1, 0), "strict": _pairs(1, 0)})


def test_a_kept_task_needs_no_pairs_but_those_it_has_are_of_both_classes():
    _refuse({"other": _pairs(1, 0)}, kept=("loose", "strict"))
    with pytest.raises(InputError, match="'loose' has 1 matches"):
        _refuse({"loose": _pairs(1), "other": _pairs(1, 0)}, kept=("loose", "strict"))


def _train(base, tasks, training, out, *overrides, validation=None):
    config = load_train_config(None, overrides=[*SHORT, *overrides])
    return train_matcher(training, validation or {}, task_set=tasks, base=base, out=out, config=config)


def test_a_run_is_refused_before_it_writes_anything(tiny_base, two_tasks, make_pairs, tmp_path):
    pairs = make_pairs(12, seed=1)
    matches = [pair for pair in pairs["strict"] if pair.label == 1]
    with pytest.raises(InputError, match=r"'strict' has 4 matches and no non-matches"):
        _train(tiny_base, two_tasks, pairs | {"strict": matches}, tmp_path / "run")
    with pytest.raises(InputError, match="no training pairs for task 'strict'"):
        _train(tiny_base, two_tasks, {"loose": pairs["loose"]}, tmp_path / "run")
    # All its non-matches are validated on.
    others = [pair for pair in pairs["strict"] if pair.label == 0]
    with pytest.raises(InputError, match=r"'strict' has 4 matches and no non-matches"):
        _train(
            tiny_base,
            two_tasks,
            pairs,
            tmp_path / "run",
            validation={"loose": [*others, *make_pairs(9, seed=5)["loose"]]},
        )
    assert not (tmp_path / "run").exists()


def test_what_other_tasks_imply_and_what_a_teacher_says_are_trained_on(tiny_base, make_pairs, tmp_path):
    each = (Task(name="loose", budget=ROOM), Task(name="strict", implies="loose", budget=ROOM))
    tasks = TaskSet(name="two", tasks=each)
    pairs = make_pairs(12, seed=1)
    matches = [pair for pair in pairs["strict"] if pair.label == 1]
    _train(tiny_base, tasks, pairs | {"strict": matches}, tmp_path / "implied", "implied_labels=true")
    soft = {name: [replace(pair, label=0.9) for pair in rows] for name, rows in pairs.items()}
    _train(tiny_base, tasks, soft, tmp_path / "soft")


def test_only_a_frozen_matcher_keeps_tasks_without_pairs(tiny_base, two_tasks, make_pairs, tmp_path):
    pairs = make_pairs(12, seed=1)
    _train(tiny_base, two_tasks, pairs, tmp_path / "first")
    more = TaskSet(
        name="more", tasks=(*two_tasks.tasks, Task(name="new", budget=ROOM), Task(name="newer", budget=ROOM))
    )
    given = {"new": pairs["loose"], "newer": pairs["strict"]}
    with pytest.raises(InputError, match=r"no training pairs for the tasks loose, strict.*frozen_shared=true"):
        _train(tmp_path / "first", more, given, tmp_path / "second")
    with pytest.raises(InputError, match="no training pairs for task 'newer'"):
        _train(tmp_path / "first", more, {"new": pairs["loose"]}, tmp_path / "second", "frozen_shared=true")
    _train(tmp_path / "first", more, given, tmp_path / "second", "frozen_shared=true")
    assert (tmp_path / "second" / "matching.json").exists()
