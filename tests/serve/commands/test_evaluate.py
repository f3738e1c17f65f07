import json

import pytest
import typer
from typer.testing import CliRunner

from yanmo.data import Budget, Windows
from yanmo.serve.commands import evaluate as verb

LONG = "".join(chr(0x4E00 + i % 900) for i in range(700))


@pytest.fixture
def evaluate(overlap_matcher, tmp_path, monkeypatch):
    """Evaluates the overlap matcher on a short and a long pair of ssA, under a budget, and gives what came out."""
    matcher, folder = overlap_matcher
    (tmp_path / "data" / "ssA").mkdir(parents=True)
    rows = [("一丁七", "一丁七", 1), ("三上", "不与", 0), (LONG, "一丁", 1), (LONG, "丑", 0)]
    lines = [json.dumps({"source": a, "target": b, "labelA": label}) for a, b, label in rows]
    (tmp_path / "data" / "ssA" / "valid.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    app = typer.Typer()
    app.command()(verb.evaluate)

    def run(budget):
        tasks = tuple(task.model_copy(update={"budget": budget}) for task in matcher.matching.task_set.tasks)
        task_set = matcher.matching.task_set.model_copy(update={"tasks": tasks})
        monkeypatch.setattr(matcher, "matching", matcher.matching.model_copy(update={"task_set": task_set}))
        monkeypatch.setattr(verb, "open_matcher", lambda model, **_: matcher)
        out = tmp_path / "out.json"
        arguments = [str(folder), "--data", str(tmp_path / "data"), "--only", "ssA", "--json", str(out)]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout, json.loads(out.read_text(encoding="utf-8"))["truncation"]

    return run


def test_what_a_budget_leaves_out_is_told_for_each_task(evaluate):
    printed, values = evaluate(Budget())
    # Special tokens take two of each 128; of 700 tokens the two long texts keep 126 + 124 and 126 + 125.
    n_tokens, n_cut = 6 + 4 + 702 + 701, 450 + 449
    assert values == {
        "ssA": {"n": 4, "pairs_cut": 0.5, "tokens_cut": pytest.approx(n_cut / n_tokens), "pairs_in_windows": 0}
    }
    assert f"截断：ssA 的 4 对中 50.0% 没有读全，略去全部 token 的 {n_cut / n_tokens:.1%}\n" in printed


def test_a_mix_far_from_that_of_the_thresholds_is_warned_of(evaluate, overlap_matcher):
    matcher, _ = overlap_matcher
    rare = matcher.matching.decision("ssA").model_copy(update={"base_rate": 0.01})
    matcher.matching = matcher.matching.with_decision("ssA", rare)
    printed, _ = evaluate(Budget())
    assert "ssA：这份数据有 50% 匹配，阈值与概率是按 1% 定的" in printed


def test_windows_are_told_beside_it(evaluate):
    printed, values = evaluate(Budget(windows=Windows(pool="max")))
    assert values == {"ssA": {"n": 4, "pairs_cut": 0, "tokens_cut": 0, "pairs_in_windows": 0.5}}
    assert "截断：ssA 的 4 对中 0.0% 没有读全，略去全部 token 的 0.0%；50.0% 分窗读" in printed


def test_nothing_is_said_of_pairs_read_whole(evaluate):
    printed, values = evaluate(Budget(left=512, right=512))
    assert "截断" not in printed
    assert values["ssA"]["pairs_cut"] == 0
