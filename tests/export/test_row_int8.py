import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from yanmo.export.onnx_export import trace
from yanmo.export.row_int8 import ROW_LIMIT, RowInt8Linear, quantize_channels, round_tokens


def _by_hand(linear, x):
    """The layer's formula with whole-number products, one token and one channel at a time."""
    rows = []
    for token in x.flatten(0, -2).double():
        scale = token.abs().max() / 127
        codes = (token / scale).round() if scale else token
        row = []
        for weight, bias in zip(linear.weight.double(), linear.bias.double(), strict=True):
            step = weight.abs().max() / 63
            product = int((codes * (weight / step).round()).sum()) if step else 0
            row.append(product * step.item() * scale.item() + bias.item())
        rows.append(row)
    return np.array(rows)


def test_rounding_errs_by_half_a_step_at_most():
    weight, x = torch.randn(5, 40), torch.randn(3, 7, 40)
    weight[2] = 0.0
    codes, scales = quantize_channels(weight, limit=63)
    assert ((codes * scales[:, None] - weight).abs() <= scales[:, None] / 2 + 1e-6).all()
    assert codes.abs().max() == 63
    assert scales[2] == 1.0
    tokens, scale = round_tokens(x)
    assert ((tokens * scale - x).abs() <= scale / 2 + 1e-6).all()
    assert tokens.abs().amax(-1).eq(127).all()


def test_a_token_of_zeros_stays_zero():
    tokens, scale = round_tokens(torch.zeros(2, 3))
    assert not tokens.any()
    assert scale.isfinite().all()
    assert (scale > 0).all()


def test_no_pair_of_products_can_leave_sixteen_bits():
    codes, _ = quantize_channels(torch.randn(4, 64), limit=ROW_LIMIT)
    # Processors without VNNI add two products of an unsigned activation and a weight before they widen.
    assert 2 * 255 * int(codes.abs().max()) <= 2**15 - 1


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A layer as torch has it, and as ONNX Runtime runs it."""
    torch.manual_seed(3)
    linear = nn.Linear(48, 5)
    with torch.no_grad():
        linear.weight[1] *= 100
    path = tmp_path_factory.mktemp("rows") / "m.onnx"
    model = RowInt8Linear.of(linear).requires_grad_(False)
    trace(model, (torch.randn(2, 6, 48),), ["x"], ["y"]).save(path, external_data=False)
    return linear, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_onnx_runtime_multiplies_as_the_formula_says(session):
    linear, runtime = session
    x = torch.randn(3, 4, 48) * torch.tensor([0.01, 1.0, 50.0])[:, None, None]
    x[1, 2] = 0.0
    got = runtime.run(["y"], {"x": x.numpy()})[0]
    expected = _by_hand(linear, x).reshape(3, 4, 5)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    exact = linear(x).detach().numpy()
    assert np.abs(got - exact).max() > 1e-3


def test_a_token_is_the_same_in_any_company(session):
    _, runtime = session
    x = torch.randn(2, 4, 48).numpy()
    alone = runtime.run(["y"], {"x": x[:1]})[0]
    loud = np.concatenate([x[:1], 1000 * x[1:]])
    assert (runtime.run(["y"], {"x": loud})[0][:1] == alone).all()


def test_the_largest_products_are_not_cut_off(tmp_path):
    linear = nn.Linear(64, 2, bias=False)
    nn.init.ones_(linear.weight)
    trace(RowInt8Linear.of(linear).requires_grad_(False), (torch.randn(2, 6, 64),), ["x"], ["y"]).save(
        tmp_path / "m.onnx", external_data=False
    )
    runtime = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    got = runtime.run(["y"], {"x": np.ones((2, 3, 64), dtype=np.float32)})[0]
    np.testing.assert_allclose(got, 64.0, rtol=1e-5)
