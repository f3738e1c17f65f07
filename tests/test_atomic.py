import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from yanmo.atomic import is_temporary, new_folder, replacing

DIE_WRITING = """
import os, signal, sys
from pathlib import Path
from yanmo.atomic import new_folder, replacing
out, how = Path(sys.argv[1]), sys.argv[2]
with (new_folder if how == "folder" else replacing)(out) as temporary:
    (temporary / "weights" if how == "folder" else temporary).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _die_writing(out, how):
    done = subprocess.run([sys.executable, "-c", DIE_WRITING, str(out), how], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL


def _write(out, how):
    with (new_folder if how == "folder" else replacing)(out) as temporary:
        (temporary / "weights" if how == "folder" else temporary).write_bytes(b"whole")


@pytest.mark.parametrize("how", ["folder", "file"])
def test_what_killed_ones_left_goes_with_the_next_and_nothing_of_others_does(tmp_path, how):
    out = tmp_path / "out"
    others = [".out.backup01", ".outer.yanmo-abcd1234", ".out.yanmo-short"]
    for name in others:
        (tmp_path / name).mkdir()
    for _ in range(2):
        _die_writing(out, how)
        assert not out.exists()
    assert sum(is_temporary(path.name) for path in tmp_path.iterdir()) == 2  # with the one of ".outer"
    _write(out, how)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "out"])
    assert (out / "weights" if how == "folder" else out).read_bytes() == b"whole"


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_who_still_writes_is_left_alone(tmp_path):
    out = tmp_path / "out.txt"
    with replacing(out) as slow:
        slow.write_text("slow")
        with replacing(out) as fast:
            fast.write_text("fast")
        assert out.read_text() == "fast"
    assert out.read_text() == "slow"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_a_folder_taken_for_a_killed_ones_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    import tempfile

    make, n_made = tempfile.mkdtemp, []

    def taken(**options):
        folder = Path(make(**options))
        n_made.append(folder)
        if len(n_made) == 1:
            folder.rmdir()
        return str(folder)

    monkeypatch.setattr(tempfile, "mkdtemp", taken)
    _write(tmp_path / "out", "folder")
    assert len(n_made) == 2
    assert (tmp_path / "out" / "weights").read_bytes() == b"whole"


@pytest.mark.parametrize("how", ["folder", "file"])
def test_an_error_leaves_nothing_and_the_umask_holds(tmp_path, how):
    out = tmp_path / "out"
    with pytest.raises(OSError, match="full"), (new_folder if how == "folder" else replacing)(out):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
    before = os.umask(0o027)
    try:
        _write(out, how)
    finally:
        os.umask(before)
    assert stat.S_IMODE(out.stat().st_mode) == (0o750 if how == "folder" else 0o640)


@pytest.mark.parametrize("library", ["safetensors", "tokenizers"])
def test_a_full_disk_is_named_whatever_class_a_library_has_for_it(tmp_path, library):
    """Each has it under a class of its own, none of them an OSError; a folder that is missing stands for the disk."""

    def save(path):
        if library == "safetensors":
            pytest.importorskip("safetensors.numpy").save_file({}, path / "nowhere" / "a")
        else:
            from tokenizers import Tokenizer, models

            Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(path / "nowhere" / "a"))

    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "out") as temporary:
        save(temporary.parent)
    assert caught.value.filename == str(tmp_path / "out")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "out"):
        raise ZeroDivisionError
