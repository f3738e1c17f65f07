import pytest

from yanmo.errors import InputError
from yanmo.json_file import read_json


def test_an_object_and_a_list_come_back(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, "一"]}', "utf-8")
    assert read_json(path) == {"a": [1, "一"]}
    path.write_text("[1]")
    assert read_json(path, kind=list) == [1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b'{"a": 1', "is not JSON"),
        (b'{"a": "\xff"}', "is not JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "is not JSON"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b"[1]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
    ],
)
def test_anything_else_is_a_sentence_with_the_file(tmp_path, content, words):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as refusal:
        read_json(path)
    assert (refusal.value.where, refusal.value.fix) == (path, "get the file again")
