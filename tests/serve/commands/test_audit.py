import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.commands import audit as audit_verb
from yanmo.serve.commands import explain as explain_verb


@pytest.fixture
def run(overlap_matcher, monkeypatch):
    """Calls one of the two verbs on the overlap matcher."""

    def call(verb, *words):
        app = typer.Typer()
        app.command()(getattr(verb, verb.__name__.rpartition(".")[2]))
        monkeypatch.setattr(verb, "open_matcher", lambda model: overlap_matcher[0])
        return CliRunner().invoke(app, ["folder", *map(str, words)], catch_exceptions=False)

    return call


@pytest.fixture
def labelled(tmp_path):
    rows = [
        {"source": chr(0x4E00 + i) * 2 + "一丁", "target": chr(0x4E00 + (i if i % 2 else i + 400)) * 2, "labelA": i % 2}
        for i in range(60)
    ]
    rows[7]["labelA"] = 0
    rows.append({"source": "=一丁七万", "target": "一丁七万", "labelA": 1})
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_audit_prints_the_worst_and_writes_report_and_table(run, labelled, tmp_path):
    report, out = tmp_path / "audit.html", tmp_path / "audit.csv"
    words = [labelled, "--task", "ssA", "--report", report, "--out", out, "--explain", "2"]
    result = run(audit_verb, *words)
    assert result.exit_code == 0, result.output
    assert "61 对" in result.stdout
    assert report.read_text(encoding="utf-8").count("class=pair") >= 50
    with out.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 61
    assert table[0]["line"] == "8"
    assert (table[0]["label"], table[0]["suggested"]) == ("0", "1")
    doubts = [float(row["doubt"]) for row in table]
    assert doubts == sorted(doubts, reverse=True)
    # What a spreadsheet would compute stands after an apostrophe.
    assert [row["text1"] for row in table if row["line"] == "61"] == ["'=一丁七万"]


def test_the_audit_asks_for_one_standard_and_never_writes_over_the_labels(run, labelled):
    with pytest.raises(InputError, match="several standards"):
        run(audit_verb, labelled)
    with pytest.raises(InputError, match="takes one task"):
        run(audit_verb, labelled, "--task", "ssA", "--task", "ssB")
    with pytest.raises(InputError, match="read and written at once"):
        run(audit_verb, labelled, "--task", "ssA", "--out", labelled)
    with pytest.raises(InputError, match="there is no label 'labelB'"):
        run(audit_verb, labelled, "--task", "ssB")


def test_explain_says_the_answer_the_words_and_what_differs(run, tmp_path):
    out = tmp_path / "why.json"
    result = run(explain_verb, "花了500元一丁七万丈", "花了300元一丁七万丈", "--task", "ssA", "--json", out)
    assert result.exit_code == 0, result.output
    assert "数字不同：500元 / 300元" in result.stdout
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["differences"][0]["kind"] == "number"
    assert f"概率 {found['probability']:.3f}" in result.stdout


def test_explain_refuses_an_empty_text_and_a_missing_standard(run):
    with pytest.raises(InputError, match="one of the texts is empty"):
        run(explain_verb, "一", " ", "--task", "ssA")
    with pytest.raises(InputError, match="several standards"):
        run(explain_verb, "一", "丁")
