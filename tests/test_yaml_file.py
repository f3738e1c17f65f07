from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from yanmo.data import TaskSet
from yanmo.errors import InputError
from yanmo.yaml_file import parse_yaml, read_yaml


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rate: float = 1.0
    is_on: bool = False
    n: int = 1
    kind: Literal["a", "b"] = "a"
    labels: list[str] = []


def _read(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, _Settings)


@pytest.mark.parametrize(
    "written", ["yes", "No", "on", "off", "010", "0x10", "0o7", "12:30", "1_000", "2021-01-01", "="]
)
def test_words_are_what_was_written(tmp_path, written):
    assert parse_yaml(written) == written
    assert _read(tmp_path, f"labels: [{written}]").labels == [written]


def test_numbers_and_switches_are_still_read(tmp_path):
    assert _read(tmp_path, "{rate: 1e-3, is_on: yes, n: 010}") == _Settings(rate=0.001, is_on=True, n=10)
    assert parse_yaml("[true, ~, -5, 2.5, .5, 1E2]") == [True, None, -5, 2.5, 0.5, 100.0]


@pytest.mark.parametrize(("written", "misread"), [("yes", 1), ("12:30", 750), ("0x10", 16), ("010", 8)])
def test_a_label_is_what_the_task_file_says(tmp_path, written, misread):
    path = tmp_path / "tasks.yaml"
    path.write_text(f"name: mine\ntasks:\n  - name: news\n    positive: [{written}]\n    negative: [no]\n", "utf-8")
    task = TaskSet.load(path).task("news")
    assert (task.label_of(written), task.label_of("no"), task.label_of(misread)) == (1, 0, None)


def _laughs(levels):
    lines = ["a0: &a0 [z]", *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (_laughs(9), 1, "anchors"),
        ("rate: 1\nlabels: *a", 2, "aliases"),
        ("rate: !!float abc", 1, "the tag"),
        ("n: !!int abc", 1, "the tag"),
        ("kind: !!python/object/apply:os.system [ls]", 1, "the tag"),
        ("labels: " + "[" * 2000 + "]" * 2000, 1, "deeper than 32"),
        ("? [a, b]\n: 1", 1, "a key is a list"),
        ('rate: 1\n"rate": 2', 2, "given twice"),
        ('kind: "\\ud800"', 1, "surrogate"),
        ("n: " + "1" * 5000, 1, "n: "),
        ("1: 2", 1, "1: Extra"),
        ("rate: 1\n~: 2", 2, "~: Extra"),
        ("<<: 3\nrate: 1", 1, "<<: Extra"),
        ("rate: 1\n? {a: b}\n: 1", 2, "a key is a list or a mapping"),
        ("rate: 1\n---\nrate: 2", 2, "another document"),
        ("kind: !!set {a, b}", 1, "the tag"),
    ],
)
def test_bombs_and_oddities_are_refused_with_their_line(tmp_path, text, line, words):
    with pytest.raises(InputError, match=words) as refusal:
        _read(tmp_path, text)
    assert refusal.value.line == line


def test_null_bytes_and_huge_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="not valid YAML"):
        _read(tmp_path, "kind: a\0")
    (tmp_path / "settings.yaml").write_text("kind: a", encoding="utf-16")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_yaml(tmp_path / "settings.yaml", _Settings)
    with pytest.raises(InputError, match="longer than 4 MiB"):
        _read(tmp_path, "# " + "x" * (1 << 22))
