import json
import logging

import pytest

from yanmo.data import Task, TaskSet, read_pairs
from yanmo.data.encodings import settle_encoding
from yanmo.errors import InputError

LINES = [f"怎么{word}退款\t如何申请{word}退货\t1\n" for word in ("快速", "立即", "在线", "电话", "整单")] * 4
TASK = Task(name="faq")


def _read(path, **options):
    return [pair.text0 for pair in read_pairs(path, **{"task": TASK, "encoding": "auto"} | options)]


@pytest.mark.parametrize(("encoding", "codec"), [("gbk", "gb18030"), ("gb18030", "gb18030"), ("utf-16", "utf-16")])
def test_a_guess_reads_the_file_and_is_said_once(tmp_path, caplog, encoding, codec):
    pytest.importorskip("charset_normalizer")
    path = tmp_path / f"{encoding}.tsv"
    path.write_bytes("".join(LINES).encode(encoding))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert _read(path)[0] == "怎么快速退款"
    assert caplog.text.count("看来是") == 1
    assert settle_encoding(path, "auto") == codec


def test_utf8_with_a_bad_line_or_of_ascii_is_utf8(tmp_path, caplog):
    path = tmp_path / "a.tsv"
    path.write_bytes("".join(LINES).encode() + "坏行\t".encode("gbk") + b"\n")
    with pytest.raises(InputError, match=r"a\.tsv:21: .*is not utf-8"):
        _read(path)
    (tmp_path / "b.tsv").write_text("a b\tc d\t1\n")
    assert _read(tmp_path / "b.tsv") == ["a b"]
    assert not caplog.text


def test_a_task_names_its_encoding_and_its_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("7,怎么退款,如何退款,1\n8,一,二,0\n".encode("big5"))
    task_set = TaskSet.model_validate(
        {
            "name": "own",
            "encoding": "big5",
            "header": ["id", "q", "text2", "same"],
            "tasks": [{"name": "faq", "column": "same", "first": "q", "second": "text2"}],
        }
    )
    task = task_set.tasks[0]
    pairs = list(read_pairs(path, task=task, task_set=task_set, encoding="auto"))
    assert [(p.id, p.text0, p.label) for p in pairs] == [("7", "怎么退款", 1), ("8", "一", 0)]
    own = task.model_copy(update={"header": ("id", "q", "text2")})
    with pytest.raises(InputError, match="has 4 columns, the task file names 3"):
        list(read_pairs(path, task=own, task_set=task_set, encoding="auto"))
    with_header = tmp_path / "b.csv"
    with_header.write_bytes("id,q,text2,same\n7,甲,乙,1\n".encode("big5"))
    assert [p.text0 for p in read_pairs(with_header, task=task, task_set=task_set, encoding="auto")] == ["甲"]


def test_a_set_that_says_nothing_of_its_files_is_the_set_it_was():
    plain = TaskSet(name="own", tasks=(TASK,))
    said = plain.model_copy(update={"encoding": "gbk"})
    for key in ("header", "encoding"):
        assert key not in plain.model_dump(mode="json") | plain.model_dump(mode="json")["tasks"][0]
    assert plain.fingerprint() != said.fingerprint()
    assert TaskSet.model_validate(json.loads(said.model_dump_json())) == said
