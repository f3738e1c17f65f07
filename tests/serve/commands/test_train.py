import json

import pytest
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.cli import app


def _base(folder):
    """A folder that is taken for a model's until it is read."""
    (folder / "b").mkdir(exist_ok=True)
    (folder / "b" / "config.json").write_text("{}")
    return folder / "b"


def _write(folder, split, rows):
    (folder / "ssA").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"source": a, "target": b, "labelA": label}, ensure_ascii=False) for a, b, label in rows]
    (folder / "ssA" / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_more_folders_add_training_pairs_and_no_validation_pairs(tmp_path, monkeypatch):
    _write(tmp_path / "data", "train", [("一", "二", 1), ("一", "三", 0)])
    _write(tmp_path / "data", "valid", [("四", "五", 1)])
    _write(tmp_path / "mine", "train", [("六", "七", 1)])
    _write(tmp_path / "mine", "valid", [("八", "九", 0)])
    _write(tmp_path / "taught", "train", [("十", "百", 0.75)])
    seen = {}

    def record(training, validation, **rest):
        seen.update(training=training, validation=validation, **rest)
        raise InputError("stop here")

    monkeypatch.setattr("yanmo.fit.matching.run.train_matcher", record)
    command = ["train", "--data", str(tmp_path / "data"), "--more", str(tmp_path / "mine")]
    command += [
        "--soft",
        str(tmp_path / "taught"),
        "--base",
        str(_base(tmp_path)),
        "--out",
        str(tmp_path / "run"),
        "--only",
        "ssA",
    ]
    with pytest.raises(InputError, match="stop here"):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert [(p.text1, p.label) for p in seen["training"]["ssA"]] == [("二", 1), ("三", 0), ("七", 1), ("百", 0.75)]
    assert [pair.text1 for pair in seen["validation"]["ssA"]] == ["五"]
    assert seen["origin"]["data"] == f"{tmp_path / 'data'}, {tmp_path / 'mine'}, {tmp_path / 'taught'}"


def test_a_probability_is_a_bad_label_where_people_label(tmp_path):
    _write(tmp_path / "data", "train", [("一", "二", 0.75)])
    command = ["train", "--data", str(tmp_path / "data"), "--validation", "none", "--only", "ssA"]
    with pytest.raises(InputError, match=r"label '0.75' is not among those of task 'ssA'"):
        CliRunner().invoke(
            app, [*command, "--base", str(_base(tmp_path)), "--out", str(tmp_path / "run")], catch_exceptions=False
        )


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    _write(tmp_path / "data", "train", [("一", "二", 1)])

    def interrupted(*args, **rest):
        raise KeyboardInterrupt

    monkeypatch.setattr("yanmo.fit.matching.run.train_matcher", interrupted)
    command = ["train", "--data", str(tmp_path / "data"), "--validation", "none", "--only", "ssA"]
    with pytest.raises(InputError, match=r"nothing is lost.*--resume"):
        CliRunner().invoke(
            app, [*command, "--base", str(_base(tmp_path)), "--out", str(tmp_path / "run")], catch_exceptions=False
        )
