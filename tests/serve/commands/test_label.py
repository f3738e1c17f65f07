"""``yanmo label`` and ``yanmo serve --label`` from the command line."""

import csv
import itertools

import pytest
from typer.testing import CliRunner

from yanmo.serve.cli import app

TEXTS = ["".join(each) for each in itertools.permutations("一丁七", 2)]


@pytest.fixture
def pool(overlap_matcher, monkeypatch, tmp_path):
    from yanmo.serve.commands import label

    monkeypatch.setattr(label, "open_matcher", lambda *_, **__: overlap_matcher[0])
    path = tmp_path / "pool.csv"
    rows = [f"{a},{b}" for i, a in enumerate(TEXTS) for b in TEXTS[i:]]
    path.write_text("text1,text2\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def run(pool, keys, *more):
    words = ["label", "m", pool, "--task", "同字", "--out", pool.with_name("labelled.csv"), *more]
    return CliRunner().invoke(app, [str(word) for word in words], input="".join(f"{key}\n" for key in keys))


def answers(pool):
    with pool.with_name("labelled.csv").open(encoding="utf-8", newline="") as file:
        return [row[2] for row in csv.reader(file)][1:]


def test_keys_and_going_on(pool):
    done = run(pool, "10suxq")
    assert done.exit_code == 0, done.output
    assert answers(pool) == ["1"]
    assert "s 先放一放" in done.output
    done = run(pool, "u01")
    assert "已有 1 个回答" in done.output
    assert answers(pool) == ["0", "1"]
    assert "yanmo standard learn m" in done.output.replace("\n", "")


def test_it_tells_what_it_expects(pool):
    done = run(pool, "1010101010" * 3)
    assert done.exit_code == 0, done.output
    assert "从 10 个回答学来：预计 F1" in done.output
    assert "这一批都标完了" in done.output
    assert len(answers(pool)) == 21


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["label", "m", "POOL", "--out", "OUT"], "no standard to label for"),
        (["label", "m", "POOL", "--out", "OUT", "--task", "a", "--task", "b"], "one standard at a time"),
        (["serve", "m", "--label", "POOL"], "--label and --out go together"),
        (["serve", "m", "--out", "OUT"], "--label and --out go together"),
    ],
)
def test_what_does_not_go_together_is_refused(pool, words, says):
    given = {"POOL": str(pool), "OUT": str(pool.with_name("labelled.csv"))}
    done = CliRunner().invoke(app, [given.get(word, word) for word in words])
    assert says in str(done.exception)
