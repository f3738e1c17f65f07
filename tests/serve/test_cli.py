import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.cli import app
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


def test_the_command_line_and_the_core_rooms_load_no_torch():
    code = (
        "import sys, yanmo, yanmo.serve.cli, yanmo.tokenize, yanmo.match; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
