import pandas
import polars
import pytest
from openpyxl import Workbook

from yanmo.collection.texts import read_texts
from yanmo.errors import InputError

ROWS = [{"id": "q1", "question": "怎么退款"}, {"id": "q2", "question": "如何退钱"}]


def _files(folder):
    frame = pandas.DataFrame(ROWS)
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_csv(folder / "a.tsv", index=False, sep="\t")
    frame.to_json(folder / "a.jsonl", orient="records", lines=True, force_ascii=False)
    frame.to_parquet(folder / "a.parquet")
    frame.to_csv(folder / "gbk.csv", index=False, encoding="gb18030")
    book = Workbook()
    for row in ([*ROWS[0]], *([*row.values()] for row in ROWS)):
        book.active.append(row)
    book.save(folder / "a.xlsx")
    return sorted(folder.iterdir())


def test_a_collection_is_the_same_in_every_form(tmp_path):
    given = [*_files(tmp_path), ROWS, pandas.DataFrame(ROWS), polars.DataFrame(ROWS)]
    assert len(given) == 9
    for each in given:
        table = read_texts(each)
        assert (table.ids, table.texts, table.column) == (["q1", "q2"], ["怎么退款", "如何退钱"], "question"), each


def test_lines_and_lists_of_texts_are_numbered(tmp_path):
    (tmp_path / "lines.txt").write_text("怎么退款\n如何退钱\n", encoding="utf-8")
    for each in (tmp_path / "lines.txt", ["怎么退款", "如何退钱"]):
        assert read_texts(each).texts == ["怎么退款", "如何退钱"]
        assert read_texts(each).ids == ["1", "2"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no text"),
        ([{"text": 5}], "is 5, not a text"),
        ([5], "is a int, not a text"),
        ([{"a": "x", "b": "y"}], "no column is known"),
        ([{"id": "1", "text": "x"}, {"id": "1", "text": "y"}], "is there twice"),
    ],
)
def test_what_is_no_collection_is_refused(rows, said):
    with pytest.raises(InputError, match=said):
        read_texts(rows)
