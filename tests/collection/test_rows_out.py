import pytest

from yanmo.collection.rows_out import check_output, write_rows
from yanmo.collection.texts import read_texts
from yanmo.errors import InputError


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "out.csv.part"
    folder.mkdir()
    (folder / "vectors").write_bytes(b"0" * 10)
    return folder


def test_the_work_goes_as_the_rows_come(tmp_path, work):
    write_rows(tmp_path / "out.csv", ("id", "text"), [{"id": 1, "text": "=1+1"}], done=work)
    assert (tmp_path / "out.csv").read_text() == "id,text\n1,'=1+1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("name", ["out.xlsx", "out.parquet", "out.jsonl", "out.tsv"])
def test_every_form_holds_the_same_rows(tmp_path, work, name):
    rows = [{"id": "q1", "text": "=1+1", "p": 0.25, "n": 3}, {"id": "q2", "text": "怎么,退款", "p": 1.0, "n": 4}]
    check_output(tmp_path / name)
    write_rows(tmp_path / name, ("id", "text", "p", "n"), iter(rows), done=work)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    found = read_texts(tmp_path / name)
    assert found.ids == ["q1", "q2"]
    assert [text.removeprefix("'") for text in found.texts] == ["=1+1", "怎么,退款"]
    assert [(float(row["p"]), int(float(row["n"]))) for row in found.rows] == [(0.25, 3), (1.0, 4)]


def test_a_sheet_that_is_full_is_refused_and_leaves_the_work(tmp_path, work, monkeypatch):
    monkeypatch.setattr("yanmo.data.whole_tables._SHEET_ROWS", 2)
    with pytest.raises(InputError, match=r"out\.xlsx: a sheet holds 2 rows"):
        write_rows(tmp_path / "out.xlsx", ("id",), [{"id": i} for i in range(3)], done=work)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv.part"]


def test_rows_that_fail_leave_the_work(tmp_path, work):
    def rows():
        yield {"id": 1}
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_rows(tmp_path / "out.csv", ("id",), rows(), done=work)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv.part"]
    assert (work / "vectors").is_file()


def test_what_a_killed_call_left_beside_its_output_is_removed_by_the_next(tmp_path, work):
    out = tmp_path / "out.csv"
    out.write_text("id\n1\n")
    left = tmp_path / ".out.csv.yanmo-a1b2c3d4"
    left.mkdir()
    work.replace(left / work.name)
    with pytest.raises(InputError, match=r"out\.csv: exists"):
        check_output(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
