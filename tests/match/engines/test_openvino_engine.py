import subprocess
import sys

import numpy as np
import pytest

from yanmo.errors import InputError, MissingExtraError
from yanmo.export import stored_weights
from yanmo.export.onnx_export import export_matcher
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.match import Matcher
from yanmo.match.engines.openvino_engine import OpenVinoEngine
from yanmo.tokenize import PairBudget

openvino = pytest.importorskip("openvino")
PLAN = WeightPlan.uniform(WeightForm.INT8_CHANNELS)
PAIRS = [("今天天气不错", "天气"), ("", "我们"), ("我们去公园" * 3, "学生去公园"), ("学", "园"), ("", "")]


@pytest.fixture(scope="module")
def exported(tiny_matcher, tmp_path_factory):
    """A tiny matcher and the folder of its export, every matrix rounded however small."""
    matcher = tiny_matcher(n_layers=2)
    folder = tmp_path_factory.mktemp("openvino") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_weights, "_SMALLEST", 1)
        export_matcher(matcher, folder, plan=PLAN)
    return matcher, folder


def _logits(matcher):
    encoded = matcher.pair_encoder.encode_batch(PAIRS, budgets=PairBudget(40, 20))
    return matcher.engine.logits([pair for pair in encoded for _ in range(2)], [0, 1] * len(encoded))


def test_openvino_scores_as_torch_does_to_rounding(exported):
    matcher, folder = exported
    loaded = Matcher.from_pretrained(folder, n_threads=1)
    assert isinstance(loaded.engine, OpenVinoEngine)
    assert loaded.matching == matcher.matching
    before, after = _logits(matcher), _logits(loaded)
    assert np.ptp(before) > 0.05
    np.testing.assert_allclose(after, before, atol=0.1 * np.ptp(before))
    assert np.abs(after - before).max() > 1e-6


def test_a_saved_copy_scores_the_same(exported, tmp_path):
    loaded = Matcher.from_pretrained(exported[1], n_threads=1)
    loaded.save_pretrained(tmp_path / "copy")
    again = Matcher.from_pretrained(tmp_path / "copy", n_threads=1)
    np.testing.assert_array_equal(_logits(again), _logits(loaded))


SCRIPT = """
import gc, signal, sys
from pathlib import Path
from yanmo.match.engines.openvino_engine import OpenVinoEngine
engines = [OpenVinoEngine(Path(sys.argv[1]), n_threads=1) for _ in range(2)]
while engines:  # the older first
    engines.pop(0)
    gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("heard"))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_is_heard_after_two_engines_have_ended(exported):
    """Two cores of OpenVINO would leave it a freed signal stack."""
    command = [sys.executable, "-c", SCRIPT, str(exported[1] / "openvino_model.xml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_it_is_named_what_is_missing_or_damaged(exported, tmp_path):
    Matcher.from_pretrained(exported[1], n_threads=1).save_pretrained(tmp_path / "copy")
    graph, weights = (tmp_path / "copy" / f"openvino_model.{end}" for end in ("xml", "bin"))
    text = graph.read_text(encoding="utf-8")
    graph.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(InputError, match=r"openvino_model\.xml.*cannot be read by OpenVINO.*yanmo export"):
        OpenVinoEngine(graph)
    graph.write_text(text.replace("<yanmo ", "<other "), encoding="utf-8")
    with pytest.raises(InputError, match="no description of a matcher"):
        OpenVinoEngine(graph)
    weights.unlink()
    with pytest.raises(InputError, match=r"openvino_model\.bin.*is missing.*copy it again"):
        OpenVinoEngine(graph)
    with pytest.raises(InputError, match="0 threads"):
        OpenVinoEngine(exported[1] / "openvino_model.xml", n_threads=0)


def test_without_openvino_the_extra_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"yanmo\[openvino\]"):
        Matcher.from_pretrained(exported[1])
