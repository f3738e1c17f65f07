"""What stands in the rows of a prediction, whatever the file they are written to."""

import csv
import json
import multiprocessing
import os
import signal

import pytest

from yanmo.bulk import predict
from yanmo.bulk.pair_chunks import ScorerHere
from yanmo.bulk.predict import PredictSource, predict_files
from yanmo.errors import InputError

TASKS = ("ssB", "ssA")
OWN = ["id", "ssB", "ssB_probability", "ssA", "ssA_probability"]
SUFFIXES = ("csv", "tsv", "jsonl", "xlsx", "parquet")
ROWS = [
    {"id": f"a{i}", "source": "一丁七"[: i % 4], "target": "一丁", "price": i, "shop": "=1+1" if i % 2 else "店\n二"}
    for i in range(40)
]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(predict, "_PAIRS", 16)


@pytest.fixture
def judge(overlap_matcher):
    def run(rows, out, *, tasks=TASKS, **more):
        path = out.with_name(f"{out.name}.in.jsonl")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return predict_files(ScorerHere(overlap_matcher[0]), [PredictSource(tasks, path)], out, **more)

    return run


def _read(path):
    """Rows of a file of any form, read by the library that people read it with."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    pandas = pytest.importorskip("pandas")
    if path.suffix == ".parquet":
        return pandas.read_parquet(path).to_dict("records")
    if path.suffix == ".xlsx":
        return pandas.read_excel(path, keep_default_na=False).to_dict("records")
    return pandas.read_csv(path, sep="," if path.suffix == ".csv" else "\t", keep_default_na=False).to_dict("records")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_form_holds_the_columns_kept_and_every_standards_answer(judge, overlap_matcher, tmp_path, suffix):
    out = tmp_path / f"out.{suffix}"
    done = judge(ROWS, out)
    rows = _read(out)
    assert list(rows[0]) == ["source", "target", "price", "shop", *OWN]
    # What a spreadsheet would compute stands after an apostrophe where nothing else says that it is a text.
    quoted = "'=1+1" if suffix in ("csv", "tsv") else "=1+1"
    assert [(row["id"], row["price"], row["shop"]) for row in rows] == [
        (row["id"], row["price"], row["shop"].replace("=1+1", quoted)) for row in ROWS
    ]
    found = overlap_matcher[0].judge([(row["source"], row["target"]) for row in ROWS], tasks=TASKS)
    for task, verdict in found.items():
        assert [row[task] for row in rows] == verdict.accepted.tolist()
        assert [row[f"{task}_probability"] for row in rows] == pytest.approx(verdict.probabilities, abs=1e-6)
        assert done.matches[task] == verdict.accepted.sum()
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, f"{out.name}.in.jsonl", "overlap"]


def test_columns_are_kept_by_name_or_not_at_all(judge, tmp_path):
    judge(ROWS, tmp_path / "names.csv", keep=["price"])
    judge(ROWS, tmp_path / "none.csv", keep=[])
    judge(ROWS, tmp_path / "none.jsonl", keep=[])
    assert [list(_read(tmp_path / name)[0]) for name in ("names.csv", "none.csv", "none.jsonl")] == [
        ["price", *OWN],
        OWN,
        OWN,
    ]
    with pytest.raises(InputError, match="no column 'prise' to keep"):
        judge(ROWS, tmp_path / "typo.csv", keep=["prise"])


def test_the_last_rows_column_is_a_column_of_the_table(judge, tmp_path):
    judge([*ROWS, ROWS[0] | {"id": "z", "late": [1, "二"]}], tmp_path / "out.csv")
    rows = _read(tmp_path / "out.csv")
    assert (rows[0]["late"], json.loads(rows[-1]["late"])) == ("", [1, "二"])


def test_columns_of_one_name_are_refused(judge, tmp_path):
    for suffix in SUFFIXES:
        with pytest.raises(InputError, match=r"column '(ssA|ssB)'.*--keep"):
            judge([row | {"ssB": 1} for row in ROWS], tmp_path / f"out.{suffix}")
        assert not (tmp_path / f"out.{suffix}").exists()
    judge([row | {"ssB": 1} for row in ROWS], tmp_path / "kept.csv", keep=["shop"])


def test_rows_without_id_bear_their_own_number(judge, tmp_path):
    judge([{"source": "一", "target": "丁"}] * 3, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["1", "2", "3"]


def test_of_several_files_rows_say_which(overlap_matcher, tmp_path):
    sources = []
    for task in ("ssA", "slA"):
        (tmp_path / task).mkdir()
        path = tmp_path / task / "test.jsonl"
        path.write_text('{"source": "一", "target": "一"}\n', encoding="utf-8")
        sources.append(PredictSource((task,), path))
    predict_files(ScorerHere(overlap_matcher[0]), sources, tmp_path / "out.csv", keep=())
    rows = _read(tmp_path / "out.csv")
    assert [(row["file"], row["ssA"], row["slA"]) for row in rows] == [
        ("ssA/test.jsonl", "1", ""),
        ("slA/test.jsonl", "", "1"),
    ]


def test_a_sheet_that_cannot_hold_a_text_says_so_and_where(judge, tmp_path):
    long = [*ROWS, {"source": "一", "target": "丁", "id": "z", "shop": "字" * 32_768}]
    with pytest.raises(InputError, match=r"in.jsonl:41: the row has 32,768 characters in 'shop'"):
        judge(long, tmp_path / "out.xlsx")
    judge(long, tmp_path / "out.parquet")
    judge([row | {"shop": "\x01"} for row in ROWS], tmp_path / "control.xlsx")
    assert _read(tmp_path / "control.xlsx")[0]["shop"] == "_x0001_"


def test_columns_of_parquet_have_the_kind_of_their_values(judge, tmp_path):
    kinds = [{"n": 1, "x": 1, "b": True, "m": 1, "l": [1], "big": 1 << 70, "none": None}, {"n": 2, "x": 0.5, "m": "二"}]
    judge([ROWS[i] | kind for i, kind in enumerate(kinds)], tmp_path / "out.parquet")
    from pyarrow.parquet import read_table

    table = read_table(tmp_path / "out.parquet")
    assert [str(table.schema.field(name).type) for name in ("n", "x", "b", "m", "l", "big", "none")] == [
        *("int64", "double", "bool", "string", "string", "string", "string")
    ]
    assert table["m"].to_pylist() == ["1", "二"]
    assert table["big"].to_pylist() == [str(1 << 70), None]


def _killed_after(n_chunks, judge, out):
    seen = []

    def on_progress(n):
        seen.append(n)
        if len(seen) == n_chunks:
            os.kill(os.getpid(), signal.SIGKILL)

    judge(out, on_progress=on_progress)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_after_kills_every_form_is_as_without(overlap_matcher, tmp_path, suffix):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")

    def judge(out, **more):
        return predict_files(ScorerHere(overlap_matcher[0]), [PredictSource(TASKS, source)], out, **more)

    judge(tmp_path / f"whole.{suffix}")
    out = tmp_path / f"killed.{suffix}"
    for n_chunks in (1, 1, 1):  # the last dies when all rows are there and the file is not
        child = multiprocessing.get_context("fork").Process(target=_killed_after, args=(n_chunks, judge, out))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        assert not out.exists()
    assert judge(out).n_before == len(ROWS)
    assert _read(out) == _read(tmp_path / f"whole.{suffix}")
