import pytest

from yanmo.atomic import new_folder, replacing
from yanmo.errors import InputError, MissingExtraError, require_extra


def test_a_missing_package_names_its_extra():
    with pytest.raises(MissingExtraError, match=r"'no_such_package'.*pip install 'yanmo\[torch\]'"):
        require_extra("no_such_package", extra="torch")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run"

    def fail():
        with new_folder(path) as temporary:
            (temporary / "x").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(tmp_path.iterdir()) == []
    with new_folder(path) as temporary:
        (temporary / "x").write_text("whole")
    assert (path / "x").read_text() == "whole"
    with pytest.raises(InputError, match="exists and is not empty"), new_folder(path):
        pass
