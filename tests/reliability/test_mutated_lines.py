"""A damaged line in a file of pairs: it is read, or it is named; whatever it holds, nothing else breaks."""

import csv
import io
import json
import re

import pytest

from yanmo.data import FileFormat, OnBadLine, RejectFile, Task, read_pairs
from yanmo.errors import InputError

TASK = Task(name="news")
_TEXTS = ["巴萨获胜", '他说"好"', "a,b，c", "  首尾  ", "行\u2028分隔\x85", "\\n 与 \\", "😀", "-5度"]
_DEEP = (10, 2000, 100_000)
# In place of a label, of a key, and between any two bytes.
_LABELS = [
    *(b"NaN", b"null", b"1e400", b"-Infinity", b'"\\ud800"', b'"nan"', b"[]", b"{}", b"true", b"2", b'""', b"1" * 5000),
    *(b'"' + b"9" * 100_000 + b'"', b'" 1 "', b'"\xef\xbc\x91"', b"0x1", b"1_0", b"--1"),
]
_KEYS = [b'"text1"', b'"\\ud800"', b'"Text2"', b'"__proto__"', b'""', b"1"]
_PIECES = [
    *(b'"', b"\xe4\xb8", b"\x00", b"\\ud800", b"\r", b"\t,\t", b",", b"\t", b"\\", b"\x1a", b"\xff\xfe"),
    *("\u2028".encode(), "\u0085".encode(), "\ufeff".encode(), "\u202e".encode(), b"x" * 200_000),
]


def _line(file_format, draw):
    first, second, label = draw.choice(_TEXTS), draw.choice(_TEXTS), draw.randrange(2)
    if file_format is FileFormat.JSONL:
        row = {"text1": first, "text2": second, "label": label}
        return json.dumps(row, ensure_ascii=draw.random() < 0.3).encode()
    if file_format is FileFormat.TSV:
        return f"{first}\t{second}\t{label}".encode()
    made = io.StringIO()
    csv.writer(made, lineterminator="").writerow([first, second, label])
    return made.getvalue().encode()


def _mutated(line, draw):
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        at = draw.randrange(len(line) + 1)
        kind = draw.randrange(10)
        if kind == 0 and at < len(line):
            line = line[:at] + bytes([line[at] ^ (1 << draw.randrange(8))]) + line[at + 1 :]
        elif kind == 1:
            line = line[:at]
        elif kind in (2, 3, 4):
            line = line[:at] + draw.choice(_PIECES) + line[at:]
        elif kind == 5:
            line = b"[" * draw.choice(_DEEP) + line
        elif kind == 6:
            line = b'{"a":' * draw.choice(_DEEP) + line
        elif kind == 7:
            line = re.sub(rb"[01](?=}?$)", lambda _: draw.choice(_LABELS), line)
        elif kind == 8:
            line = line.replace(b'"text2"', draw.choice(_KEYS))
        else:
            line = line[:at] + bytes(draw.randrange(256) for _ in range(draw.randrange(1, 20))) + line[at:]
    return line.replace(b"\n", b"")


def _flaw(path, *, n_before, n_after, is_table, labelled):
    """Reads a file with one damaged line after some good ones, in both ways, and says what is wrong with that."""
    place, options = n_before + 1 + is_table, {"task": TASK, "labelled": labelled}
    told, n_read = None, 0
    try:
        for _ in read_pairs(path, **options):
            n_read += 1
    except InputError as error:
        told = error
    if told is not None and (told.where, told.line) != (path, place):
        return f"names {told.where}:{told.line}, not line {place}: {told}"
    if told is not None and (n_read != n_before or told.fix is None):
        return f"was told after {n_read} pairs, {n_before} of them good: {told}"
    rejects = path.with_suffix(".rejects")
    rejects.unlink(missing_ok=True)
    with RejectFile(rejects) as file:
        n_kept = sum(1 for _ in read_pairs(path, **options, on_bad_line=OnBadLine.SKIP, reject_file=file))
    lines = [json.loads(line)["line"] for line in rejects.read_bytes().splitlines()] if rejects.exists() else []
    if told is None and (lines or n_kept != n_read):
        return f"is read by itself and not with bad lines left out: {lines}, {n_kept} of {n_read}"
    if told is not None and lines[:1] != [place]:
        return f"is named and not left out: {lines}"
    # An open quote of CSV takes the lines behind it along; nothing else does.
    if path.suffix != ".csv" and told is not None and (n_kept, len(lines)) != (n_before + n_after, 1):
        return f"takes others along: {n_kept} pairs, left out {lines}"
    return None


@pytest.mark.parametrize("file_format", [FileFormat.JSONL, FileFormat.CSV, FileFormat.TSV])
def test_a_damaged_line_is_named_or_read(file_format, tmp_path, tries, draw, tally):
    path, is_table = tmp_path / f"a.{file_format.value}", file_format is not FileFormat.JSONL
    header = {FileFormat.CSV: [b"text1,text2,label"], FileFormat.TSV: [b"text1\ttext2\tlabel"]}.get(file_format, [])
    with tally(f"damaged lines, named or read: {file_format.value}") as count:
        for _ in range(tries(300, 10_000)):
            before, after = ([_line(file_format, draw) for _ in range(draw.randrange(low, 4))] for low in (1, 0))
            damaged = _mutated(_line(file_format, draw), draw)
            path.write_bytes(b"\n".join([*header, *before, damaged, *after]) + b"\n" * draw.randrange(2))
            try:
                flaw = _flaw(
                    path, n_before=len(before), n_after=len(after), is_table=is_table, labelled=draw.random() < 0.7
                )
            except Exception as error:  # noqa: BLE001 - a traceback is what is looked for
                flaw = f"{type(error).__name__}: {error}"
            count.add(flaw and f"{flaw}, in {damaged[:200]!r} after {len(before)} lines")
