import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yanmo.data.lines import Flaw, Line
from yanmo.data.rows import FileFormat, choose_format, read_rows
from yanmo.errors import InputError

WHERE = Path("a.txt")


def rows(text, file_format):
    lines = (Line(number, line, None) for number, line in enumerate(io.StringIO(text, newline="\n"), 1))
    return list(read_rows(lines, file_format, where=WHERE))


@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        ("a.jsonl", "", FileFormat.JSONL),
        ("a.JSON.gz", "", FileFormat.JSONL),
        ("a.ndjson.xz", "", FileFormat.JSONL),
        ("a.tsv.zst", "a,b", FileFormat.TSV),
        ("a.csv", '{"a": 1}', FileFormat.CSV),
        ("a.csv", "a,b\tc,d", FileFormat.CSV),
        ("atec.csv", "1\t甲\t乙\t0", FileFormat.TSV),
        ("train.txt", ' {"a": 1}', FileFormat.JSONL),
        ("train.txt.gz", "甲,乙\t丙", FileFormat.TSV),
        ("train", "a,b", FileFormat.CSV),
        ("v1.2", "a,b", FileFormat.CSV),
    ],
)
def test_formats_are_told_by_name_then_by_first_line(name, first, expected):
    assert choose_format(Path(name), first) is expected


def test_a_format_that_cannot_be_told():
    with pytest.raises(InputError, match="--format"):
        choose_format(Path("a.txt"), "只有一句话")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3), max_size=5))
def test_csv_comes_back_as_the_standard_library_wrote_it(table):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
    found = rows(buffer.getvalue(), FileFormat.CSV)
    assert [row.values for row in found] == table
    starts = [1 + sum(cell.count("\n") + 0 for row in table[:n] for cell in row) + n for n in range(len(table))]
    assert [row.line for row in found] == starts


@given(st.lists(st.dictionaries(TEXTS, TEXTS, min_size=1), max_size=4), st.booleans())
def test_json_lines_come_back(objects, ascii_only):
    text = "\r\n".join(json.dumps(value, ensure_ascii=ascii_only) for value in objects)
    assert [row.values for row in rows(text, FileFormat.JSONL)] == objects


def test_blank_lines_are_no_rows_but_count_as_lines():
    for file_format, row in ((FileFormat.JSONL, '{"a": 1}'), (FileFormat.CSV, "a,b"), (FileFormat.TSV, "a\tb")):
        assert [found.line for found in rows(f"\n{row}\n  \r\n\n{row}\r\n\n", file_format)] == [2, 5]


def test_tabs_alone_are_a_row_of_empty_cells():
    assert [row.values for row in rows("a\tb\n\t\n", FileFormat.TSV)] == [["a", "b"], ["", ""]]


def test_quotes_in_tab_separated_rows_are_text_unless_they_wrap_a_cell():
    line = '他说"好"\t"好"和"坏"\t"未完\t"带""引号"""\t""\t"\n'
    assert rows(line, FileFormat.TSV)[0].values == ['他说"好"', '"好"和"坏"', '"未完', '带"引号"', "", '"']


@pytest.mark.parametrize("n", [131_072, 131_073, 500_000])
def test_long_fields(n):
    assert rows(f'"{"字" * n}",b\n', FileFormat.CSV)[0].values == ["字" * n, "b"]


def test_the_limit_of_csv_fields_is_never_lowered():
    before = csv.field_size_limit(1 << 30)
    try:
        rows("a,b\n", FileFormat.CSV)
        assert csv.field_size_limit() == 1 << 30
    finally:
        csv.field_size_limit(before)


def test_an_unclosed_quote_is_named_where_it_was_opened():
    found = rows('a,b\n"甲\n乙,丙\n', FileFormat.CSV)
    assert (found[1].line, found[1].values, found[1].text) == (2, None, '"甲\n乙,丙')
    assert "not CSV" in found[1].flaw.reason


def test_an_unclosed_quote_does_not_swallow_a_large_file(monkeypatch):
    monkeypatch.setattr("yanmo.data.rows.MAX_ROW_SIZE", 1000)
    with pytest.raises(InputError, match=r"a\.txt:2: a quote opened in this row is not closed"):
        rows('a,b\n"甲\n' + "乙,丙\n" * 1000, FileFormat.CSV)


def test_reading_goes_on_after_a_bad_row():
    found = rows('a,b\n"甲"乙,丙\n"丁\n戊",己\n', FileFormat.CSV)
    assert [(row.line, row.values) for row in found] == [(1, ["a", "b"]), (2, None), (3, ["丁\n戊", "己"])]
    assert found[1].text == '"甲"乙,丙'


@pytest.mark.parametrize("file_format", [each for each in FileFormat if each.is_text])
def test_null_bytes_and_undecodable_lines_are_flaws(file_format):
    good = {FileFormat.JSONL: '{"a": "b"}\n', FileFormat.CSV: "a,b\n", FileFormat.TSV: "a\tb\n"}[file_format]
    flaw = Flaw("byte 1", "--encoding")
    lines = [Line(1, good, None), Line(2, good.replace("b", "b\0"), None), Line(3, good, flaw), Line(4, good, None)]
    found = list(read_rows(iter(lines), file_format, where=WHERE))
    assert [row.flaw is None for row in found] == [True, False, False, True]
    assert "null byte" in found[1].flaw.reason
    assert found[2].flaw == flaw


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"a": 1', "not JSON"),
        ("[1, 2]", "JSON list"),
        ("3", "JSON int"),
        ("null", "NoneType"),
        ("[" * 200_000, "not JSON"),
        ('{"a": ' + "1" * 6000 + "}", "not JSON"),
        ('{"a": "b"} {"a": "b"}', "Extra data"),
    ],
)
def test_lines_that_are_no_json_object(line, words):
    found = rows(f'{{"a": 1}}\n{line}\n', FileFormat.JSONL)
    assert words in found[1].flaw.reason
    assert (found[1].line, found[1].text, found[1].values) == (2, line, None)


def test_a_json_list_of_rows_is_told_from_json_lines():
    assert "jq" in rows('[\n {"a": 1}\n]\n', FileFormat.JSONL)[0].flaw.fix
