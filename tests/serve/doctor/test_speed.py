import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.match.engines.onnx_runtime import onnxruntime
from yanmo.serve.doctor.product_graph import ProductKind, product_graph
from yanmo.serve.doctor.speed import Speed, advice, examine_speed


@pytest.mark.parametrize("kind", ProductKind)
def test_the_graphs_multiply(kind):
    rng = np.random.default_rng(0)
    is_int8 = kind is ProductKind.INT8
    # More than 127 columns: a number of two bytes in the file.
    weight = rng.integers(-63, 64, (40, 300)).astype(np.int8 if is_int8 else np.float32)
    x = rng.integers(0, 256, (3, 40)).astype(np.uint8 if is_int8 else np.float32)
    session = onnxruntime.InferenceSession(product_graph(kind, weight), providers=["CPUExecutionProvider"])
    got = session.run(["y"], {"x": x})[0]
    np.testing.assert_allclose(got, x.astype(np.int64) @ weight.astype(np.int64), rtol=1e-6)


def _speed(*, int8, bfloat16=None, milliseconds=None):
    rates = {"float32": 100.0, "int8": int8} | ({} if bfloat16 is None else {"bfloat16": bfloat16})
    return Speed(rates, milliseconds or {1: 10.0}, 1.4, is_int8=True)


def test_the_rate_is_work_over_time():
    assert _speed(int8=400.0, milliseconds={1: 7.0, 2: 5.0}).rate == pytest.approx(1.4 / 0.007)


@pytest.mark.parametrize(("int8", "says"), [(400.0, "4.0 times float32"), (110.0, "no faster here")])
def test_int8_is_advised_where_it_is_faster(int8, says):
    assert says in "\n".join(advice(_speed(int8=int8)))


def test_bfloat16_is_named_only_where_it_is_faster():
    assert not any("bfloat16" in line for line in advice(_speed(int8=200, bfloat16=20)))
    assert any("bfloat16" in line for line in advice(_speed(int8=200, bfloat16=300)))


@pytest.mark.parametrize(
    ("milliseconds", "n_threads", "workers"),
    [
        ({1: 10.0, 2: 9.5, 4: 9.4}, 1, True),  # nothing gained by a second thread
        ({1: 10.0, 2: 6.0, 4: 4.0}, 4, True),
        ({1: 10.0, 2: 5.1}, 2, False),
    ],
)
def test_threads_are_advised_by_what_they_gain(milliseconds, n_threads, workers):
    said = "\n".join(advice(_speed(int8=300, milliseconds=milliseconds)))
    assert f"n_threads={n_threads}" in said
    assert ("--workers" in said) == workers


def test_a_matcher_with_torch_weights_is_refused(tiny_matcher, tmp_path):
    tiny_matcher().save_pretrained(tmp_path / "run")
    with pytest.raises(InputError, match="exported"):
        list(examine_speed(tmp_path / "run"))


def test_an_export_is_measured(exported, monkeypatch):
    monkeypatch.setattr("yanmo.serve.doctor.speed._SECONDS", 0.01)
    lines = list(examine_speed(exported[1]))
    assert "GOP/s" in lines[1]
    # Floats are held against the float rate.
    assert any("float32 矩阵乘的" in line for line in lines)
    assert sum(" ms" in line for line in lines) >= 1
