import numpy as np
import pytest
import torch
from torch.nn import functional as F

pytest.importorskip("numba")

from yanmo.generate.quantized.token_kernels import add, attend, gelu, normalize


def numbers(*shape, scale=1.0):
    rng = np.random.default_rng(sum(shape))
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def double(array):
    return torch.from_numpy(array).double()


@pytest.mark.parametrize("n", [1, 7, 16, 100, 2560])
@pytest.mark.parametrize("scale", [1e-4, 1, 1e4])
def test_normalize_is_layer_norm(n, scale):
    x, gain, bias, out = numbers(n, scale=scale) + scale, numbers(n), numbers(n), np.zeros(n + 3, np.float32)
    normalize(x, gain, bias, 1e-5, out)
    expected = F.layer_norm(double(x), (n,), double(gain), double(bias), 1e-5)
    assert torch.allclose(double(out[:n]), expected, rtol=1e-4, atol=1e-4)
    assert not out[n:].any()


def test_normalize_of_a_constant_is_the_bias():
    out = np.empty(8, np.float32)
    normalize(np.zeros(8, np.float32), numbers(8), numbers(8), 1e-5, out)
    assert np.array_equal(out, numbers(8))


def test_add_adds_both():
    x, y, bias = numbers(5), numbers(9), numbers(5)
    expected = x + y[:5] + bias
    add(x, y, bias)
    assert np.allclose(x, expected)


def test_gelu_is_the_one_of_gpt2_from_end_to_end():
    x = np.concatenate((np.linspace(-12, 12, 4001), [-1e4, 1e4, -0.0, 3e38])).astype(np.float32)
    out = np.full(len(x) + 2, 7, np.float32)
    gelu(x, np.zeros(len(x), np.float32), out)
    expected = F.gelu(double(x), approximate="tanh")
    assert torch.allclose(double(out[:-2]), expected, rtol=2e-6, atol=1e-6)
    assert out[-2:].tolist() == [7, 7]
    shifted = np.empty_like(x)
    gelu(x - np.float32(1), np.ones(len(x), np.float32), shifted)
    assert np.allclose(shifted[:4001], out[:4001], atol=1e-5)


@pytest.mark.parametrize(("n_heads", "width"), [(1, 1), (2, 12), (3, 80)])
@pytest.mark.parametrize("n_known", [1, 2, 19, 64])
@pytest.mark.parametrize("scale", [1, 30])
def test_attend_is_softmax_attention_over_the_known_tokens(n_heads, width, n_known, scale):
    hidden = n_heads * width
    projected, bias = numbers(3 * hidden + 5, scale=scale), numbers(3 * hidden)
    keys, values = numbers(n_heads, 64, width), numbers(n_heads, 64, width + 1)[..., 1:].copy()
    query, key, value = double(projected[: 3 * hidden] + bias).view(3, n_heads, width)
    before, n = keys.copy(), n_known - 1
    all_keys = torch.cat((double(keys[:, :n]), key[:, None]), 1)
    all_values = torch.cat((double(values[:, :n]), value[:, None]), 1)
    shares = torch.softmax(0.3 * torch.einsum("hd,htd->ht", query, all_keys), -1)
    out = np.zeros(hidden, np.float32)
    attend(projected, bias, keys, values, n_known, 0.3, out)
    expected = torch.einsum("ht,htd->hd", shares, all_values).flatten()
    assert torch.allclose(double(out), expected, rtol=1e-4, atol=2e-4 * scale)
    assert np.allclose(keys[:, n], key.numpy())
    assert np.allclose(values[:, n], value.numpy())
    assert np.array_equal(np.delete(keys, n, 1), np.delete(before, n, 1))


def test_nan_is_not_hidden():
    out = np.zeros(4, np.float32)
    gelu(np.array([np.nan, 1, -1, 0], np.float32), np.zeros(4, np.float32), out)
    assert np.isnan(out).tolist() == [True, False, False, False]
    keys, values, projected = numbers(1, 3, 4), numbers(1, 3, 4), numbers(12)
    keys[0, 1, 2] = np.nan
    attend(projected, np.zeros(12, np.float32), keys, values, 3, 1.0, out)
    assert np.isnan(out).all()
