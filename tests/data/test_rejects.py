import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from yanmo.data.rejects import RejectFile
from yanmo.errors import InputError


def records(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def test_lines_are_kept_whole(tmp_path):
    path = tmp_path / "new" / "rejects.jsonl"
    text = '{"a": "换\u2028行\t\\ud800'
    with RejectFile(path) as rejects:
        rejects.write("a.txt", line=3, reason="is not JSON", text=text)
        rejects.write("b.txt", line=3, reason="is not JSON", text="")
        rejects.write("a.txt", line=9, reason="label", text="x\ny")
    assert records(path) == [
        {"file": "a.txt", "line": 3, "reason": "is not JSON", "text": text},
        {"file": "b.txt", "line": 3, "reason": "is not JSON", "text": ""},
        {"file": "a.txt", "line": 9, "reason": "label", "text": "x\ny"},
    ]
    assert rejects.by_file == {"a.txt": 2, "b.txt": 1}
    assert rejects.n_rejected == 3


def test_a_line_read_twice_is_kept_once_for_each_reason(tmp_path):
    with RejectFile(tmp_path / "r") as rejects:
        for _ in range(2):
            rejects.write("a.txt", line=3, reason="one", text="t")
            rejects.write("a.txt", line=3, reason="two", text="t")
    assert [record["reason"] for record in records(tmp_path / "r")] == ["one", "two"]
    assert rejects.n_rejected == 2


def test_nothing_rejected_leaves_no_file(tmp_path):
    path = tmp_path / "r"
    with RejectFile(path) as rejects:
        rejects.write("a.txt", line=1, reason="one", text="t")
    with RejectFile(path):
        pass
    assert not path.exists()


@pytest.mark.parametrize("content", ['{"source": "甲", "target": "乙"}\n', "text\n", "[1]\n", "\udcd2"])
def test_other_files_are_never_overwritten(tmp_path, content):
    path = tmp_path / "train.txt"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match="no reject file"):
        RejectFile(path)
    assert path.read_text(encoding="utf-8", errors="surrogateescape") == content


def test_an_empty_file_may_be_taken(tmp_path):
    (tmp_path / "r").touch()
    with RejectFile(tmp_path / "r") as rejects:
        rejects.write("a.txt", line=1, reason="one", text="t")
    assert len(records(tmp_path / "r")) == 1


def test_a_killed_run_leaves_every_line_written(tmp_path):
    code = (
        "import os, signal, sys, pathlib\n"
        "from yanmo.data.rejects import RejectFile\n"
        "rejects = RejectFile(pathlib.Path(sys.argv[1]))\n"
        "for n in range(1, 101): rejects.write('a.txt', line=n, reason='r', text='字' * 50)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "r")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [record["line"] for record in records(tmp_path / "r")] == list(range(1, 101))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path):
    with RejectFile(tmp_path / "r") as rejects:
        rejects.write("a.txt", line=1, reason="one", text="t")
        rejects.close()
        rejects._file = io.FileIO("/dev/full", "w")
        with pytest.raises(InputError, match="No space left"):
            rejects.write("a.txt", line=2, reason="one", text="t")
    assert [record["line"] for record in records(tmp_path / "r")] == [1]
    assert rejects.n_rejected == 1
