import importlib.util
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import yanmo.generate
from yanmo.errors import InputError
from yanmo.generate import Decoding, FewShot, LanguageModel, answer, answer_by_label
from yanmo.serve.commands.generate import generate

app = typer.Typer()
app.command()(generate)

TASK = """\
template: "{input}{output}"
demonstrations:
  - {input: a, output: A}
  - {input: b, output: B}
decoding: {max_new_tokens: 6}
"""


def _parts():
    path = Path(__file__).parents[2] / "generate" / "conftest.py"
    spec = importlib.util.spec_from_file_location("generate_parts", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_parts"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def model(monkeypatch):
    parts = _parts()
    tokenizer = parts.BytePieces()
    model = LanguageModel(parts.make_network(tokenizer.vocab_size), tokenizer)
    monkeypatch.setattr(yanmo.generate, "load_language_model", lambda folder, **options: model)
    return model


@pytest.fixture
def task(tmp_path):
    def write(more=""):
        path = tmp_path / "task.yaml"
        path.write_text(TASK + more, encoding="utf-8")
        return path

    return write


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, ["model", *map(str, arguments)], input=stdin)


def test_a_prompt_is_continued(model):
    for prompt in ("ab", ""):
        result = run("--prompt", prompt, "--max-new-tokens", 5, "--stop", "x", "--stop", "y")
        assert result.exit_code == 0, result.output
        [expected] = model.generate([prompt], decoding=Decoding(max_new_tokens=5, stop=("x", "y")))
        assert result.stdout == expected.text + "\n"
        assert result.stderr == ""


@pytest.mark.parametrize(
    "flags",
    [
        {"method": "sample", "seed": 3, "top_k": 50, "top_p": 0.9, "temperature": 1.5},
        {"method": "beam", "n_beams": 3, "repetition_penalty": 1.3},
        {"no_repeat_ngram_size": 1, "stop_at_newline": True},
    ],
    ids=str,
)
def test_every_flag_arrives(model, flags):
    decoding = Decoding(max_new_tokens=6).changed(flags)
    names = {"n_beams": "--beams"}
    words = []
    for name, value in flags.items():
        words.append(names.get(name, "--" + name.replace("_", "-")))
        words += [] if value is True else [value]
    result = run("--prompt", "ab你", "--max-new-tokens", 6, *words)
    assert result.exit_code == 0, result.output
    [expected] = model.generate(["ab你"], decoding=decoding)
    assert result.stdout == expected.text + "\n"


def test_a_task_answers_its_queries(model, task):
    path = task("query: c\n")
    few_shot = FewShot.load(path)
    for queries in ([], ["x"], ["x", "你"]):
        result = run("--few-shot", path, *(word for query in queries for word in ("--query", query)))
        assert result.exit_code == 0, result.output
        found = [one.completion.text for one in answer(model, few_shot, queries or ["c"])]
        headings = [f"{query} → " if len(queries) > 1 else "" for query in queries or ["c"]]
        assert result.stdout == "".join(f"{a}{b}\n" for a, b in zip(headings, found, strict=True))


def test_flags_change_a_task(model, task):
    path = task()
    result = run("--few-shot", path, "--query", "x" * 70, "--too-long", "cut_left", "--max-new-tokens", 2)
    assert result.exit_code == 0, result.output
    assert f"{6 + 70 - (64 - 2)} 个 token" in result.stderr
    result = run("--few-shot", path, "--query", "x" * 53, "--too-long", "keep_newest")
    assert result.exit_code == 0, result.output
    assert "最早的 1 个示例" in result.stderr


def test_labels_are_judged(model, task):
    more = "labels: [A, B, '[b]']\ncontent_free: ['0']\nsample: {n_labels: 2}\n"
    result = run("--few-shot", task(more), "--query", "x", "--query", "y")
    assert result.exit_code == 0, result.output
    for name in ("all 3", "sampled 2 of 3, seed 0", "sampled 2 of 3, seed 1", "whole, calibrated", "[b]", "per token"):
        assert name in result.stdout
    few_shot = FewShot.load(task(more))
    for scored in answer_by_label(model, few_shot, ["x", "y"]):
        for choice in scored.choices:
            assert len(choice.labels) == (3 if choice.label_set == "all 3" else 2)
        for value in scored.choices[0].log_likelihoods:
            assert f"{value:.3f}" in result.stdout


def test_a_conversation(model, task):
    result = run("--interactive", "--max-new-tokens", 4, stdin="ab\n你\n")
    assert result.exit_code == 0, result.output
    for found in model.generate(["ab", "你"], decoding=Decoding(max_new_tokens=4)):
        assert found.text in result.stdout
    result = run("--interactive", "--few-shot", task(), stdin="x\n")
    assert answer(model, FewShot.load(task()), ["x"])[0].completion.text in result.stdout


def test_interruptions(model, monkeypatch):
    said = []

    def interrupted(prompt, on_text, **options):
        said.append(prompt)
        on_text("半句")
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "stream", interrupted)
    result = run("--prompt", "ab")
    assert isinstance(result.exception, InputError)
    assert "interrupted" in str(result.exception)
    assert result.stdout == "半句\n"
    result = run("--interactive", stdin="一\n二\n")
    assert result.exit_code == 0
    assert said == ["ab", "一", "二"]
    assert result.stderr.count("中断") == 2


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--prompt", "a", "--interactive"],
        ["--prompt", "a", "--query", "b"],
        ["--prompt", "a", "--few-shot", "TASK"],
        ["--few-shot", "TASK"],
        ["--prompt", "a", "--too-long", "keep_newest"],
        ["--prompt", "a", "--method", "guess"],
    ],
    ids=str,
)
def test_wrong_use(task, words):
    path = task()
    assert run(*(path if word == "TASK" else word for word in words)).exit_code == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--prompt", "a", "--top-p", "0.9"], "top_p belongs to the method sample, not to greedy"),
        (["--prompt", "a", "--max-new-tokens", "0"], "max_new_tokens.*greater than 0"),
        (["--prompt", "a" * 99, "--max-new-tokens", "9"], "99 tokens.*positions for 55"),
        (["--few-shot", "none.yaml"], r"none\.yaml: cannot be read"),
    ],
)
def test_refusals_are_one_sentence(words, problem):
    result = run(*words)
    assert isinstance(result.exception, InputError)
    assert result.exit_code == 1
    with pytest.raises(InputError, match=problem):
        raise result.exception
