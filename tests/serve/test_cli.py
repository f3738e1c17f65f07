import errno
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

import yanmo
from yanmo.data import TaskSet, fingerprint_pairs, read_split
from yanmo.errors import InputError
from yanmo.evaluate import roc_auc
from yanmo.match import Matcher
from yanmo.serve import cli
from yanmo.serve.cli import app
from yanmo.serve.doctor import environment
from yanmo.tokenize import Vocabulary

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "今天天气", "不错", "今", "天"]


@pytest.fixture
def vocab(tmp_path):
    words = [chr(0x4E00 + i) + chr(0x5000 + j) for i in range(40) for j in range(40)]
    Vocabulary([*TOKENS, *words]).save(tmp_path / "vocab.txt")
    return str(tmp_path / "vocab.txt")


def _lines(arguments, given):
    result = CliRunner().invoke(app, ["tokenize", *arguments], input=given.encode())
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_array_of_ids_a_line(vocab):
    assert _lines([vocab, "--ids"], "今天天气不错\n\n今天\n") == [[2, 4, 5, 3], [2, 3], [2, 6, 7, 3]]
    assert _lines([vocab, "--ids", "--characters"], "今天") == [[2, 6, 7, 3]]


def test_json_lines_may_hold_newlines_and_lone_surrogates(vocab):
    given = json.dumps("今\n天") + "\n" + '"\\ud800今"'
    assert _lines([vocab, "--ids", "--input-format", "json"], given) == [[2, 6, 7, 3], [2, 1, 6, 3]]
    assert _lines([vocab, "--input-format", "json"], '"今\\ud800"') == [["今", "\ud800"]]


@pytest.mark.parametrize("line", ["{", "3"])
def test_a_line_that_is_no_json_string_is_named(vocab, line):
    result = CliRunner().invoke(app, ["tokenize", vocab, "--input-format", "json"], input='"今"\n' + line)
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith("<stdin>:2: is not")


def _run(*arguments):
    return subprocess.run(
        [sys.executable, "-c", "from yanmo.serve.cli import main; main()", *arguments],
        capture_output=True,
        check=False,
        input=b"",
    )


def test_a_refusal_is_one_sentence_and_exit_code_1_and_wrong_use_is_2(tmp_path):
    failed = _run("tokenize", str(tmp_path / "none.txt"))
    assert failed.returncode == 1
    assert "no such vocabulary file" in failed.stderr.decode()
    assert b"Traceback" not in failed.stderr
    assert _run("tokenize").returncode == 2


def _ended(monkeypatch, verb):
    """Runs ``main`` with a function in the place of all verbs; its exit code."""
    monkeypatch.setattr(cli, "app", verb)
    # As in a terminal: a shell starts what runs in its background with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGINT, before)
    return ended.value.code


def test_ctrl_c_ends_with_130_also_where_a_library_makes_an_error_of_its_own_of_it(monkeypatch):
    def early():
        signal.raise_signal(signal.SIGINT)

    def swallowed():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("error_already_set") from None

    assert _ended(monkeypatch, early) == 130
    assert _ended(monkeypatch, swallowed) == 130
    with pytest.raises(RuntimeError, match="of another kind"):
        _ended(monkeypatch, lambda: (_ for _ in ()).throw(RuntimeError("of another kind")))


def test_a_copy_without_room_names_what_was_to_be_written(monkeypatch, capsys):
    def copies():
        raise OSError(errno.ENOSPC, "No space left on device", "/from/model.onnx", None, "/to/model.onnx")

    assert _ended(monkeypatch, copies) == 1
    assert capsys.readouterr().err == "错误 error: /to/model.onnx: No space left on device\n"


def test_the_command_line_and_the_core_rooms_load_no_torch():
    code = (
        "import sys, yanmo, yanmo.serve.cli, yanmo.tokenize, yanmo.match; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def sample(overlap_matcher, monkeypatch, tmp_path):
    """The command line with a matcher without weights, and a data folder of two tasks."""
    matcher, folder = overlap_matcher
    monkeypatch.setattr(Matcher, "from_pretrained", staticmethod(lambda name, **_: matcher))
    rows = [
        ("一丁丂七", "一丁丂七", "1"),
        ("一丁丂七", "丄丅丆万", "0"),
        ("一丁丂七", "一丁丂丄", "1"),
        ("一", "丄", "0"),
    ]
    for task in ("ssA", "ssB"):
        (tmp_path / "data" / task).mkdir(parents=True)
        with (tmp_path / "data" / task / "valid.txt").open("w", encoding="utf-8") as file:
            for a, b, label in rows:
                file.write(json.dumps({"source": a, "target": b, f"label{task[-1]}": label}) + "\n")
    return folder, tmp_path / "data"


def test_evaluate_writes_the_fixed_json(sample, tmp_path):
    folder, data = sample
    out, report = tmp_path / "out.json", tmp_path / "report.html"
    arguments = ["evaluate", str(folder), "--data", str(data), "--split", "valid", "--json", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--report", str(report)])
    assert result.exit_code == 0, result.output
    values = json.loads(out.read_text(encoding="utf-8"))
    assert set(values["official"]) == {"f1", "A", "B", "interval"}
    assert set(values["tasks"]) == {"ssA", "ssB"}
    assert {"f1", "auc", "threshold", "n"} <= set(values["tasks"]["ssB"])
    assert (values["tasks"]["ssB"]["threshold"], values["tasks"]["ssB"]["n"]) == (0.6, 4)
    # Alike texts have a logit of 3 - 1 and 0.6 * 6 - 3 - 1 = -0.4 under B, 3 and 0.6 under A.
    assert (values["tasks"]["ssA"]["f1"], values["tasks"]["ssB"]["recall"]) == (1.0, 0.5)
    assert values["consistency"][0]["n_contradictions"] == 0
    assert "官方指标" in result.stdout
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_evaluate_warns_where_the_thresholds_were_chosen_on_these_very_pairs(sample, overlap_matcher):
    matcher, _ = overlap_matcher
    folder, data = sample
    arguments = ["evaluate", str(folder), "--data", str(data)]
    assert "偏乐观" not in CliRunner().invoke(app, arguments).stdout
    fingerprint = fingerprint_pairs(read_split(data, matcher.matching.task_set, "valid"))
    matcher.matching = matcher.matching.model_copy(update={"training": {"validation_fingerprint": fingerprint}})
    assert "偏乐观" in CliRunner().invoke(app, arguments).stdout


def test_evaluate_only_some_tasks(sample):
    folder, data = sample
    result = CliRunner().invoke(app, ["evaluate", str(folder), "--data", str(data), "--only", "ssA"])
    assert result.exit_code == 0, result.output
    assert "ssB" not in result.stdout
    with pytest.raises(InputError, match="ssC"):
        CliRunner().invoke(app, ["evaluate", str(folder), "--data", str(data), "--only", "ssC"], catch_exceptions=False)


def test_predict_a_file_asks_for_the_task_and_a_folder_finds_it(sample, tmp_path):
    folder, data = sample
    file, out = str(data / "ssA" / "valid.txt"), tmp_path / "out.csv"
    with pytest.raises(InputError, match="--task with one or more of ssA, ssB"):
        CliRunner().invoke(app, ["predict", str(folder), file, "-o", str(out)], catch_exceptions=False)
    result = CliRunner().invoke(app, ["predict", str(folder), file, "-o", str(out), "--task", "ssA", "--contest"])
    assert result.exit_code == 0, result.output
    assert out.read_text() == "id,label\n1,1\n2,0\n3,1\n4,0\n"
    both = tmp_path / "both.jsonl"
    result = CliRunner().invoke(app, ["predict", str(folder), str(data), "--split", "valid", "-o", str(both)])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in both.read_text().splitlines()]
    assert [[name for name in ("ssA", "ssB") if name in row] for row in rows] == [["ssA"]] * 4 + [["ssB"]] * 4


def test_doctor_names_every_extra_what_is_missing_and_how_to_get_it(monkeypatch):
    tomllib = pytest.importorskip("tomllib")
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = ['fastapi>=0.1; extra == "serve"', 'no-such-package; extra == "serve"', 'other; python_version < "3"']
    shown = CliRunner().invoke(app, ["doctor"]).stdout
    for extra in declared["optional-dependencies"].keys() - {"dev", "docs"}:
        assert f"\n{extra}：" in shown
    monkeypatch.setattr(environment, "requires", lambda name: wanted)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert "缺少 no-such-package；需要时 pip install 'yanmo[serve]'" in result.stdout


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_short_and_long(flag):
    for words in ([flag], ["match", flag]):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0
        assert "Usage" in result.stdout


def test_the_version_is_the_packages(monkeypatch):
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"yanmo {yanmo.__version__}\n"
    assert version("yanmo") == yanmo.__version__


def test_the_shell_completes_verbs():
    asked = {"_YANMO_COMPLETE": "complete_bash", "COMP_WORDS": "yanmo tok", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['yanmo']; from yanmo.serve.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | asked
    )
    assert done.stdout.split() == ["tokenize"]


def test_doctor_loads_a_folder_strictly(tmp_path):
    from safetensors.torch import load_file, save_file

    from yanmo.encode import EncoderConfig, ModelType, build_encoder, save_encoder

    config = EncoderConfig(ModelType.BERT, len(TOKENS), 8, 8, 1, 2, 12, 64)
    save_encoder(build_encoder(config), config, tmp_path)
    Vocabulary(TOKENS).save(tmp_path / "vocab.txt")
    result = CliRunner().invoke(app, ["doctor", "model", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "严格载入成功" in result.stdout
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    name = next(iter(sorted(tensors)))
    save_file(tensors | {name: tensors[name] * math.nan}, weights)
    with pytest.raises(InputError, match=name):
        CliRunner().invoke(app, ["doctor", "model", str(tmp_path)], catch_exceptions=False)
    save_file(tensors, weights)
    Vocabulary([*TOKENS, "更", "多"]).save(tmp_path / "vocab.txt")
    with pytest.raises(InputError, match=f"{len(TOKENS) + 2} tokens, the embedding {len(TOKENS)} rows"):
        CliRunner().invoke(app, ["doctor", "model", str(tmp_path)], catch_exceptions=False)
    with pytest.raises(InputError, match="go together"):
        CliRunner().invoke(app, ["doctor", "environment", str(tmp_path)], catch_exceptions=False)


def _tells_apart(rows, pairs):
    """Texts by other hands than the bundled matcher's training data; a model of chance has an AUC of 0.5."""
    auc = {
        name: roc_auc([pair.label for pair in labelled], [row[f"{name}_probability"] for row in rows if name in row])
        for name, labelled in pairs.items()
    }
    # The pairs differ in one number, name or circumstance: what it cannot tell there, its card says.
    weak = ("paraphrase", "law", "meaning")
    assert min(value for name, value in auc.items() if name not in weak) > 0.7
    assert min(auc[name] for name in ("review_kind", "review_opinion", "intent", "search")) > 0.9  # those that cross


@pytest.mark.usefixtures("unchecked")
def test_demo_runs_whole_on_the_bundled_pairs(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "decisions.jsonl").write_text("of an earlier demonstration\n")
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "d")])
    assert result.exit_code == 0, result.output
    assert "yanmo train" in result.stdout
    rows = [json.loads(line) for line in (tmp_path / "d" / "decisions.jsonl").read_text("utf-8").splitlines()]
    pairs = read_split(str(files("yanmo.assets") / "sample"), TaskSet.load("standards"), "valid")
    decided = Counter(name for row in rows for name in pairs if name in row)
    assert decided == {name: len(found) for name, found in pairs.items()}
    assert sum(len(found) for found in pairs.values()) > len(rows)  # a pair under several standards is one row
    _tells_apart(rows, pairs)
    shown = [line for line in result.stdout.splitlines() if line.startswith("  [")]
    assert len(shown) == 9  # three ways in which standards cross, two pairs of each length of news
    for line in shown[:3]:  # a pair on which two standards disagree
        assert ("✓" in line, "✗" in line) == (True, True), line
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["decisions.jsonl"]


def test_match_takes_a_model_or_the_bundled_one():
    result = CliRunner().invoke(app, ["match", "巴塞罗那三比零取胜", "巴萨3:0赢球"])
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(app, ["match", "default", "巴塞罗那三比零取胜", "巴萨3:0赢球"]).stdout == result.stdout
    assert all(name in result.stdout for name in TaskSet.load("standards").names)
    assert CliRunner().invoke(app, ["match", "一"]).exit_code == 2


def test_match_shows_the_standards_asked_for_as_all_of_them_are_shown():
    pair = ["巴塞罗那三比零取胜", "巴萨3:0赢球"]
    whole = CliRunner().invoke(app, ["match", *pair]).stdout.splitlines()
    some = CliRunner().invoke(app, ["match", *pair, "--task", "llB,ssB", "--task", "ssB"]).stdout.splitlines()

    def cells(lines, name):
        return next(line.split()[-3:] for line in lines if f"{name} " in line)

    assert [name for line in some for name in ("ssA", "ssB", "llB") if f"{name} " in line] == ["ssB", "llB"]
    assert [cells(some, name) for name in ("ssB", "llB")] == [cells(whole, name) for name in ("ssB", "llB")]
    assert CliRunner().invoke(app, ["match", *pair, "--task", "all"]).stdout.splitlines() == whole
    refused = CliRunner().invoke(app, ["match", *pair, "--task", "ssC"])
    assert (refused.exit_code, "ssC" in str(refused.exception)) == (1, True)


def test_bundled_pairs_are_many_balanced_and_never_in_both_splits():
    task_set = TaskSet.load("sohu")
    root = files("yanmo.assets") / "sample"
    texts = {}
    for split in ("train", "valid"):
        pairs = read_split(str(root), task_set, split)
        assert set(pairs) == set(task_set.names)
        for rows in pairs.values():
            share = sum(pair.label for pair in rows) / len(rows)
            assert len(rows) >= 40
            assert 0.25 < share < 0.75
        texts[split] = {text for rows in pairs.values() for pair in rows for text in (pair.text0, pair.text1)}
    assert not texts["train"] & texts["valid"]
