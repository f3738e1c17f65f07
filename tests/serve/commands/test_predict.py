import csv
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from yanmo.serve.cli import app

PAIRS = [{"id": "a", "source": "一丁", "target": "一七"}, {"id": "b", "source": "丁", "target": "丁"}]


@pytest.fixture
def named(overlap_matcher, monkeypatch):
    """The overlap matcher wherever the command line opens one."""
    from yanmo.serve.commands import match, predict

    for module in (match, predict):
        monkeypatch.setattr(module, "open_matcher", lambda name, **_: overlap_matcher[0])


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("words", [["--task", "ssB", "--task", "ssA"], ["--task", "ssB,ssA"], ["--only", "ssA,ssB"]])
def test_two_standards_are_two_columns_of_one_row(named, overlap_matcher, tmp_path, words):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    result = _run("predict", "m", source, *words, "-o", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    rows = _csv(tmp_path / "out.csv")
    own = ["id", "ssA", "ssA_probability", "ssB", "ssB_probability"]
    assert list(rows[0]) == ["source", "target", *own]
    found = overlap_matcher[0].judge([(row["source"], row["target"]) for row in PAIRS], tasks=["ssA", "ssB"])
    for name, verdict in found.items():
        assert [row[name] == "1" for row in rows] == verdict.accepted.tolist()
        given = [float(row[f"{name}_probability"]) for row in rows]
        assert given == pytest.approx(verdict.probabilities.tolist(), abs=1e-6)
    result = _run("predict", "m", source, *words, "-o", tmp_path / "contest.csv", "--contest")
    assert "holds one standard of a file" in str(result.exception)
    result = _run("predict", "m", source, "-o", tmp_path / "none.csv")
    assert "--task all" in str(result.exception)


def test_the_contest_asks_for_id_and_label(named, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    result = _run("predict", "m", source, "--task", "ssA", "-o", tmp_path / "out.csv", "--contest")
    assert result.exit_code == 0, result.output
    assert [list(row) for row in _csv(tmp_path / "out.csv")] == [["id", "label"]] * 2


def test_half_a_surrogate_pair_has_a_place_in_the_reject_file(named, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.csv"
    source.write_text('{"\\ud800": "a", "target": "b"}\n' + json.dumps(PAIRS[0]) + "\n", encoding="utf-8")
    result = _run("predict", "m", source, "--task", "ssB", "-o", out, "--on-bad-line", "skip")
    assert result.exit_code == 0, result.output
    reject = json.loads((tmp_path / "out.csv.rejects.jsonl").read_text(encoding="utf-8"))
    assert (reject["line"], "\ud800" in reject["reason"]) == (1, True)


def test_rows_without_id_are_said(named, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text('{"source": "一", "target": "丁"}\n', encoding="utf-8")
    assert "以行号为编号的 1" in _run("predict", "m", source, "--task", "ssB", "-o", tmp_path / "out.csv").output


def test_a_text_may_begin_with_a_dash(named):
    result = _run("match", "-5度", "零下五度")
    assert (result.exit_code, "ssA" in result.output) == (0, True), result.output


def test_a_title_may_hold_what_rich_takes_for_marks(named, overlap_matcher):
    matcher = overlap_matcher[0]
    tasks = [task.model_copy(update={"title": "[/b] 甲"}) for task in matcher.matching.task_set.tasks]
    task_set = matcher.matching.task_set.model_copy(update={"tasks": tuple(tasks)})
    matcher.matching = matcher.matching.model_copy(update={"task_set": task_set})
    result = _run("match", "一", "丁")
    assert (result.exit_code, "[/b]" in result.output) == (0, True), result.exception


def test_where_only_ascii_can_be_shown_the_rest_is_spelled_out():
    code = (
        "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'ascii'); sys.argv = ['yanmo', '--help'];"
        "from yanmo.serve.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "研".encode("ascii", "backslashreplace") in done.stdout


def test_asking_is_said_and_written(named, overlap_matcher, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    result = _run("predict", "m", source, "--task", "ssA", "--ask", "0.5", "-o", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    answers = overlap_matcher[0].decide([(row["source"], row["target"]) for row in PAIRS], task="ssA", ask=0.5)
    assert [row["ssA"] for row in _csv(tmp_path / "out.csv")] == list(answers)
    assert list(answers).count("?") == 1
    assert "交给人 ssA 1" in result.output
    result = _run("predict", "m", source, "--task", "ssA", "--ask", "1.5", "-o", tmp_path / "again.csv")
    assert "a share of 1.5" in str(result.exception)
