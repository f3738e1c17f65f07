import json

import pytest
from typer.testing import CliRunner

from yanmo.match import MatchingFile
from yanmo.match.folder_record import check_files
from yanmo.serve.cli import app

CHARACTERS = [chr(0x4E00 + i) for i in range(40)]


@pytest.fixture
def labelled(tmp_path):
    """120 pairs of ssB: those sharing nine characters of ten match, those sharing one do not, but for one of each."""
    rows = []
    for i in range(120):
        base = [CHARACTERS[(i + k) % 40] for k in range(10)]
        alike = i % 2 == 0
        n_kept = 9 if alike else 1
        other = base[:n_kept] + [CHARACTERS[(i + 20 + k) % 40] for k in range(10 - n_kept)]
        rows.append({"source": "".join(base), "target": "".join(other), "labelB": int(alike != (i in (0, 1)))})
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def run(overlap_matcher, monkeypatch):
    from yanmo.serve.commands import compare, threshold

    matcher, folder = overlap_matcher
    for module in (threshold, compare):
        monkeypatch.setattr(module, "open_matcher", lambda name, **_: matcher)

    def call(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    call.folder, call.matcher = folder, matcher
    return call


def test_a_promise_is_written_with_its_evidence_and_the_folder_stays_whole(run, labelled):
    before = MatchingFile.load(run.folder)
    result = run("threshold", run.folder, labelled, "--task", "ssB", "--precision", "0.9")
    assert result.exit_code == 0, result.output or result.exception
    assert "精确率不低于 0.9（把握 95%，120 对、60 对匹配）" in result.output
    after = MatchingFile.load(run.folder)
    promise = after.decision("ssB").promise
    assert (promise.kind, promise.level, promise.n, promise.n_matches) == ("precision", 0.9, 120, 60)
    # 59 of the 60 alike are matches, and one match is not alike.
    assert (promise.precision, promise.recall) == (pytest.approx(59 / 60), pytest.approx(59 / 60))
    assert after.with_decision("ssB", before.decision("ssB")) == before
    assert check_files(run.folder) > 0


def test_what_cannot_be_promised_is_refused_and_writes_nothing(run, labelled):
    before = (run.folder / "matching.json").read_bytes()
    result = run("threshold", run.folder, labelled, "--task", "ssB", "--precision", "0.99")
    assert "cannot be promised with 120 labels (60 matches)" in str(result.exception)
    assert (run.folder / "matching.json").read_bytes() == before


def test_a_strict_promise_counts_what_the_looser_standard_turns_down(run, labelled):
    closed = run.matcher.matching.decision("ssA").model_copy(update={"threshold": 1.0})
    run.matcher.matching = run.matcher.matching.with_decision("ssA", closed)
    result = run("threshold", run.folder, labelled, "--task", "ssB", "--recall", "0.5", "--show")
    assert "60 of 60 matches are turned down by the looser standard" in str(result.exception)


def test_the_share_asked_about_is_at_most_what_was_said_and_the_bundled_matcher_is_not_written(run, labelled):
    result = run("threshold", run.folder, labelled, "--task", "ssB", "--recall", "0.8", "--ask", "0.3", "--show")
    assert result.exit_code == 0, result.output or result.exception
    assert "召回率不低于 0.8" in result.output
    assert "交给人" in result.output
    assert "already" not in result.output
    assert MatchingFile.load(run.folder).decision("ssB").promise is None
    refused = run("threshold", "default", labelled, "--task", "ssB", "--recall", "0.8")
    assert "bundled matcher is not written to" in str(refused.exception)


def test_a_base_rate_moves_the_threshold_and_the_probabilities(run, labelled):
    result = run("threshold", run.folder, labelled, "--task", "ssB", "--base-rate", "0.05")
    assert result.exit_code == 0, result.output or result.exception
    rare = MatchingFile.load(run.folder).decision("ssB")
    result = run("threshold", run.folder, labelled, "--task", "ssB", "--unlabelled", labelled)
    assert result.exit_code == 0, result.output or result.exception
    alike = MatchingFile.load(run.folder).decision("ssB")
    assert rare.base_rate == 0.05
    assert alike.base_rate == pytest.approx(0.5, abs=0.05)
    assert rare.calibration.bias < alike.calibration.bias
    assert rare.calibration.scale == alike.calibration.scale


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing was asked"),
        (["--precision", "0.9", "--base-rate", "0.1"], "in two ways"),
        (["--precision", "1.5"], "precision is 1.5"),
        (["--cost", "five"], "--cost is 'five'"),
        (["--cost", "5:-1"], "prices of 5 and -1"),
        (["--base-rate", "0"], "base rate is 0"),
    ],
)
def test_what_makes_no_sense_is_refused(run, labelled, options, said):
    result = run("threshold", run.folder, labelled, "--task", "ssB", *options)
    assert said in str(result.exception)


def test_a_new_folder_takes_the_rule_and_the_old_one_stays(run, labelled, tmp_path):
    old = (run.folder / "matching.json").read_bytes()
    result = run(
        "threshold", run.folder, labelled, "--task", "ssB", "--cost", "5:1", "--ask", "0.1", "--out", tmp_path / "new"
    )
    assert result.exit_code == 0, result.output or result.exception
    promise = MatchingFile.load(tmp_path / "new").decision("ssB").promise
    assert (promise.kind, promise.costs) == ("cost", (5, 1))
    assert (run.folder / "matching.json").read_bytes() == old


def test_a_matcher_compared_with_itself_has_not_changed(run, labelled):
    result = run(
        "compare", run.folder, run.folder, labelled, "--task", "ssB", "--fail-if", "worse", "--fail-if", "move>0"
    )
    assert result.exit_code == 0, result.output or result.exception
    assert "120 对中 0 对改判" in result.output
    assert "McNemar p = 1" in result.output
