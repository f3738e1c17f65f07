"""Answers are on the disk one by one; kills, undoing, other programs and other people."""

import csv
import os
import signal
import subprocess
import sys

import pytest

from yanmo.errors import InputError
from yanmo.standard.label.answers import Answers

PAIRS = [("甲", "乙"), ('他说"好"，', "多行\n的文本"), ("丙,丁", "=1+1")]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def test_every_answer_is_a_row_and_the_last_can_be_taken_back(tmp_path):
    path = tmp_path / "deep" / "labelled.csv"
    with Answers(path) as answers:
        for i, pair in enumerate(PAIRS):
            answers.add(pair, i % 2)
            assert rows(path) == [[*each, str(j % 2)] for j, each in enumerate(PAIRS[: i + 1])]
        assert answers.take_back() == PAIRS[2]
        assert len(rows(path)) == 2
    with Answers(path) as again:
        assert (again.pairs, again.labels) == (PAIRS[:2], [0, 1])
        assert [again.take_back(), again.take_back(), again.take_back()] == [PAIRS[1], PAIRS[0], None]
        again.add(PAIRS[2], 1)
    assert rows(path) == [[*PAIRS[2], "1"]]


def test_a_row_that_was_cut_off_anywhere_is_no_answer(tmp_path):
    path = tmp_path / "labelled.csv"
    with Answers(path) as answers:
        answers.add(PAIRS[0], 1)
        whole = path.stat().st_size
        answers.add(PAIRS[1], 0)
    content = path.read_bytes()
    for size in range(whole, len(content)):
        path.write_bytes(content[:size])
        with Answers(path) as answers:
            assert answers.pairs == PAIRS[:1]
            answers.add(PAIRS[2], 0)
        assert rows(path) == [[*PAIRS[0], "1"], [*PAIRS[2], "0"]]
    for size in range(4):  # also of the header
        path.write_bytes(content[:size])
        with Answers(path) as answers:
            assert len(answers) == 0


def test_a_killed_process_loses_nothing(tmp_path):
    path = tmp_path / "labelled.csv"
    program = f"""
import os, signal
from pathlib import Path
from yanmo.standard.label.answers import Answers
answers = Answers(Path({str(path)!r}))
for i in range(5):
    answers.add((f"a{{i}}", "b"), 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    with Answers(path) as answers:
        assert [pair[0] for pair in answers.pairs] == ["a0", "a1", "a2", "a3", "a4"]


def test_two_people_cannot_write_one_file(tmp_path):
    pytest.importorskip("fcntl")
    with Answers(tmp_path / "labelled.csv"):
        with pytest.raises(InputError, match="somebody else"):
            Answers(tmp_path / "labelled.csv")
        Answers(tmp_path / "other.csv").close()
    Answers(tmp_path / "labelled.csv").close()


@pytest.mark.parametrize("replaces", [False, True])
def test_a_file_edited_meanwhile_is_left_as_it_is_and_read_at_the_next_start(tmp_path, replaces):
    path = tmp_path / "labelled.csv"
    edited = "text1,text2,label\n甲,乙,0\n戊,己,1\n"
    with Answers(path) as answers:
        answers.add(PAIRS[0], 1)
        if replaces:  # as spreadsheets do
            (tmp_path / "new").write_text(edited, encoding="utf-8")
            (tmp_path / "new").replace(path)
        else:
            path.write_text(edited, encoding="utf-8")
        for change in (lambda: answers.add(PAIRS[1], 1), answers.take_back):
            with pytest.raises(InputError, match="changed by another program"):
                change()
    assert path.read_text(encoding="utf-8") == edited
    with Answers(path) as answers:
        assert (answers.pairs, answers.labels) == ([("甲", "乙"), ("戊", "己")], [0, 1])


def test_a_table_of_something_else_is_refused(tmp_path):
    path = tmp_path / "labelled.csv"
    path.write_text("text1,text2,label\n甲,乙,3\n", encoding="utf-8")
    with pytest.raises(InputError, match="'3' is neither 1 nor 0"):
        Answers(path)
    path.write_text("name,age\n甲,3\n", encoding="utf-8")
    with pytest.raises(InputError, match="two texts"):
        Answers(path)
