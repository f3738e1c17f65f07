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


@pytest.fixture
def several(overlap_matcher, tmp_path, monkeypatch):
    """Calls the verb with matchers by name: ``a`` as the fixture made it, ``b`` that accepts everything."""
    matcher, _ = overlap_matcher
    rule = matcher.matching.decision("ssB").model_copy(update={"threshold": 0.0})
    generous = matcher.matching.model_copy(update={"decisions": dict.fromkeys(matcher.matching.task_set.names, rule)})
    named = {"a": matcher, "b": type(matcher)(matcher.engine, matcher.pair_encoder, generous)}
    monkeypatch.setattr(verb, "open_matcher", lambda model, **_: named[model])
    path = tmp_path / "pairs.csv"
    rows = [("一丁七", "一丁七", 1), ("三上", "不与", 0), ("一", "一", 1), ("七", "丁", 0)] * 10
    path.write_text("text1,text2,same\n" + "".join(f"{a},{b},{label}\n" for a, b, label in rows), encoding="gbk")
    app = typer.Typer()
    app.command()(verb.evaluate)

    def run(*words):
        result = CliRunner().invoke(app, [*words, "--task", "ssB", "--label", "same"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run, path


def test_one_labelled_file_in_another_encoding(several, caplog):
    pytest.importorskip("charset_normalizer")
    run, path = several
    assert "ssB" in run("a", str(path))
    assert "gb18030" in caplog.text


def test_two_matchers_on_one_set_are_compared(several, tmp_path):
    pytest.importorskip("matplotlib")
    run, path = several
    json_out, report = tmp_path / "out.json", tmp_path / "out.html"
    printed = run("a", "b", "--data", str(path), "--json", str(json_out), "--report", str(report))
    values = json.loads(json_out.read_text(encoding="utf-8"))
    f1 = {name: each["tasks"]["ssB"]["f1"] for name, each in values["models"].items()}
    (difference,) = values["differences"]["b"]
    # Half of the pairs match: the generous one is right about these and wrong about the others.
    assert f1 == {"a": 1.0, "b": pytest.approx(2 / 3)}
    assert difference["f1"] == pytest.approx(2 / 3 - 1)
    assert difference["f1_interval"][1] < 0
    assert (difference["n_changed"], difference["n_better"]) == (20, 0)
    assert "ssB：b 比 a F1 -0.333" in printed
    page = report.read_text(encoding="utf-8")
    assert "b 减去 a" in page
    assert "<script" not in page


def test_what_a_report_lacks_is_said_before_anything_is_read(several, monkeypatch):
    from yanmo.errors import MissingExtraError

    run, _ = several

    def without(module, *, extra):
        raise MissingExtraError(f"{module} of {extra}")

    monkeypatch.setattr(verb, "require_extra", without)
    with pytest.raises(MissingExtraError, match="matplotlib"):
        run("a", "no-such-file.csv", "--report", "report.html")
