import gzip
import lzma

import pytest
import zstandard

from yanmo.data.documents import MAX_DOCUMENT, DocumentReader, find_corpus, fingerprint_corpus
from yanmo.data.rejects import RejectFile
from yanmo.errors import InputError

TEXT = "今天天气不错\n\n  \n  我们去公园 \r\n"


def test_documents_of_every_compression_without_blank_lines(tmp_path):
    packed = {
        "a.txt": TEXT.encode(),
        "b.gz": gzip.compress(TEXT.encode()),
        "c.xz": lzma.compress(TEXT.encode()),
        "d.zst": zstandard.compress(TEXT.encode()),
    }
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "notes.md").write_text("no corpus")
    reader = DocumentReader(find_corpus([tmp_path]))
    assert list(reader) == ["今天天气不错", "我们去公园"] * 4
    assert (reader.n_blank, reader.n_bad, reader.n_split) == (8, 0, 0)
    assert [path.name for path in find_corpus([tmp_path / "c.xz", tmp_path])] == ["c.xz", *packed]


def test_a_huge_line_becomes_several_documents_that_are_the_line(tmp_path):
    line = "天气" * MAX_DOCUMENT
    (tmp_path / "a.txt").write_text(line, encoding="utf-8")
    reader = DocumentReader([tmp_path / "a.txt"])
    pieces = list(reader)
    assert "".join(pieces) == line
    assert (len(pieces), reader.n_split) == (2, 1)


@pytest.mark.parametrize(("bad", "reason"), [(b"\xff\xfe", "is not utf-8"), (b"ab\0cd", "null byte")])
def test_a_bad_line_stops_or_is_left_out_with_its_place(tmp_path, bad, reason):
    file = tmp_path / "a.txt"
    file.write_bytes("今天\n".encode() + bad + "\n天气\n".encode())
    with pytest.raises(InputError, match=rf"a.txt:2: .*{reason}.*--on-bad-line skip"):
        list(DocumentReader([file]))
    with RejectFile(tmp_path / "rejected.jsonl") as rejects:
        reader = DocumentReader([file], rejects=rejects)
        assert list(reader) == ["今天", "天气"]
    assert reader.n_bad == 1
    assert '"line": 2' in (tmp_path / "rejected.jsonl").read_text()


def test_missing_files_and_folders_without_text_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: there is no such file"):
        find_corpus([tmp_path / "nowhere"])
    with pytest.raises(InputError, match=r"has no .txt"):
        find_corpus([tmp_path])


def test_the_fingerprint_is_of_the_bytes_in_their_order(tmp_path):
    for name, text in (("a", "x"), ("b", "y"), ("c", "x")):
        (tmp_path / name).write_text(text)
    a, b, c = (tmp_path / name for name in "abc")
    assert fingerprint_corpus([a, b]) == fingerprint_corpus([c, b]) != fingerprint_corpus([b, a])
