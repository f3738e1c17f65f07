import pytest

from yanmo.collection.rows_out import check_output, write_rows
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
