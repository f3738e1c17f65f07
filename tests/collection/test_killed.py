"""Killed at any write, each verb goes on and ends with the same files."""

import os
import signal
import warnings

import pytest

from yanmo.collection import TextIndex, deduplicate, link

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked to be killed")

TEXTS = [a + b for a in "今天气不错" for b in ("绑定银行卡", "解除银行卡", "去公园")]
_LARGEST_GAP = 9  # writes until the next kill: enough for one portion, with what opening the folder writes


def _dedup(matcher, folder):
    deduplicate(TEXTS, matcher=matcher, task="strict", out=folder / "groups.csv")


def _link(matcher, folder):
    link(TEXTS[:9], TEXTS[5:], matcher=matcher, task="strict", out=folder / "links.csv")


def _index(matcher, folder):
    with TextIndex.opened(folder / "idx", matcher, task="strict") as index:
        index.add(TEXTS)


def _content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


@pytest.mark.parametrize("verb", [_dedup, _link, _index])
def test_killed_at_any_write_it_goes_on_to_the_same_files(verb, make_characters, tmp_path, monkeypatch):
    monkeypatch.setattr("yanmo.collection.vector_folder._PORTION", 2)
    monkeypatch.setattr("yanmo.collection.scoring._PORTION", 7)
    whole, killed, matcher = tmp_path / "whole", tmp_path / "killed", make_characters()
    whole.mkdir()
    killed.mkdir()
    verb(matcher, whole)
    n_killed = 0
    for at in range(200):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads, which stand still here
            child = os.fork()
        if child == 0:
            fsync, left = os.fsync, [1 + at % _LARGEST_GAP]

            def struck(descriptor, fsync=fsync, left=left):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                fsync(descriptor)

            os.fsync = struck
            try:
                verb(matcher, killed)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        n_killed += 1
    assert n_killed >= 20
    assert _content(killed) == _content(whole)
