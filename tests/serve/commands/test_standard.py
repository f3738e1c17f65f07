"""``yanmo standard``: learn, list, show and remove from the command line, and what it answers to bad files."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.match import Matcher
from yanmo.serve.cli import app

ROWS = [(text, text, "是") for text in ("今不公", "们公", "不", "公今", "们不")]
ROWS += [(a, b, "否") for a, b in (("今不", "们公"), ("公", "今"), ("不们", "公"), ("今", "们不"), ("公们", "今"))]


@pytest.fixture
def examples(tmp_path):
    path = tmp_path / "examples.csv"
    path.write_text("text1,text2,label\n" + "".join(f"{a},{b},{c}\n" for a, b, c in ROWS), encoding="utf-8")
    return path


def run(*words):
    done = CliRunner().invoke(app, ["standard", *map(str, words)])
    if isinstance(done.exception, InputError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_from_a_file_to_a_folder_and_back(overlap_folder, examples, tmp_path):
    said = run("learn", overlap_folder, examples, "--name", "同问题", "--title", "同一问题", "--out", tmp_path / "mine")
    assert "从 10 对学来（5 对匹配）" in said
    matcher = Matcher.from_pretrained(tmp_path / "mine")
    assert matcher.matching.task_set.names[-1] == "同问题"
    assert matcher.decide([("今不公", "今不公"), ("公", "今")], task="同问题").tolist() == [True, False]
    assert json.loads((tmp_path / "mine" / "learned.json").read_text(encoding="utf-8"))["heads"].keys() == {"同问题"}
    assert "learned.json" in json.loads((tmp_path / "mine" / "files.json").read_text(encoding="utf-8"))["files"]
    assert "从 10 对学来" in run("list", tmp_path / "mine")
    shown = run("show", tmp_path / "mine", "同问题")
    assert "同一问题" in shown
    assert "是 (match) or 否 (no match)" in shown
    run("remove", tmp_path / "mine", "同问题", "--out", tmp_path / "without")
    before, after = (folder / "matching.json" for folder in (overlap_folder, tmp_path / "without"))
    assert before.read_bytes() == after.read_bytes()
    assert not (tmp_path / "without" / "learned.json").exists()


def test_grades_and_unlabelled_pairs(overlap_folder, tmp_path):
    graded = tmp_path / "graded.jsonl"
    rows = [*[(a, b, 2) for a, b, _ in ROWS[:5]], ("今不公", "今不", 1), ("们公", "公", 1)]
    rows += [(a, b, 0) for a, b, _ in ROWS[5:]]
    lines = [json.dumps({"text1": a, "text2": b, "score": c}, ensure_ascii=False) for a, b, c in rows]
    graded.write_text("\n".join(lines), encoding="utf-8")
    more = tmp_path / "more.csv"
    more.write_text("text1,text2\n今不,公\n不,不\n", encoding="utf-8")
    run("learn", overlap_folder, graded, "--name", "级", "--graded", "--unlabelled", more, "--out", tmp_path / "mine")
    matching = Matcher.from_pretrained(tmp_path / "mine").matching
    assert matching.task_set.names[-2:] == ("级_1", "级_2")
    assert matching.learned["级_2"].n_unlabelled == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "text1,text2,label\n今,公,是\n今,公,否\n不,不,是\n",
            r"examples\.csv: lines 2 and 3 are one pair with two labels",
        ),
        ("text1,text2,label\n今,公,是\n不,不,是\n", r"examples\.csv: there are 2 examples, 2 of them matches"),
        ("text1,text2,label\n今,公,\n", r"examples\.csv:2: the label 'label' is empty"),
        ("text1,text2,label\n今,,是\n", r"examples\.csv:2: the text 'text2' is empty"),
        ("text1,text2,label\n今,公,0\n不,不,1\n公,公,2\n", "the numbers 0, 1, 2"),
        ("text1,text2\n今,公\n", "there is no label"),
        ("text1,text2,label\n", "a header and no row"),
        ("", "is empty"),
    ],
)
def test_files_that_cannot_be_learned_from(overlap_folder, examples, tmp_path, content, says):
    examples.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        run("learn", overlap_folder, examples, "--name", "同", "--out", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_folder_with_something_in_it_is_refused_at_once(overlap_folder, examples, tmp_path):
    with pytest.raises(InputError, match="not empty"):
        run("learn", overlap_folder, examples, "--name", "同", "--out", tmp_path)


@pytest.fixture
def overlap_folder(overlap_matcher, monkeypatch):
    """The folder of a matcher whose engine has no weights; loading it gives that engine back."""
    from yanmo.match import loading
    from yanmo.match import matcher as module
    from yanmo.match.engines import torch_engine

    matcher, folder = overlap_matcher
    monkeypatch.setattr(torch_engine, "load_classifier", lambda *_, **__: (None, SimpleNamespace(max_tokens=None)))
    monkeypatch.setattr(torch_engine, "TorchEngine", lambda *_, **__: matcher.engine)
    monkeypatch.setattr(loading, "load_fitting_tokenizer", lambda *_: matcher.pair_encoder.tokenizer)
    monkeypatch.setattr(module, "check_positions", lambda *_, **__: None)
    return folder
