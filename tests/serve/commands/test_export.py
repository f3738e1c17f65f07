import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from yanmo.data import Task, TaskSet
from yanmo.encode import EncoderConfig, ModelType
from yanmo.errors import InputError
from yanmo.export import stored_weights as stored
from yanmo.export.plain_scores import score_by_graph, score_by_transformers
from yanmo.match import Architecture, Calibration, Decision, HeadKind, Matcher, MatchingFile
from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
from yanmo.serve.commands.export import export
from yanmo.tokenize import CharacterSegmenter, PairEncoder, PairLayout, Vocabulary, WordTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天气不错我们去公园学生"]


@pytest.fixture
def run(tmp_path):
    """A folder as training writes it, of one layer."""
    return _run(tmp_path / "run", PairLayout.SIDES)


@pytest.fixture
def joint_run(tmp_path):
    """One that transformers has a model for."""
    return _run(tmp_path / "run", PairLayout.JOINT)


def _run(folder, layout):
    architecture = Architecture(layout=layout, condition_width=4, head=HeadKind.POOLED)
    config = EncoderConfig(ModelType.BERT, len(TOKENS), 8, 8, 1, 2, 12, 300)
    classifier = build_classifier(config, architecture, n_tasks=2)
    for parameter in classifier.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    matching = MatchingFile(
        task_set=TaskSet(name="two", tasks=(Task(name="loose"), Task(name="strict"))),
        decisions={"strict": Decision(threshold=0.25, calibration=Calibration(scale=2.0, bias=-1.0))},
        model=architecture.model_dump(mode="json"),
    )
    tokenizer = WordTokenizer(Vocabulary(TOKENS), segmenter=CharacterSegmenter())
    encoder = PairEncoder(tokenizer, layout=layout)
    Matcher(TorchEngine(classifier, config), encoder, matching).save_pretrained(folder)
    return folder


@pytest.fixture
def data(tmp_path):
    """Labelled pairs of one of the two tasks."""
    rows = [
        {"source": "今天天气不错"[: 1 + i % 6], "target": "我们去公园"[: 1 + i % 5], "label": i % 2} for i in range(30)
    ]
    (tmp_path / "data" / "strict").mkdir(parents=True)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (tmp_path / "data" / "strict" / "valid.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "data"


@pytest.fixture
def call():
    """Runs the verb and gives what it printed; what it raises is raised."""
    app = typer.Typer()
    app.command()(export)

    def run_verb(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run_verb


def test_export_writes_a_folder_that_scores_and_says_how_near(run, call, tmp_path):
    printed = call(run, "--out", tmp_path / "out")
    pairs = [("今天天气不错", "天气"), ("学", "园")]
    before, after = Matcher.from_pretrained(run), Matcher.from_pretrained(tmp_path / "out")
    for task, expected in before.score_all(pairs).items():
        np.testing.assert_allclose(after.score(pairs, task=task), expected, atol=1e-5)
    written = json.loads((tmp_path / "out" / "matching.json").read_text())
    assert written["model"] == json.loads((run / "matching.json").read_text())["model"]
    assert "MB，float32" in printed
    for task in ("loose", "strict"):
        assert f"{task}：6 对自带样例上 logit 最大偏差 0.0000" in printed
    assert printed.count("判断相同 6/6") == 2
    assert "没有在数据上量过" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="the folder is an export already"):
        call(tmp_path / "out", "--out", tmp_path / "again")
    with pytest.raises(InputError, match="exists and is not empty"):
        call(run, "--out", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--form", "int8", "--int8-from", 1], "--int8-from goes with --form int4 or int4-rows, not int8"),
        (["--form", "int4", "--int8-from", 2], "--int8-from is 2, the model has layers 0 to 0"),
        (["--int8", "--int4"], "each name how weights are stored"),
        (["--int8", "--form", "int8"], "each name how weights are stored"),
        (["--int8", "--budget", -1], "--budget is -1; it counts points of F1, 0 to 100"),
        (["--task", "strict", "--int8"], "int8-rows weights need a graph.*add --onnx"),
        (["--task", "strict", "--data", "x"], "there is nothing to measure.*leave --data out"),
        (["--task", "loose", "--task", "strict"], "--task names loose and strict, and takes one.*folder of its own"),
        (["--task", "no"], "unknown task 'no'.*loose, strict"),
        (["--task", "strict"], "architecture.layout is sides.*--set architecture.layout=joint"),
        (["--data", "nowhere"], "there is no such file or folder"),
    ],
)
def test_options_that_do_not_fit_are_refused(run, call, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        call(run, "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_what_was_not_measured_is_said_to_be_so(run, call, tmp_path):
    printed = call(run, "--onnx", "--int8", "--out", tmp_path / "out")
    assert "没有量过舍入对 F1 与校准的影响：加 --data" in printed
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "**没有量过**" in card
    assert "| strict | strict | 0.2500 | sigmoid(2 × logit − 1) |" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize("options", [["--int8"], ["--int4"]])
def test_a_measured_export_carries_its_drift(run, call, data, tmp_path, monkeypatch, options):
    # Matrices of the tiny run are rounded too.
    monkeypatch.setattr(stored, "_SMALLEST", 64)
    printed = call(run, "--onnx", *options, "--data", data, "--budget", 100, "--out", tmp_path / "out")
    texts = [json.loads(line) for line in (data / "strict" / "valid.txt").read_text(encoding="utf-8").splitlines()]
    pairs = [(row["source"], row["target"]) for row in texts]
    before, after = (Matcher.from_pretrained(folder).score(pairs, task="strict") for folder in (run, tmp_path / "out"))
    change = np.abs(after.astype(float) - before)
    n_changed = int(((before >= 0.25) != (after >= 0.25)).sum())
    assert change.max() > 1e-6
    assert f"概率变化平均 {change.mean():.4f}、最大 {change.max():.4f}，判断改变 {n_changed} 对" in printed
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"| {change.mean():.4f} | {change.max():.4f} | {n_changed} |" in card
    assert "没有任务的 F1 损失超过预算 100 分" in card


def test_too_much_loss_is_refused_and_leaves_nothing(run, call, data, tmp_path, monkeypatch):
    from yanmo.export import loss_budget

    measured = loss_budget.measure_drift

    def worse(before, after, decisions):
        return [replace(drift, f1=(0.9, 0.8), n_changed=7) for drift in measured(before, after, decisions)]

    monkeypatch.setattr(loss_budget, "measure_drift", worse)
    options = ["--onnx", "--int8", "--data", data, "--out", tmp_path / "out"]
    with pytest.raises(InputError, match=r"'strict' would lose 10.00 points of F1 \(7 of 30.*budget of 0.5"):
        call(run, *options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "run"]
    call(run, *options, "--accept-loss")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "**strict 的 F1 损失 10.00 分，超出预算 0.5 分**" in card


def test_one_task_is_an_ordinary_folder_of_transformers(joint_run, call, tmp_path):
    printed = call(joint_run, "--task", "strict", "--out", tmp_path / "out")
    assert "strict：5 对自带样例上概率最大偏差 0.0000" in printed
    pairs = [("天气", "今天天气不错"), ("学", "园")]  # the shorter first, as the task reads them
    expected = Matcher.from_pretrained(joint_run).score(pairs, task="strict")
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", pairs), expected, atol=1e-5)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert 'CrossEncoder("本目录")' in card
    assert ">= 0.2500" in card
    assert "不要再用它" in card
    # It is no matcher's folder; opening it as one says so.
    with pytest.raises(InputError, match="must be of one model"):
        Matcher.from_pretrained(tmp_path / "out")


def test_one_task_of_any_architecture_is_a_graph(run, call, data, tmp_path):
    options = ["--task", "strict", "--onnx", "--int8", "--data", data, "--budget", 100]
    printed = call(run, *options, "--out", tmp_path / "out")
    assert "strict：30 对，F1" in printed
    assert "概率最大偏差 0.0000" in printed
    pairs = [("今天天气不错", "天气"), ("学", "园")]
    expected = Matcher.from_pretrained(run).score(pairs, task="strict")
    np.testing.assert_allclose(score_by_graph(tmp_path / "out", pairs), expected, atol=1e-5)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert 'CrossEncoder("本目录", backend="onnx")' in card
    with pytest.raises(InputError, match="a matcher has none of that name"):
        Matcher.from_pretrained(tmp_path / "out")
