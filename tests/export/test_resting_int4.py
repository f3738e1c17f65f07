import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from yanmo.export.block_weights import quantize_blocks, restore_blocks
from yanmo.export.onnx_export import trace
from yanmo.export.row_int8 import RowInt8Linear
from yanmo.export.row_layers import resting_linear, side_by_side
from yanmo.export.weight_plan import WeightForm


def _linear(n_in=80, n_out=5):
    linear = nn.Linear(n_in, n_out)
    with torch.no_grad():
        linear.weight[2] *= 50
    return linear


def _session(model, path, n_in=80, **options):
    model.requires_grad_(False)
    trace(model, (torch.randn(2, 6, n_in),), ["x"], ["y"]).save(path, external_data=False)
    settings = onnxruntime.SessionOptions()
    for name, value in options.items():
        setattr(settings, name, value)
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def test_what_rests_in_four_bits_is_multiplied_as_its_eight_bit_form_is(tmp_path):
    linear = _linear()
    restored = _linear()
    codes, scales = quantize_blocks(linear.weight, WeightForm.INT4)
    restored.weight = nn.Parameter(restore_blocks(codes, scales, WeightForm.INT4, n_columns=80))
    restored.bias = linear.bias
    x = {"x": torch.randn(3, 4, 80).numpy()}
    rests = _session(resting_linear(linear), tmp_path / "a.onnx").run(["y"], x)[0]
    plain = _session(RowInt8Linear.of(restored), tmp_path / "b.onnx").run(["y"], x)[0]
    np.testing.assert_array_equal(rests, plain)
    exact = restored(torch.from_numpy(x["x"])).detach().numpy()
    # A step of a row's largest weight and of a token's largest value, over 80 sums.
    assert 0 < np.abs(rests - exact).max() / exact.std() < 0.1


def test_the_codes_are_computed_when_the_graph_is_loaded(tmp_path):
    optimized = tmp_path / "optimized.onnx"
    _session(resting_linear(_linear()), tmp_path / "a.onnx", optimized_model_filepath=str(optimized))
    onnx = pytest.importorskip("onnx")
    operators = {node.op_type for node in onnx.load(optimized).graph.node}
    assert "MatMulIntegerToFloat" in operators
    assert [node.op_type for node in onnx.load(optimized).graph.node].count("QuantizeLinear") == 1
    assert not operators & {"BitShift", "BitwiseAnd"}


@pytest.mark.parametrize("make", [RowInt8Linear.of, resting_linear], ids=["at once", "resting"])
def test_layers_side_by_side_give_what_each_gives(tmp_path, make):
    parts = [make(_linear(n_out=n_out)) for n_out in (5, 3, 4)]
    x = {"x": torch.randn(2, 3, 80).numpy()}
    together = _session(side_by_side(parts), tmp_path / "all.onnx").run(["y"], x)[0]
    each = [_session(part, tmp_path / f"{i}.onnx").run(["y"], x)[0] for i, part in enumerate(parts)]
    np.testing.assert_array_equal(together, np.concatenate(each, -1))


def test_layers_of_different_forms_stay_apart():
    assert side_by_side([RowInt8Linear.of(_linear()), resting_linear(_linear())]) is None


def test_inputs_behind_gelu_take_finer_steps(tmp_path):
    linear = _linear()
    x = torch.nn.functional.gelu(torch.randn(50, 4, 80))
    exact = linear(x).detach().numpy()
    lowest = float(x.min()) * 1.01
    errors = [
        np.abs(
            _session(RowInt8Linear.of(linear, lowest=low), tmp_path / f"{low}.onnx").run(["y"], {"x": x.numpy()})[0]
            - exact
        )
        for low in (None, lowest)
    ]
    assert errors[1].mean() < errors[0].mean()
