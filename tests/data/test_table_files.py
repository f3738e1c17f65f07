"""Tables that are no text, each written by the library that people write it with."""

import datetime
import json

import pytest

from yanmo.data import Columns, OnBadLine, RejectFile, Task, count_rows, read_pairs
from yanmo.errors import InputError

TASK = Task(name="news")
ROWS = [("喜欢打篮球", "爱打篮球", 1), ("=1+1", "第一行\n第二行", 0), ("  首尾  ", "😀", 1)]
NAMES = ("text1", "text2", "label")


def _triples(path, **options):
    return [(pair.text0, pair.text1, pair.label) for pair in read_pairs(path, **{"task": TASK, **options})]


def _refusal(path, **options):
    with pytest.raises(InputError) as caught:
        list(read_pairs(path, **{"task": TASK, **options}))
    return str(caught.value)


def _workbook(path, rows):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = book.active.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a text, also where it begins as a formula does
    book.save(path)
    return path


def test_a_sheet_of_openpyxl(tmp_path):
    path = _workbook(tmp_path / "a.xlsx", [NAMES, *ROWS])
    assert _triples(path) == ROWS
    assert [(pair.line, pair.row) for pair in read_pairs(path, task=TASK)] == [(2, 1), (3, 2), (4, 3)]
    assert count_rows(path) == 4


def test_a_sheet_of_pandas_with_gaps_numbers_and_moments(tmp_path):
    pandas = pytest.importorskip("pandas")
    day = datetime.datetime(2026, 1, 2, 3, 4)
    frame = pandas.DataFrame(
        {"id": [7, 8], "text1": ["甲", 12345], "text2": ["乙", 0.5], "label": [1.0, 0], "day": [day] * 2}
    )
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    pairs = list(read_pairs(tmp_path / "a.xlsx", task=TASK, keep=["day"]))
    assert [(p.id, p.text0, p.text1, p.label) for p in pairs] == [("7", "甲", "乙", 1), ("8", "12345", "0.5", 0)]
    assert pairs[0].kept == {"day": "2026-01-02 03:04:00"}


def test_a_sheet_without_a_header_and_one_with_holes(tmp_path):
    assert _triples(_workbook(tmp_path / "a.xlsx", ROWS)) == ROWS
    holes = _workbook(tmp_path / "b.xlsx", [NAMES, ROWS[0], (), ("甲", None, 1), ROWS[1]])
    with RejectFile(tmp_path / "rejects.jsonl") as rejects:
        assert _triples(holes, on_bad_line=OnBadLine.SKIP, reject_file=rejects) == [ROWS[0], ROWS[1]]
    reject = json.loads((tmp_path / "rejects.jsonl").read_text("utf-8"))
    assert (reject["line"], reject["reason"]) == (4, "the text 'text2' is null, not text")


def test_a_second_sheet_is_said_and_an_old_workbook_refused(tmp_path, caplog):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(_workbook(tmp_path / "a.xlsx", [NAMES, *ROWS]))
    book.create_sheet("另一张")
    book.save(tmp_path / "b.xlsx")
    assert _triples(tmp_path / "b.xlsx") == ROWS
    assert "另一张" in caplog.text
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 of 1997")
    assert "save it as .xlsx" in _refusal(tmp_path / "old.xls")
    (tmp_path / "zip.xlsx").write_bytes(b"PK\x03\x04 cut off")
    assert "is no Excel workbook" in _refusal(tmp_path / "zip.xlsx")


def test_parquet_of_pandas_and_of_polars(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    values = dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))
    pandas.DataFrame(values).to_parquet(tmp_path / "a.parquet")
    polars.DataFrame(values).write_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_bytes((tmp_path / "b.parquet").read_bytes())  # told by what it holds
    for name in ("a.parquet", "b.parquet", "c.csv"):
        assert _triples(tmp_path / name) == ROWS
        assert count_rows(tmp_path / name) == 3


def test_arrow_files_and_streams(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    values = dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))
    pandas.DataFrame(values).to_feather(tmp_path / "a.feather")
    polars.DataFrame(values).write_ipc(tmp_path / "b.arrow")
    polars.DataFrame(values).write_ipc_stream(tmp_path / "c.arrow")
    for name in ("a.feather", "b.arrow", "c.arrow"):
        assert _triples(tmp_path / name) == ROWS
        assert count_rows(tmp_path / name) == 3


def test_a_folder_of_save_to_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict(dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True)))
    made.select([2, 0]).save_to_disk(tmp_path / "one")
    assert _triples(tmp_path / "one") == [ROWS[2], ROWS[0]]
    assert count_rows(tmp_path / "one") == 2
    datasets.DatasetDict(train=made, validation=made).save_to_disk(tmp_path / "splits")
    assert _triples(tmp_path / "splits" / "train") == ROWS
    assert "splits train, validation" in _refusal(tmp_path / "splits")


def test_a_damaged_table_is_an_error_of_the_file(tmp_path):
    polars = pytest.importorskip("polars")
    polars.DataFrame({"text1": ["甲"], "text2": ["乙"], "label": [1]}).write_parquet(tmp_path / "a.parquet")
    cut = (tmp_path / "a.parquet").read_bytes()[:-9]
    (tmp_path / "a.parquet").write_bytes(cut)
    assert "a.parquet: cannot be read" in _refusal(tmp_path / "a.parquet")
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    assert "outside of its folder" in _refusal(tmp_path)


def test_nested_keys_in_json_and_in_parquet(tmp_path):
    polars = pytest.importorskip("polars")
    row = {"pair": {"a": "甲", "b": {"text": "乙"}}, "marks": {"news": 1}}
    task = Task(name="news", column="marks.news", first="pair.a", second="pair.b.text")
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    polars.DataFrame([row]).write_parquet(tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        assert _triples(tmp_path / name, task=task) == [("甲", "乙", 1)]
    flat = tmp_path / "b.jsonl"
    flat.write_text(json.dumps({"pair.a": "己", **row}) + "\n", encoding="utf-8")
    columns = Columns("pair.a", "pair.b.text")
    assert [(p.text0, p.text1) for p in read_pairs(flat, columns=columns)] == [("己", "乙")]
