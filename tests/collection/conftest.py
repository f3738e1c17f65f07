"""A tiny matcher of torch whose texts are encoded alone; see the shared ``make_characters`` for one without weights."""

import pytest


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
