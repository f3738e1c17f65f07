import gzip
import lzma
import os
import threading

import pytest
import zstandard

from yanmo.data.lines import check_encoding, read_lines
from yanmo.errors import InputError

TEXT = "甲\n\n  乙\u2028丙\x85丁\r\n最后一行没有换行"
PACKERS = {
    "plain": bytes,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def texts(path, **options):
    return [line.text for line in read_lines(path, **options)]


def write(folder, content, name="a.txt"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"])
def test_lines_are_cut_at_line_feeds_only(tmp_path, packing, encoding):
    path = write(tmp_path, PACKERS[packing](TEXT.encode(encoding)))
    lines = list(read_lines(path, encoding=encoding))
    assert [line.text for line in lines] == ["甲\n", "\n", "  乙\u2028丙\x85丁\r\n", "最后一行没有换行"]
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert all(line.flaw is None for line in lines)


def test_byte_order_mark_is_dropped_unasked(tmp_path):
    assert texts(write(tmp_path, "\ufeff甲\n\ufeff乙".encode())) == ["甲\n", "\ufeff乙"]
    assert texts(write(tmp_path, "\ufeff甲".encode("gb18030")), encoding="gb18030") == ["甲"]


@pytest.mark.parametrize("name", ["gb2312", "GBK", "cp936"])
def test_older_chinese_encodings_read_what_their_superset_reads(tmp_path, name):
    path = write(tmp_path, "镕㐀".encode("gb18030"))  # neither is in GB 2312, the second not in GBK
    assert texts(path, encoding=name) == ["镕㐀"]


@pytest.mark.parametrize("name", ["utf-9", "base64", ""])
def test_unknown_encodings(name):
    with pytest.raises(InputError, match="unknown encoding"):
        check_encoding(name)


def test_bad_bytes_spoil_their_line_only(tmp_path):
    path = write(tmp_path, "甲\n".encode() + "\n甲\n".encode("gb18030") + "丁".encode())
    lines = list(read_lines(path))
    assert [line.flaw is None for line in lines] == [True, True, False, True]
    assert lines[3].text == "丁"
    assert "byte 1 of the line (0xbc) is not utf-8" in lines[2].flaw.reason
    assert "--encoding gb18030" in lines[2].flaw.fix
    assert lines[2].text == "\\xbc\\xd7\n"


def test_utf16_is_recognized_in_the_fix(tmp_path):
    first = next(read_lines(write(tmp_path, "甲\n".encode("utf-16"))))
    assert "--encoding utf-16" in first.flaw.fix


def test_bad_bytes_of_a_decoded_stream_name_the_line(tmp_path):
    path = write(tmp_path, "甲\n乙\n".encode("utf-16-le") + b"\x00\xdc\x00\xdc")
    with pytest.raises(InputError, match=r"a\.txt:\d+: is not utf-16-le"):
        texts(path, encoding="utf-16-le")


@pytest.mark.parametrize("packing", ["gz", "xz", "zst"])
@pytest.mark.parametrize("cut", [1, 5, 20])
def test_files_cut_off_are_never_taken_for_whole(tmp_path, packing, cut):
    content = "".join(f"第{n}行{n * n}\n" for n in range(5000)).encode()
    path = write(tmp_path, PACKERS[packing](content)[:-cut])
    with pytest.raises(InputError, match="damaged or cut off after line"):
        texts(path)


@pytest.mark.parametrize("packing", ["gz", "xz", "zst"])
def test_damaged_files(tmp_path, packing):
    content = bytearray(PACKERS[packing]("".join(f"第{n}行\n" for n in range(5000)).encode()))
    for place in range(len(content) // 2, len(content) // 2 + 40):
        content[place] ^= 0x5A
    with pytest.raises(InputError, match="damaged"):
        texts(write(tmp_path, bytes(content)))


@pytest.mark.parametrize("packing", ["gz", "xz", "zst"])
def test_packed_files_may_be_joined(tmp_path, packing):
    pack = PACKERS[packing]
    assert texts(write(tmp_path, pack("甲\n乙".encode()) + pack("丙\n".encode()))) == ["甲\n", "乙丙\n"]


@pytest.mark.parametrize("packing", PACKERS)
def test_an_empty_file_has_no_lines(tmp_path, packing):
    assert texts(write(tmp_path, PACKERS[packing](b""))) == []


def test_a_pipe_will_do(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = PACKERS["gz"](TEXT.encode())
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert "".join(texts(pipe)) == TEXT
    writer.join()


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        texts(tmp_path / "none.txt")
    with pytest.raises(InputError, match="directory"):
        texts(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_file_without_lines_is_refused(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr("yanmo.data.lines.MAX_LINE_SIZE", 64)
    assert len(texts(write(tmp_path, ("a" * 20 + "\n").encode(encoding) * 9), encoding=encoding)) == 9
    with pytest.raises(InputError, match=r"a\.txt:2: the line is longer"):
        texts(write(tmp_path, ("甲\n" + "a" * 100).encode(encoding)), encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_that_end_in_carriage_returns_only_are_said(tmp_path, encoding):
    path = write(tmp_path, "text1,text2\r甲,乙\r".encode(encoding))
    with pytest.raises(InputError, match=r"a\.txt:1: its lines end in carriage returns only.*tr "):
        list(read_lines(path, encoding=encoding))
    assert texts(write(tmp_path, b"one line\r")) == ["one line\r"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_without_the_mark_its_encoding_begins_with_is_refused(tmp_path, encoding):
    with pytest.raises(InputError, match=rf"a\.txt:1: is not {encoding} .*--encoding gb18030"):
        list(read_lines(write(tmp_path, b'{"source": "a"}\n'), encoding=encoding))
