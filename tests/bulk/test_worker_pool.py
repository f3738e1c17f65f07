"""Chunks judged by other processes: the same bytes, in the same order, through every kind of ending."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import typer
from typer.testing import CliRunner

from yanmo.bulk import predict
from yanmo.bulk.chunks_elsewhere import ChunkRefusal, in_order, score_by_name
from yanmo.bulk.pair_chunks import ChunkLines, PairChunk, ScorerHere, cut_chunks
from yanmo.bulk.predict import PredictSource, predict_files
from yanmo.bulk.row_forms import RowForm
from yanmo.bulk.worker_pool import WorkerPool
from yanmo.data import OnBadLine, Pair, TaskSet
from yanmo.data.output_format import OutputFormat
from yanmo.errors import InputError
from yanmo.match import Architecture, Matcher, MatchingFile
from yanmo.serve.commands.predict import predict as predict_command

FORM = RowForm(OutputFormat.CSV, ("ssA",))
CHARACTERS = [chr(code) for code in range(0x4E00, 0x4E40)]


def _write_pairs(path, n):
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            text = ["".join(CHARACTERS[(i * k) % 40 :][: 3 + i % 9]) for k in (3, 5)]
            file.write(json.dumps({"id": f"a{i}", "source": text[0], "target": text[1]}) + "\n")
    return path


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(predict, "_PAIRS", 8)


@pytest.fixture(scope="module")
def bundled():
    return Matcher.default(n_threads=1)


@pytest.fixture
def tiny_folder(tmp_path):
    """A random torch matcher of two layers, as a folder."""
    import torch

    from yanmo.encode import EncoderConfig, ModelType
    from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
    from yanmo.tokenize import CharacterSegmenter, PairEncoder, Vocabulary, WordTokenizer

    torch.manual_seed(0)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *CHARACTERS]
    architecture = Architecture(head_width=8)
    config = EncoderConfig(
        model_type=ModelType.BERT,
        vocab_size=len(tokens),
        width=8,
        embedding_width=8,
        n_layers=2,
        n_heads=2,
        inner_width=16,
        n_positions=600,
    )
    task_set = TaskSet.load("sohu")
    engine = TorchEngine(build_classifier(config, architecture, n_tasks=len(task_set.tasks)), config)
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    matching = MatchingFile(task_set=task_set, decisions={}, model=architecture.model_dump(mode="json"))
    Matcher(engine, PairEncoder(tokenizer, layout=architecture.layout), matching).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def _predict(scorer, sources, out, **more):
    return predict_files(scorer, sources, out, **more)


def test_workers_write_the_bytes_of_one_process(bundled, small_chunks, tmp_path):
    sources = [
        PredictSource((task,), _write_pairs(tmp_path / f"{task}.jsonl", n)) for task, n in (("ssA", 45), ("llB", 9))
    ]
    here = _predict(ScorerHere(bundled), sources, tmp_path / "here.jsonl")
    seen = []
    with WorkerPool("default", matching=bundled.matching, identity=bundled.identity(), n_workers=2) as pool:
        there = _predict(pool, sources, tmp_path / "there.jsonl", on_progress=seen.append)
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()
    assert here == there
    assert seen == [8, 16, 24, 32, 40, 45, 53, 54]


def test_a_torch_matcher_scores_in_workers_too(tiny_folder, small_chunks, tmp_path):
    sources = [PredictSource(("slB",), _write_pairs(tmp_path / "in.jsonl", 20))]
    matcher = Matcher.from_pretrained(tiny_folder)
    _predict(ScorerHere(matcher), sources, tmp_path / "here.jsonl")
    with WorkerPool(str(tiny_folder), matching=matcher.matching, identity=matcher.identity(), n_workers=1) as pool:
        _predict(pool, sources, tmp_path / "there.jsonl")
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()


def test_a_killed_worker_is_named_and_one_process_goes_on(bundled, small_chunks, tmp_path):
    sources = [PredictSource(("ssA",), _write_pairs(tmp_path / "in.jsonl", 60))]
    _predict(ScorerHere(bundled), sources, tmp_path / "here.jsonl")
    out, killed = tmp_path / "there.jsonl", []
    with WorkerPool("default", matching=bundled.matching, identity=bundled.identity(), n_workers=2) as pool:

        def kill_one(n):
            if n == 16:
                killed.append(pool._workers[1].pid)
                os.kill(killed[0], signal.SIGKILL)

        with pytest.raises(InputError, match="was ended by SIGKILL") as caught:
            _predict(pool, sources, out, on_progress=kill_one)
    assert f"worker process {killed[0]} " in str(caught.value)
    assert not out.exists()
    done = _predict(ScorerHere(bundled), sources, out)
    assert done.n_before >= 16
    assert out.read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def test_a_bad_line_comes_after_the_lines_before_it_are_written(bundled, small_chunks, tmp_path):
    path, out = _write_pairs(tmp_path / "in.jsonl", 24), tmp_path / "out.jsonl"
    path.write_text(path.read_text() + "{broken\n")
    with WorkerPool("default", matching=bundled.matching, identity=bundled.identity(), n_workers=2) as pool:
        with pytest.raises(InputError, match=r"in\.jsonl:25: is not JSON"):
            _predict(pool, [PredictSource(("ssA",), path)], out)
        assert (tmp_path / "out.jsonl.part").read_bytes().count(b"\n") == 24
        done = _predict(pool, [PredictSource(("ssA",), path)], out, on_bad_line=OnBadLine.SKIP, restart=True)
    assert (done.n_pairs, done.n_rejected) == (24, 1)


def test_a_refusal_comes_back_as_it_was_raised(tmp_path, monkeypatch):
    for name in ("TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS"):  # set for good by a worker, which this process is not
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    chunk = PairChunk(0, ("ssA",), (Pair("甲", "乙", None, "a", 1, "in.jsonl"),), FORM)
    answer = score_by_name(str(tmp_path / "nowhere"), chunk)
    assert isinstance(answer, ChunkRefusal)
    with pytest.raises(InputError, match=r"^\S+nowhere\S+json: cannot be read [^.]+\. Fix: [^.]+\.$"):
        list(in_order([chunk], lambda _: lambda: answer, n_in_flight=1))


def test_no_more_is_read_than_may_be_in_flight():
    """Answers are asked for in the chunks' order, whatever is read ahead."""
    events = []

    def chunks():
        for i in range(6):
            events.append(f"read {i}")
            yield PairChunk(i, ("ssA",), (Pair("甲", "乙", None, None, 1, "in.jsonl"),), FORM)

    def submit(chunk):
        return lambda: ChunkLines(chunk.source, 1, b"")

    for lines in in_order(chunks(), submit, n_in_flight=3):
        events.append(f"got {lines.source}")
    assert events == [
        *("read 0", "read 1", "read 2", "got 0", "read 3", "got 1", "read 4", "got 2"),
        *("read 5", "got 3", "got 4", "got 5"),
    ]


def test_a_chunk_is_full_by_pairs_or_by_characters():
    pairs = [Pair("一" * n, "", None, None, i, "in.jsonl") for i, n in enumerate([1, 1, 1, 9, 30, 2, 2, 2, 2])]
    sizes = [len(chunk) for chunk in cut_chunks(pairs, max_pairs=3, max_characters=10)]
    assert sizes == [3, 2, 3, 1]
    assert list(cut_chunks([], max_pairs=3, max_characters=10)) == []


SCRIPT = """
import signal
import sys
import time
from pathlib import Path
from yanmo.bulk import predict
from yanmo.match.named_matcher import open_matcher
from yanmo.serve.commands.interruptible import interruptible
from yanmo.bulk.worker_pool import WorkerPool
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a script's shell ran the tests with &
    predict._PAIRS = 8
    source, out = map(Path, sys.argv[1:])
    def show(n):
        if n == 8:
            print(*[worker.pid for worker in pool._workers], flush=True)
        time.sleep(0.1)  # else all may be done before the signal comes
    matcher = open_matcher("default")
    known = {"matching": matcher.matching, "identity": matcher.identity()}
    with interruptible("go on"), WorkerPool("default", **known, n_workers=2) as pool:
        sources = [predict.PredictSource(("ssA",), source)]
        predict.predict_files(pool, sources, out, on_progress=show)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_stays_and_no_line_is_lost_when_the_parent_is(bundled, small_chunks, tmp_path, how):
    source, out = _write_pairs(tmp_path / "in.jsonl", 400), tmp_path / "out.jsonl"
    (tmp_path / "run.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), str(source), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == 2
    if how is signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: to everyone
    else:
        process.kill()
    _, said = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert said.count("Traceback") <= 2, said  # the refusal and the interrupt it came from, none of a worker's
        assert said.rstrip().endswith("interrupted, nothing is lost. Fix: go on.")
        assert "Process Spawn" not in said
    deadline = time.monotonic() + 20
    while any(_is_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_is_alive(pid) for pid in workers)
    done = _predict(ScorerHere(bundled), [PredictSource(("ssA",), source)], out)
    assert (done.n_pairs, done.n_before % 8) == (400, 0)
    assert done.n_before >= 8
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert ids == [f"a{i}" for i in range(400)]


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_command_takes_workers(tmp_path):
    app = typer.Typer()
    app.command()(predict_command)
    path = _write_pairs(tmp_path / "in.jsonl", 5)
    for out, more in (("one.csv", []), ("two.csv", ["--workers", "1"])):
        result = CliRunner().invoke(app, ["default", str(path), "--task", "ssB", "-o", str(tmp_path / out), *more])
        assert result.exit_code == 0, result.output
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert CliRunner().invoke(app, ["default", str(path), "-o", "x.csv", "--workers", "0"]).exit_code == 2
