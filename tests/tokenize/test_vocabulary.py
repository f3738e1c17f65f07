import pytest

from yanmo.errors import InputError
from yanmo.tokenize import Vocabulary

BASE = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.mark.parametrize("text", ["\n".join([*BASE, "一"]), "\ufeff" + "\r\n".join([*BASE, "一"]) + "\r\n"])
def test_byte_order_mark_and_line_ends_do_not_count(tmp_path, text):
    path = tmp_path / "vocab.txt"
    path.write_bytes(text.encode())
    assert list(Vocabulary.load(path)) == [*BASE, "一"]


def test_line_separators_are_tokens_and_survive(tmp_path):
    path = tmp_path / "vocab.txt"
    vocabulary = Vocabulary([*BASE, "\u2028", "\x85", "一"])
    vocabulary.save(path)
    assert Vocabulary.load(path).ids == vocabulary.ids


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*BASE, "一", "二", "一"], r"vocab.txt:7: the token '一' stands in line 5"),
        (BASE[:2], r"lacks \[CLS\], \[SEP\]"),
    ],
)
def test_duplicates_and_missing_special_tokens_are_named(tmp_path, tokens, message):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(tokens), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        Vocabulary.load(path)


def test_a_file_that_is_missing_or_not_utf8_is_named(tmp_path):
    with pytest.raises(InputError, match="no such vocabulary file"):
        Vocabulary.load(tmp_path / "none.txt")
    (tmp_path / "gbk.txt").write_bytes("汉字".encode("gbk"))
    with pytest.raises(InputError, match=r"gbk.txt: is not UTF-8"):
        Vocabulary.load(tmp_path / "gbk.txt")
