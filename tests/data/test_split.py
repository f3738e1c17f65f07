import csv
import dataclasses
import gzip
import json
import logging
import random

import pytest

from yanmo.data.pair import Pair
from yanmo.data.rejects import OnBadLine, RejectFile
from yanmo.data.split import fingerprint_pairs, read_split
from yanmo.data.tasks import Task, TaskSet
from yanmo.errors import InputError

SOHU = TaskSet.load("sohu")


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def brief(pairs):
    return {name: [(pair.text0, pair.label) for pair in rows] for name, rows in pairs.items()}


def row(text, **more):
    return {"source": text, "target": "乙", **more}


def test_shared_folder_feeds_both_tasks_with_the_rows_they_label(tmp_path, caplog):
    write(
        tmp_path / "ss" / "train.txt",
        [row("甲", labelA="1", labelB="0"), row("丙", labelA=0), row("丁", labelA=None, labelB=1.0)],
    )
    assert brief(read_split(tmp_path, SOHU, "train")) == {
        "ssA": [("甲", 1), ("丙", 0)],
        "ssB": [("甲", 0), ("丁", 1)],
    }
    assert "no 'train' data for the tasks slA, slB, llA, llB" in caplog.text


def test_shared_folder_with_one_label_only_feeds_one_task(tmp_path):
    write(tmp_path / "ss" / "train.txt", [row("甲", labelB="1")])
    assert brief(read_split(tmp_path, SOHU, "train")) == {"ssB": [("甲", 1)]}


def test_two_standards_of_one_graded_column(tmp_path):
    loose = Task(name="A", column="grade", positive=(3, 5), negative=(0,), folders="news")
    strict = Task(name="B", column="grade", positive=(5,), negative=(0, 3), folders="news")
    write(tmp_path / "news" / "train.txt", [row(str(grade), grade=grade) for grade in (0, 3, 5)])
    assert brief(read_split(tmp_path, TaskSet(name="s", tasks=(loose, strict)), "train")) == {
        "A": [("0", 0), ("3", 1), ("5", 1)],
        "B": [("0", 0), ("3", 0), ("5", 1)],
    }
    write(tmp_path / "news" / "valid.txt", [row("甲", grade=5), row("乙", grade=None)])
    with pytest.raises(InputError, match=r"valid\.txt:2: the label 'grade' is empty"):
        read_split(tmp_path, TaskSet(name="s", tasks=(loose, strict)), "valid")


def test_a_row_nobody_labels_is_bad(tmp_path):
    write(tmp_path / "ss" / "train.txt", [row("甲", labelA="1", labelB="0"), row("丙")])
    with pytest.raises(InputError, match=r"train\.txt:2: there is no label 'labelA'"):
        read_split(tmp_path, SOHU, "train")


def test_a_task_folder_needs_its_own_label(tmp_path):
    write(tmp_path / "ssA" / "train.txt", [row("甲", labelB="1")])
    with pytest.raises(InputError, match=r"train\.txt:1: there is no label 'labelA'"):
        read_split(tmp_path, SOHU, "train")


def test_mixed_shapes_of_many_tasks(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    tasks = TaskSet(
        name="mixed",
        tasks=(
            Task(name="ssA", column="labelA"),
            Task(name="lcqmc", folders=("pairs/lcqmc",)),
            Task(name="stsb", first="sentence1", second="sentence2", column="score", positive_from=3),
        ),
    )
    write(tmp_path / "ssA" / "valid.txt", [row("甲", labelA="1")])
    (tmp_path / "pairs" / "lcqmc").mkdir(parents=True)
    (tmp_path / "pairs" / "lcqmc" / "dev.tsv.gz").write_bytes(gzip.compress("一\t二\t0\n三\t四\t1\n".encode()))
    (tmp_path / "stsb").mkdir()
    with (tmp_path / "stsb" / "dev.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("split", "sentence1", "sentence2", "score"), ("dev", "五", "六", 4.2)])
    assert brief(read_split(tmp_path, tasks, "valid")) == {
        "ssA": [("甲", 1)],
        "lcqmc": [("一", 0), ("三", 1)],
        "stsb": [("五", 1)],
    }
    assert not caplog.messages


def test_test_files_are_read_without_labels(tmp_path):
    write(tmp_path / "llB" / "test_with_id.txt", [row("甲", id="a"), row("", id="b")])
    pairs = read_split(tmp_path, SOHU, "test", labelled=False)["llB"]
    assert [(pair.id, pair.text0, pair.label) for pair in pairs] == [("a", "甲", None), ("b", "", None)]


def test_bad_lines_of_all_files_go_to_one_reject_file(tmp_path):
    write(
        tmp_path / "ss" / "train.txt",
        [row("甲", labelA="2", labelB="0"), row("丙", labelA="1", labelB="2"), [], row("丁", labelA=1, labelB=1)],
    )
    write(tmp_path / "llA" / "train.txt", [row("甲", labelA="1"), row("", labelA="1")])
    with RejectFile(tmp_path / "rejects.jsonl") as rejects:
        pairs = read_split(tmp_path, SOHU, "train", on_bad_line=OnBadLine.SKIP, reject_file=rejects)
    assert brief(pairs) == {"ssA": [("丙", 1), ("丁", 1)], "ssB": [("甲", 0), ("丁", 1)], "llA": [("甲", 1)]}
    assert rejects.by_file == {str(tmp_path / "ss" / "train.txt"): 3, str(tmp_path / "llA" / "train.txt"): 1}


def pairs_of(*triples):
    return [Pair(text0, text1, label, None, n, "a.txt") for n, (text0, text1, label) in enumerate(triples, 1)]


DATA = {"ssA": pairs_of(("甲", "乙", 1), ("甲", "乙", 1), ("丙", "丁", 0)), "ssB": pairs_of(("甲", "乙", 0))}


def test_fingerprint_is_of_the_rows_whatever_file_they_came_from():
    rows = [dataclasses.replace(pair, id="7", line=99, source="b.csv") for pair in DATA["ssA"]]
    random.Random(3).shuffle(rows)
    assert fingerprint_pairs({"ssB": DATA["ssB"], "ssA": rows}) == fingerprint_pairs(DATA)


@pytest.mark.parametrize(
    "other",
    [
        {"ssA": DATA["ssA"]},
        {"ssA": DATA["ssA"], "ssB": []},
        {"ssA": DATA["ssB"], "ssB": DATA["ssA"]},
        {**DATA, "ssA": DATA["ssA"][1:]},
        {**DATA, "ssB": pairs_of(("甲", "乙", 1))},
        {**DATA, "ssB": pairs_of(("甲", "乙", None))},
        {**DATA, "ssB": pairs_of(("乙", "甲", 0))},
        {**DATA, "ssB": pairs_of(("甲乙", "", 0))},
        {**DATA, "ssB": pairs_of(("甲", "乙 ", 0))},
    ],
)
def test_fingerprint_tells_any_change(other):
    assert fingerprint_pairs(other) != fingerprint_pairs(DATA)


def test_a_label_column_that_no_row_has_is_named(tmp_path, caplog):
    folder = tmp_path / "both"
    folder.mkdir()
    (folder / "train.csv").write_text("text1,text2,labelA\n甲,乙,1\n", encoding="utf-8")
    tasks = TaskSet(
        name="s", tasks=tuple(Task(name=n, column=c, folders=("both",)) for n, c in (("a", "labelA"), ("b", "lablB")))
    )
    assert list(read_split(tmp_path, tasks, "train")) == ["a"]
    assert "no row has a 'lablB', the label of 'b' (columns found: text1, text2, labelA)" in caplog.text
