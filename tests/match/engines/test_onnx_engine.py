import json
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest

from yanmo.errors import InputError
from yanmo.match import Matcher
from yanmo.match.engines import onnx_engine
from yanmo.match.engines.onnx_engine import CARD_KEY, OnnxEngine
from yanmo.tokenize import PairBudget

PAIRS = [("今天天气不错", "天气"), ("", "我们"), ("我们去公园" * 3, "学生去公园"), ("学", "园")]

WITHOUT_TORCH = """
import json, sys
for name in ("torch", "transformers", "safetensors", "jaxtyping", "huggingface_hub", "onnx"):
    sys.modules[name] = None  # importing it now fails
from yanmo.match import Matcher
from yanmo.match.engines import onnx_engine
matcher = Matcher.from_pretrained(sys.argv[1], n_threads=1)
scores = matcher.score_all(json.loads(sys.argv[2]))
print(json.dumps({task: values.tolist() for task, values in scores.items()}))
"""


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of the exported folder that may be damaged."""
    copy = shutil.copytree(exported[1], tmp_path / "run")
    (copy / "files.json").unlink()
    return copy


def test_onnx_runtime_leaves_no_number_of_the_machine_behind(tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    env |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", "from yanmo import Matcher; Matcher.default()"]
    subprocess.run(command, env=env, check=True, timeout=100)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("reason", "is_newer"),
    [
        ("Unsupported model IR version: 13, max supported IR version: 10", True),
        ("com.microsoft:MatMulNBits(-1) is not a registered function/op", True),
        ("Could not find an implementation for GatherBlockQuantized(1) NOT_IMPLEMENTED", True),
        ("Protobuf parsing failed.", False),
    ],
)
def test_a_runtime_that_is_too_old_is_named(folder, monkeypatch, reason, is_newer):
    def refuse(*arguments, **more):
        raise onnx_engine.runtime_errors.Fail(reason)

    monkeypatch.setattr(onnx_engine.onnxruntime, "InferenceSession", refuse)
    fix = "too old for the graph: pip install -U onnxruntime" if is_newer else "damaged"
    version = onnx_engine.onnxruntime.__version__
    with pytest.raises(InputError, match=f"by onnxruntime {version} .*{fix}"):
        Matcher.from_pretrained(folder)


def _change(path, change):
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def _change_card(path, **changes):
    def change(model):
        entry = next(entry for entry in model.metadata_props if entry.key == CARD_KEY)
        entry.value = json.dumps(json.loads(entry.value) | changes)

    _change(path, change)


def test_loading_and_scoring_need_no_torch(exported):
    matcher, folder = exported
    command = [sys.executable, "-c", WITHOUT_TORCH, str(folder), json.dumps(PAIRS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    for task, expected in matcher.score_all(PAIRS).items():
        np.testing.assert_allclose(scores[task], expected, atol=1e-5)


def test_scores_keep_their_order_and_are_the_same_alone_or_together(exported):
    matcher, folder = exported
    loaded = Matcher.from_pretrained(folder, n_threads=1)
    expected = matcher.logits(PAIRS, task="loose")
    np.testing.assert_allclose(loaded.logits(PAIRS, task="loose"), expected, atol=1e-4)
    np.testing.assert_allclose([loaded.logits([p], task="loose")[0] for p in PAIRS], expected, atol=1e-4)
    assert loaded.logits([], task="loose").shape == (0,)


def test_a_loaded_export_can_be_saved_and_loaded_again(exported, tmp_path):
    loaded = Matcher.from_pretrained(exported[1], n_threads=1)
    loaded.save_pretrained(tmp_path / "copy")
    again = Matcher.from_pretrained(tmp_path / "copy", n_threads=1)
    assert np.array_equal(again.logits(PAIRS, task="strict"), loaded.logits(PAIRS, task="strict"))
    assert (tmp_path / "copy" / "config.json").read_bytes() == (exported[1] / "config.json").read_bytes()


def test_torch_weights_win_where_both_are_there(exported, folder):
    exported[0].engine.save(folder)
    assert type(Matcher.from_pretrained(folder).engine).__name__ == "TorchEngine"
    with pytest.raises(InputError, match=r"n_threads.*set_num_threads"):
        Matcher.from_pretrained(folder, n_threads=1)


def test_what_onnx_runtime_cannot_honor_is_refused(exported):
    with pytest.raises(InputError, match="'cuda' is torch's"):
        Matcher.from_pretrained(exported[1], device="cuda")
    with pytest.raises(InputError, match="0 threads"):
        Matcher.from_pretrained(exported[1], n_threads=0)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"not a graph" * 99])
def test_a_damaged_graph_is_named(folder, damage):
    path = folder / "model.onnx"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"model\.onnx: .*Fix: .*yanmo export"):
        Matcher.from_pretrained(folder)


def test_a_missing_graph_is_named(tmp_path):
    with pytest.raises(InputError, match=r"model\.onnx: the graph is missing"):
        OnnxEngine(tmp_path / "model.onnx")


def test_a_graph_of_something_else_is_refused(folder):
    path = folder / "model.onnx"
    _change(path, lambda model: model.metadata_props.clear())
    with pytest.raises(InputError, match="no description of a matcher"):
        Matcher.from_pretrained(folder)
    spec = onnx.helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["batch"])
    out = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.INT64, ["batch"])
    node = onnx.helper.make_node("Identity", ["input_ids"], ["logits"])
    opset = [onnx.helper.make_opsetid("", 18)]
    graph = onnx.helper.make_graph([node], "g", [spec], [out])
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    with pytest.raises(InputError, match=r"input 'input_ids' is tensor\(int64\), a matcher has none of that name"):
        Matcher.from_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_tasks": 3}, "the graph knows 3 tasks, matching.json has 2"),
        ({"architecture": {"layout": "joint"}}, "the graph has layout = 'joint', matching.json 'sides'"),
        ({"vocab_size": 3}, "the tokenizer has 16 tokens, the embedding 3 rows"),
        ({"n_tasks": "many"}, "description cannot be read .n_tasks"),
    ],
)
def test_a_graph_of_another_matcher_is_refused(folder, changes, message):
    _change_card(folder / "model.onnx", **changes)
    with pytest.raises(InputError, match=message):
        Matcher.from_pretrained(folder)


def test_more_positions_than_the_encoder_has_are_refused(exported):
    matcher = Matcher.from_pretrained(exported[1])
    pair = matcher.pair_encoder.encode(("今" * 100, "天"), budget=PairBudget(128, 20))
    with pytest.raises(InputError, match="a pair has 102 positions, the encoder 64"):
        matcher.engine.logits([pair], [0])
