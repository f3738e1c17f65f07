import csv
import gzip
import json
import logging
import lzma
import os
import tracemalloc

import pytest
import zstandard

from yanmo.data.columns import Columns
from yanmo.data.reading import count_rows, read_pairs
from yanmo.data.rejects import OnBadLine, RejectFile
from yanmo.data.rows import FileFormat
from yanmo.data.tasks import Task, TaskSet
from yanmo.errors import InputError

TASK = Task(name="news")
# What breaks naive readers: quotes, separators, line ends of every kind, and white space at the edges.
TEXTS = [
    '他说"好"',
    "a,b，c",
    "第一行\n第二行",
    "  首尾  ",
    "行\u2028分隔\x85",
    '"',
    "\\n 与 \\",
    "😀",
    "\x1c\x0b分隔符",
]
TRIPLES = [(text, TEXTS[-n], n % 2) for n, text in enumerate(TEXTS)]


def write_jsonl(path, triples=TRIPLES, names=("text1", "text2", "label"), encoding="utf-8"):
    lines = [json.dumps(dict(zip(names, triple, strict=True)), ensure_ascii=False) for triple in triples]
    path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
    return path


def write_csv(path, header=("text1", "text2", "label"), **options):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, **options)
        writer.writerows([header, *TRIPLES] if header else TRIPLES)
    return path


def triples(path, **options):
    return [(pair.text0, pair.text1, pair.label) for pair in read_pairs(path, **{"task": TASK, **options})]


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        list(read_pairs(path, **{"task": TASK, **options}))
    return str(caught.value)


@pytest.mark.parametrize(
    "names", [("text1", "text2", "label"), ("sentence1", "sentence2", "score"), ("query", "title", "label")]
)
def test_json_lines_in_every_customary_shape(tmp_path, names):
    assert triples(write_jsonl(tmp_path / "a.jsonl", names=names)) == TRIPLES


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_csv(tmp_path, line_end, quoting):
    path = write_csv(tmp_path / "a.csv", lineterminator=line_end, quoting=quoting)
    assert triples(path) == TRIPLES
    starts = [2 + n + sum(text.count("\n") for row in TRIPLES[:n] for text in row[:2]) for n in range(len(TRIPLES))]
    assert [pair.line for pair in read_pairs(path, task=TASK)] == starts


@pytest.mark.parametrize(
    "header", ["text1\ttext2\tlabel\n", "sentence1\tsentence2\tlabel\n", "\ufefftext_a\ttext_b\tlabel\r\n", ""]
)
def test_lcqmc_with_and_without_header(tmp_path, header):
    path = tmp_path / "train.txt"
    path.write_text(header + '喜欢打"篮球"的男生\t"爱"打篮球\t1\n大家都用什么\t用什么\t0\n', encoding="utf-8")
    assert triples(path) == [('喜欢打"篮球"的男生', '"爱"打篮球', 1), ("大家都用什么", "用什么", 0)]
    assert [pair.line for pair in read_pairs(path)] == ([2, 3] if header else [1, 2])


def test_a_bare_table_by_position(tmp_path):
    path = tmp_path / "atec.csv"
    path.write_text("1\t甲\t乙\t0\n2\t丙\t丁\t1\n", encoding="utf-8")
    pairs = list(read_pairs(path, task=TASK, columns=Columns("2", "3", label="4", id="1")))
    assert [(pair.text0, pair.text1, pair.label, pair.id) for pair in pairs] == [
        ("甲", "乙", 0, "1"),
        ("丙", "丁", 1, "2"),
    ]
    assert "--first" in refusal(path)


def test_any_column_names(tmp_path):
    path = write_csv(tmp_path / "a.csv", header=("问", "答", "判断"))
    assert triples(path, columns=Columns("问", "答", label="判断")) == TRIPLES
    assert "columns found: 问, 答, 判断" in refusal(path)
    assert "no label 'label'" in refusal(path, columns=Columns("问", "答"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_packings_and_encodings(tmp_path, pack, encoding):
    path = write_jsonl(tmp_path / "a.jsonl.gz", encoding=encoding)
    path.write_bytes(pack(path.read_bytes()))
    assert triples(path, encoding=encoding) == TRIPLES


def test_wrong_encoding_names_file_line_and_fix(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [("plain", "plain", 1), ("甲", "乙", 0)], encoding="gb18030")
    message = refusal(path)
    assert message.startswith(f"{path}:2: byte 12 of the line (0xbc) is not utf-8")
    assert "--encoding gb18030" in message
    header = tmp_path / "b.csv"
    header.write_bytes("问,答\n".encode("gb18030"))
    assert "--encoding gb18030" in refusal(header)


def test_sohu_test_file_has_ids_and_no_labels(tmp_path):
    path = tmp_path / "test_with_id.txt"
    path.write_text(
        '{"source": "甲", "target": "", "id": "a1"}\n{"source": "丙", "target": "丁", "id": 2}\n', encoding="utf-8"
    )
    sohu = TaskSet.load("sohu")
    for options in ({"task": None}, {"task": sohu.task("llB"), "labelled": False}):
        pairs = list(read_pairs(path, task_set=sohu, **options))
        assert [(pair.id, pair.text1, pair.label) for pair in pairs] == [("a1", "", None), ("2", "丁", None)]
    assert "no label 'labelB'" in refusal(path, task=sohu.task("llB"), task_set=sohu)


def test_ids_of_json_lines_need_not_begin_with_the_first(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text1": "甲", "text2": "乙"}\n{"id": 3, "text1": "甲", "text2": "乙"}\n', encoding="utf-8")
    assert [pair.id for pair in read_pairs(path)] == [None, "3"]


def test_columns_of_set_and_task_go_before_customary_ones(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = tmp_path / "a.jsonl"
    row = {"text1": "一", "text2": "二", "source": "三", "target": "四", "x": "五", "y": "六", "label": 1}
    path.write_text(json.dumps(row), encoding="utf-8")
    tasks = TaskSet(name="s", tasks=(Task(name="a"), Task(name="b", first="x", second="y")))
    assert triples(path, task=tasks.tasks[0], task_set=tasks) == [("三", "四", 1)]
    assert triples(path, task=tasks.tasks[1], task_set=tasks) == [("五", "六", 1)]
    assert not caplog.messages
    assert "several" in refusal(path)
    lone = write_jsonl(tmp_path / "b.jsonl", [("一", "二", 1)])
    assert triples(lone, task_set=tasks) == [("一", "二", 1)]
    assert "'text1' and 'text2'" in caplog.text


BAD = [
    ('{"text1": "甲"', "not JSON"),
    ('{"text1": "甲", "label": "1"}', "no text 'text2'"),
    ('{"text1": "甲", "text2": "乙", "label": "2"}', "label '2'"),
    ('{"text1": "甲", "text2": 5, "label": "1"}', "a number, not text"),
    ('{"text1": "甲", "text2": "", "label": "1"}', "is empty"),
    ("[]", "JSON list"),
    ('{"text1": "甲\0", "text2": "乙", "label": "1"}', "null byte"),
]
GOOD = '{"text1": "甲", "text2": "乙", "label": "1"}'


@pytest.mark.parametrize(("line", "words"), BAD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_line_stops_with_file_line_and_fix(tmp_path, line, words, place):
    path = tmp_path / "a.jsonl"
    lines = [GOOD, GOOD]
    lines.insert(place, line)
    path.write_text("\n\n".join(lines), encoding="utf-8")
    message = refusal(path)
    first = place == 0 and words == "no text 'text2'"
    assert message.startswith(f"{path}:{2 * place + 1}: ")
    assert ("columns" if first else words) in message
    assert "Fix: " in message


def test_bad_lines_left_out_are_kept_with_their_reasons(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [line for bad, _ in BAD for line in (bad, GOOD)]
    path.write_bytes("\r\n".join(lines).encode() + b"\r\n\xff\xfe\r\n")
    with RejectFile(tmp_path / "rejects.jsonl") as rejects:
        reader = read_pairs(path, task=TASK, on_bad_line=OnBadLine.SKIP, reject_file=rejects)
        pairs = list(reader)
    assert [pair.line for pair in pairs] == [2 * n + 2 for n in range(len(BAD))]
    assert (reader.n_pairs, reader.n_bad, rejects.n_rejected) == (len(BAD), len(BAD) + 1, len(BAD) + 1)
    records = [json.loads(line) for line in rejects.path.read_text(encoding="utf-8").splitlines()]
    assert [record["line"] for record in records] == [2 * n + 1 for n in range(len(BAD) + 1)]
    assert [record["text"] for record in records] == [*(line for line, _ in BAD), "\\xff\\xfe"]
    assert {record["file"] for record in records} == {str(path)}
    for record, (_, words) in list(zip(records, BAD, strict=False))[2:]:
        assert words in record["reason"]


def test_a_file_of_bad_lines_only_is_an_error_even_when_skipping(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(line for line, _ in BAD), encoding="utf-8")
    with RejectFile(tmp_path / "rejects.jsonl") as rejects:
        message = refusal(path, on_bad_line=OnBadLine.SKIP, reject_file=rejects)
    assert f":1: none of the {len(BAD)} rows can be used" in message
    assert rejects.n_rejected == len(BAD)


@pytest.mark.parametrize("content", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_empty_files(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert "is empty" in refusal(path)
    assert count_rows(path) == 0


def test_a_header_alone_is_no_data(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text1,text2,label\n", encoding="utf-8")
    assert "header and no row" in refusal(path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_rows_with_too_many_or_few_cells(tmp_path, name):
    path = tmp_path / name
    mark = "," if name == "a.csv" else "\t"
    rows = ["text1,text2,label", "甲,乙,1", "甲,乙", "甲,乙,丙,1"]
    path.write_text("\n".join(rows).replace(",", mark), encoding="utf-8")
    assert f"{path}:3: has 2 columns where the first row has 3" in refusal(path)
    with RejectFile(tmp_path / "r") as rejects:
        assert triples(path, on_bad_line=OnBadLine.SKIP, reject_file=rejects) == [("甲", "乙", 1)]
    assert rejects.n_rejected == 2


def test_named_columns_have_to_be_there(tmp_path):
    assert "no column 'x' (columns found: text1, text2, label)" in refusal(
        write_jsonl(tmp_path / "a.jsonl"), columns=Columns("x", "text2")
    )
    assert "no column 'x' (columns found: text1, text2, label)" in refusal(
        write_csv(tmp_path / "a.csv"), columns=Columns("text1", "text2", id="x")
    )


@pytest.mark.parametrize("n", [100_000, 1_000_000])
def test_very_long_texts(tmp_path, n):
    long = [("字" * n, "b" * n, 1), ("短", "短", 0)]
    assert triples(write_jsonl(tmp_path / "a.jsonl", long)) == long
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text1", "text2", "label"), *long])
    assert triples(tmp_path / "a.csv") == long


@pytest.mark.parametrize("start", [0, 1, 7, 13, 14])
def test_starting_after_some_pairs_gives_the_rest(tmp_path, start):
    path = tmp_path / "a.jsonl"
    lines = [line for n, (bad, _) in enumerate(BAD) for line in (GOOD.replace("甲", f"甲{n}"), bad, GOOD)]
    path.write_text("\n".join(lines), encoding="utf-8")

    def run(name, start_after):
        with RejectFile(tmp_path / name) as rejects:
            options = {"on_bad_line": OnBadLine.SKIP, "reject_file": rejects}
            return list(read_pairs(path, task=TASK, start_after=start_after, **options))

    assert run("rest", start) == run("all", 0)[start:]
    assert (tmp_path / "rest").read_bytes() == (tmp_path / "all").read_bytes()


def test_starting_after_the_end_is_another_file(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl")
    assert triples(path, start_after=len(TRIPLES)) == []
    assert f"has {len(TRIPLES)} pairs" in refusal(path, start_after=len(TRIPLES) + 1)


def test_memory_stays_flat(tmp_path):
    row = json.dumps({"text1": "字" * 2000, "text2": "词" * 2000, "label": "1"}, ensure_ascii=False) + "\n"
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.writelines([row] * 2_000)
    tracemalloc.start()
    n = sum(1 for _ in read_pairs(path, task=TASK))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 2_000
    assert peak < 1 << 20 < 2_000 * len(row.encode()) / 20


def test_options_that_contradict_each_other(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl")
    assert "go together" in refusal(path, on_bad_line=OnBadLine.SKIP)
    assert "go together" in refusal(path, reject_file=RejectFile(tmp_path / "r"))
    assert "start after -1" in refusal(path, start_after=-1)
    assert "unknown encoding" in refusal(path, encoding="utf-9")
    target = RejectFile(tmp_path / "new.jsonl")
    assert "at once" in refusal(tmp_path / "new.jsonl", on_bad_line=OnBadLine.SKIP, reject_file=target)


def test_a_format_named_goes_before_the_name(tmp_path):
    path = write_jsonl(tmp_path / "a.csv")
    assert triples(path, file_format=FileFormat.JSONL) == TRIPLES
    assert "--first" in refusal(path)


def test_leaving_early_closes_the_file(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl")
    with read_pairs(path, task=TASK) as reader:
        assert reader.columns is None
        next(reader)
        assert reader.columns == Columns("text1", "text2", "label", "id")
    assert list(reader) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rows_are_counted_without_reading_them(tmp_path, encoding):
    path = write_jsonl(tmp_path / "a.jsonl", encoding=encoding)
    assert count_rows(path, encoding=encoding) == len(TRIPLES)
    assert count_rows(write_csv(tmp_path / "a.csv")) == len(TRIPLES) + 1
    assert count_rows(write_csv(tmp_path / "b.csv", lineterminator="\n\n")) == len(TRIPLES) + 1


def test_rows_of_a_pipe_are_not_counted_away(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no file whose rows can be counted"):
        count_rows(tmp_path / "pipe")


def test_labels_and_the_task_files_own_columns_are_found_in_any_capitals(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("QID,Frage,ANTWORT,Label\n7,甲,乙,1\n", encoding="utf-8")
    tasks = TaskSet(name="s", first="frage", second="antwort", id="qid", tasks=(Task(name="a"),))
    assert [(p.id, p.text0, p.label) for p in read_pairs(path, task=tasks.tasks[0], task_set=tasks)] == [("7", "甲", 1)]
    path.write_text("Id,ID,text1,text2\n7,8,甲,乙\n", encoding="utf-8")
    assert "several columns may be 'id': ID, Id" in refusal(path)


def test_a_carriage_return_within_a_row_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text1,text2\n甲,乙\r丙,丁\n".encode())
    assert "carriage return outside of quotes" in refusal(path)
