import json
import os
import threading
from pathlib import Path

import pytest

from yanmo.bulk import predict
from yanmo.bulk.output_claim import OutputNames
from yanmo.bulk.pair_chunks import ScorerHere
from yanmo.bulk.predict import PredictSource, predict_files
from yanmo.data import OnBadLine
from yanmo.data.spreadsheet import spreadsheet_safe
from yanmo.errors import InputError


@pytest.fixture
def judge(overlap_matcher, monkeypatch):
    """Predicts one file under ssB in chunks of 8 pairs."""
    monkeypatch.setattr(predict, "_PAIRS", 8)
    scorer = ScorerHere(overlap_matcher[0])

    def run(source, out, *, tasks=("ssB",), contest=True, identity=scorer.identity, **more):
        scorer.identity = identity
        return predict_files(scorer, [PredictSource((task,), source) for task in tasks], out, contest=contest, **more)

    return run


def _rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _pairs(path, n=30):
    return _rows(path, [{"id": f"a{i}", "source": "一丁", "target": "一七"} for i in range(n)])


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_second_prediction_is_refused_and_touches_nothing(judge, tmp_path):
    source, out = _pairs(tmp_path / "in.jsonl"), tmp_path / "out.csv"
    seen = []

    def meanwhile(n):
        if n == 16:
            before = _contents(tmp_path)
            for more in ({}, {"restart": True}, {"on_bad_line": OnBadLine.SKIP}):
                with pytest.raises(InputError, match=r"out\.csv: another prediction is writing"):
                    judge(source, out, **more)
            seen.append(_contents(tmp_path) == before)

    judge(source, out, on_progress=meanwhile)
    assert seen == [True]
    assert [line.split(b",")[0].decode() for line in out.read_bytes().splitlines()[1:]] == [f"a{i}" for i in range(30)]
    assert sorted(_contents(tmp_path)) == ["in.jsonl", "out.csv"]


@pytest.mark.parametrize("name", ["out.csv.part", "out.csv.part.json", "out.csv.rejects.jsonl"])
@pytest.mark.parametrize("restart", [False, True])
def test_an_input_that_bears_one_of_our_names_is_kept(judge, tmp_path, name, restart):
    source = _rows(tmp_path / name, [{"file": "a", "line": 1, "reason": "b", "text": "c"}])
    with pytest.raises(InputError, match="is to be read, and would be written"):
        judge(source, tmp_path / "out.csv", restart=restart, on_bad_line=OnBadLine.SKIP)
    link = tmp_path / "link.jsonl"
    link.hardlink_to(source)
    before = _contents(tmp_path)
    with pytest.raises(InputError, match="is to be read, and would be written"):
        judge(link, tmp_path / "out.csv", restart=restart, on_bad_line=OnBadLine.SKIP)
    assert _contents(tmp_path) == before


@pytest.mark.parametrize("name", ["out.csv.part", "out.csv.part.json"])
@pytest.mark.parametrize("restart", [False, True])
def test_somebodys_file_under_one_of_our_names_is_kept(judge, tmp_path, name, restart):
    source = _pairs(tmp_path / "in.jsonl")
    (tmp_path / name).write_text("precious\n")
    before = _contents(tmp_path)
    with pytest.raises(InputError, match=rf"{name}: exists and is no"):
        judge(source, tmp_path / "out.csv", restart=restart)
    assert _contents(tmp_path) == before


def test_a_link_or_pipe_under_one_of_our_names_is_left_alone(judge, tmp_path):
    source = _pairs(tmp_path / "in.jsonl")
    (tmp_path / "precious").write_text("precious\n")
    (tmp_path / "out.csv.part").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="exists and is no file"):
        judge(source, tmp_path / "out.csv")
    assert (tmp_path / "precious").read_text() == "precious\n"


def test_what_fails_before_its_first_line_leaves_nothing_and_binds_nothing(judge, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text("{broken\n")
    with pytest.raises(InputError, match="not JSON"):
        judge(source, tmp_path / "out.csv")
    assert sorted(_contents(tmp_path)) == ["in.jsonl"]


@pytest.mark.parametrize("changed", ["weights", "engine", "tokenizer"])
def test_a_prediction_goes_on_with_the_same_model_only(judge, overlap_matcher, tmp_path, changed):
    from dataclasses import replace

    source, out = _pairs(tmp_path / "in.jsonl"), tmp_path / "out.csv"

    def stop(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(source, out, on_progress=stop)
    other = replace(overlap_matcher[0].identity(), **{changed: "another"})
    with pytest.raises(InputError, match=f"other {changed}"):
        judge(source, out, identity=other)
    assert judge(source, out, identity=overlap_matcher[0].identity()).n_before == 8


def test_a_pipe_is_read_once_and_does_not_go_on(judge, tmp_path):
    content = _pairs(tmp_path / "in.jsonl").read_bytes()
    out = tmp_path / "out.csv"

    def fed(name):
        pipe = tmp_path / name
        os.mkfifo(pipe)
        threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
        return pipe

    def stop(n):
        raise KeyboardInterrupt

    first = fed("first")
    with pytest.raises(KeyboardInterrupt):
        judge(first, out, on_progress=stop)
    with pytest.raises(InputError, match=r"read from a pipe.*--restart"):
        judge(first, out)
    assert judge(fed("second"), out, restart=True).n_pairs == 30
    with pytest.raises(InputError, match="read once only"):
        judge(first, tmp_path / "b.jsonl", tasks=("ssA", "ssB"), contest=False)


def test_rows_without_id_are_never_mistaken_for_others(judge, tmp_path):
    texts = {"source": "一", "target": "丁"}
    mixed = _rows(tmp_path / "mixed.jsonl", [{"id": "2", **texts}, texts, {"id": " ", **texts}])
    with pytest.raises(InputError, match=r"mixed\.jsonl:2: has no id, and rows before have one"):
        judge(mixed, tmp_path / "out.csv")
    late = _rows(tmp_path / "late.jsonl", [texts, {"ID": "1", **texts}])
    with pytest.raises(InputError, match=r"late\.jsonl:2: has an id, and rows before have none"):
        judge(late, tmp_path / "out.csv")
    plain = _rows(tmp_path / "plain.jsonl", [texts, texts])
    assert judge(plain, tmp_path / "out.csv").n_without_id == 2
    with pytest.raises(InputError, match=r"plain\.jsonl:1: the row has no id, and a contest's table of several files"):
        judge(plain, tmp_path / "two.csv", tasks=("ssA", "ssB"))


def test_ids_are_found_in_any_capitals(judge, tmp_path):
    source = tmp_path / "pairs.csv"
    source.write_text("ＩＤ,Text1,Text2\nQ-77,一,丁\n=1+1,一,丁\n", encoding="utf-8")
    judge(source, tmp_path / "out.csv")
    assert [line.split(",")[0] for line in (tmp_path / "out.csv").read_text().splitlines()] == ["id", "Q-77", "'=1+1"]
    judge(source, tmp_path / "out.jsonl", contest=False)
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[1])["id"] == "=1+1"


def test_every_id_comes_back_from_the_safe_one():
    names = ["=1", "'=1", "''=1", "+cmd", "@a", "-1+1", "\t=1", " =1", "＝1", "-5", "+3.5", "a=1", "'a", "", "'"]
    safe = [spreadsheet_safe(name) for name in names]
    assert len(set(safe)) == len(names)
    assert [name for name, it in zip(names, safe, strict=True) if it != name] == names[:9]
    assert all(it in (name, f"'{name}") for name, it in zip(names, safe, strict=True))


def test_a_full_disk_names_the_file(judge, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    source = _pairs(tmp_path / "in.jsonl")
    monkeypatch.setattr(predict.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        judge(source, tmp_path / "out.csv")
    assert error.value.filename is not None
    assert OutputNames(tmp_path / "out.csv").part.name in str(error.value.filename)


def test_a_journal_left_beside_the_whole_output_is_removed_by_the_next_call(judge, tmp_path, monkeypatch):
    source, out = _pairs(tmp_path / "in.jsonl"), tmp_path / "out.csv"
    with monkeypatch.context() as patched:
        # As a kill between the last rename and the journal's removal.
        patched.setattr(Path, "unlink", lambda self, **_: None)
        judge(source, out)
    whole = out.read_bytes()
    assert sorted(_contents(tmp_path)) == ["in.jsonl", "out.csv", "out.csv.part.json"]
    with pytest.raises(InputError, match=r"out\.csv: exists"):
        judge(source, out)
    assert sorted(_contents(tmp_path)) == ["in.jsonl", "out.csv"]
    assert out.read_bytes() == whole


def test_a_prediction_under_way_stays_where_somebody_took_its_name(judge, tmp_path):
    source, out = _pairs(tmp_path / "in.jsonl"), tmp_path / "out.csv"

    def stop(n):
        if n == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(source, out, on_progress=stop)
    out.write_text("precious\n")
    before = _contents(tmp_path)
    assert "out.csv.part.json" in before
    with pytest.raises(InputError, match=r"out\.csv: exists"):
        judge(source, out)
    assert _contents(tmp_path) == before
