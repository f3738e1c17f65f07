"""``yanmo.train`` up to the loop itself: what is read, what is held out, what is refused before anything is written."""

import pytest

import yanmo
from yanmo.errors import InputError
from yanmo.match import Matcher

ROWS = [(f"一{i}", f"丁{i}", i % 2) for i in range(40)]


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Calls ``train`` with the loop taken out, and gives what the loop was given."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    seen = {}

    def record(training, validation, **rest):
        seen.update(training=training, validation=validation, **rest)

    monkeypatch.setattr("yanmo.fit.matching.run.train_matcher", record)
    monkeypatch.setattr("yanmo.api.training.Matcher.from_pretrained", lambda out: Matcher.__new__(Matcher))

    def call(data, **options):
        yanmo.train(data, **{"base": tmp_path / "base", "out": tmp_path / "run", "show_progress": False} | options)
        return seen

    return call


def test_a_frame_teaches_every_standard_it_has_labels_of(trained):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"text1": [r[0] for r in ROWS], "text2": [r[1] for r in ROWS], "a": [r[2] for r in ROWS], "same": [0, 1] * 20}
    )
    seen = trained(frame, tasks=[{"name": "a"}, {"name": "b", "column": "same"}], config={"n_epochs": 2})
    assert seen["task_set"].names == ("a", "b")
    assert seen["config"].n_epochs == 2
    for part, n in (("training", 32), ("validation", 8)):
        assert {name: len(rows) for name, rows in seen[part].items()} == {"a": n, "b": n}
    texts = [{p.text0 for p in seen[part]["a"]} for part in ("training", "validation")]
    assert not texts[0] & texts[1]


def test_one_table_without_tasks_is_the_standard_match(trained):
    seen = trained(ROWS, split_off=0.5)
    assert (seen["task_set"].names, len(seen["training"]["match"]), len(seen["validation"]["match"])) == (
        ("match",),
        20,
        20,
    )
    seen = trained(ROWS, validation=None)
    assert (len(seen["training"]["match"]), seen["validation"]) == (40, {})
    seen = trained(ROWS[:30], validation=ROWS[30:])
    assert (len(seen["training"]["match"]), len(seen["validation"]["match"])) == (30, 10)
    seen = trained({"train": ROWS[:30], "valid": ROWS[30:]})
    assert (len(seen["training"]["match"]), len(seen["validation"]["match"])) == (30, 10)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"base": "no-such-base"}, "there is no such folder"),
        ({"config": {"n_epoch": 2}}, "config: n_epoch"),
        ({"tasks": [{"nam": "a"}]}, "tasks: "),
        ({"tasks": [{"name": "a", "positive": [1], "negative": [1]}]}, "both positive and negative"),
        ({"split_off": 1.5}, "share to split off is 1.5"),
        ({"only": "other"}, "unknown task 'other'"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(trained, tmp_path, options, problem):
    with pytest.raises(InputError) as caught:
        trained(ROWS, **options)
    assert problem in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_whole_run_from_a_frame(tiny_base, tmp_path):
    pandas = pytest.importorskip("pandas")
    characters = "今天气不错我们去公园学生球队赢了输比赛昨晚"
    texts = [characters[i % 18 :][:3] + characters[i // 3 % 18] for i in range(48)]
    frame = pandas.DataFrame({"text1": texts, "text2": [t[::-1] if i % 2 else t for i, t in enumerate(texts)]})
    frame["label"] = [1 - i % 2 for i in range(48)]
    matcher = yanmo.train(
        frame,
        base=tiny_base,
        out=tmp_path / "run",
        tasks=[{"name": "same", "budget": {"left": 16, "right": 16}}],
        config={"n_epochs": 1, "n_evaluations": 1, "report_to": [], "max_tokens": 80},
        show_progress=False,
    )
    assert matcher.matching.task_set.names == ("same",)
    assert matcher.matching.decision("same").n_examples == pytest.approx(10, abs=4)
    assert "1 standard: same; base base0; torch on cpu" in repr(matcher).replace(tiny_base.name, "base0")
    found = yanmo.predict(matcher, frame)
    assert found["same"].isin([0, 1]).all()
