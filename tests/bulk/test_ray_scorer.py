"""A real Ray of two workers on this machine; skips where Ray is not installed."""

import json
import sys

import pytest

from yanmo.bulk import predict
from yanmo.bulk.pair_chunks import ScorerHere
from yanmo.bulk.predict import PredictSource, predict_files
from yanmo.bulk.ray_scorer import RayScorer
from yanmo.errors import InputError, MissingExtraError
from yanmo.match import Matcher


@pytest.fixture(scope="module")
def bundled():
    return Matcher.default(n_threads=1)


def _sources(folder):
    sources = []
    for task, n in (("ssA", 45), ("llB", 9)):
        path = folder / f"{task}.jsonl"
        rows = [{"id": f"{task}{i}", "source": "巴萨" * (1 + i % 7), "target": "赢球" * (1 + i % 5)} for i in range(n)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        sources.append(PredictSource((task,), path))
    return sources


def test_without_ray_the_extra_is_named(bundled, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"yanmo\[ray\]"):
        RayScorer("default", matching=bundled.matching, identity=bundled.identity(), n_workers=2)


@pytest.mark.filterwarnings("ignore")  # Ray's own, and the sockets it leaves to the collector
def test_ray_writes_the_bytes_of_one_process_and_goes_on(bundled, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(predict, "_PAIRS", 8)
    sources = _sources(tmp_path)
    predict_files(ScorerHere(bundled), sources, tmp_path / "here.jsonl")

    def stop(n):
        if n == 24:
            raise KeyboardInterrupt

    with RayScorer("default", matching=bundled.matching, identity=bundled.identity(), n_workers=2) as scorer:
        out = tmp_path / "there.jsonl"
        with pytest.raises(KeyboardInterrupt):
            predict_files(scorer, sources, out, on_progress=stop)
        done = predict_files(scorer, sources, out)
        scorer._model = str(tmp_path / "nowhere")
        with pytest.raises(InputError, match="nowhere"):
            predict_files(scorer, sources, tmp_path / "none.jsonl")
    assert (done.n_pairs, done.n_before) == (54, 24)
    assert out.read_bytes() == (tmp_path / "here.jsonl").read_bytes()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:port"])
def test_an_address_where_no_ray_answers_is_named(bundled, monkeypatch, address):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", address)
    scorer = RayScorer("default", matching=bundled.matching, identity=bundled.identity(), n_workers=2)
    with pytest.raises(InputError, match=f"{address}: no Ray answers"), scorer:
        pass
