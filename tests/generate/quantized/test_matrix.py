import numpy as np
import pytest
import torch

from yanmo.errors import InputError

pytest.importorskip("numba")

from yanmo.generate.quantized.kernel_blocks import LANES
from yanmo.generate.quantized.matrix import Int4Matrix, Int8Matrix, QuantizedMatrix


def kinds(out_width, in_width):
    torch.manual_seed(out_width + in_width)
    weight = torch.randn(out_width, in_width)
    return weight, [Int8Matrix.of(weight), Int4Matrix.of(weight), Int4Matrix.of(weight, group=8)]


def slow_int8(row):
    scale = max(abs(value) for value in row) / 127
    return [round(value / scale) * scale for value in row]


# Widths that fill blocks, steps and groups, and widths that do not.
@pytest.mark.parametrize("shape", [(128, 32), (256, 64), (1, 1), (130, 33), (70, 100), (300, 8)])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 5, 32, 67])
def test_products_are_those_of_the_dequantized_matrix(shape, n_rows):
    _, matrices = kinds(*shape)
    x = torch.randn(n_rows, shape[1])
    for matrix in matrices:
        expected = x.double() @ matrix.dequantized().double().T
        found = matrix.multiply(x)
        assert found.shape == (n_rows, shape[0])
        assert found.dtype == torch.float32
        assert torch.allclose(found.double(), expected, rtol=1e-5, atol=1e-4)


def test_int8_rounds_to_the_nearest_multiple_of_the_rows_scale():
    weight, (int8, *_) = kinds(5, 20)
    expected = [slow_int8(row) for row in weight.tolist()]
    assert np.allclose(int8.dequantized().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("group", [8, 32, 64])
def test_int4_takes_the_nearest_of_16_multiples_of_a_good_scale(group):
    torch.manual_seed(1)
    weight = torch.randn(9, 3 * group + 5)
    matrix = Int4Matrix.of(weight, group=group)
    found = matrix.dequantized()
    for i, (row, true) in enumerate(zip(found.tolist(), weight.tolist(), strict=True)):
        for k, (value, wanted) in enumerate(zip(row, true, strict=True)):
            scale = matrix.scales[0, k // group, i].item()
            assert abs(value - wanted) <= min(abs(code * scale - wanted) for code in range(-8, 8)) + 1e-6
            assert value / scale in range(-8, 8)
    # No worse than the plain choice: the largest weight on -8.
    plain = torch.nn.functional.pad(weight, (0, group - 5)).view(9, 4, group)
    extreme = plain.gather(-1, plain.abs().argmax(-1, keepdim=True)) / -8
    naive = ((plain / extreme).round().clamp(-8, 7) * extreme).flatten(1)[:, : weight.shape[1]]
    assert (found - weight).square().sum() < (naive - weight).square().sum()


def test_what_lies_on_the_grid_comes_back():
    codes = torch.randint(-8, 8, (40, 64))
    codes[:, ::32] = -8
    weight = codes * torch.rand(40, 2).bfloat16().float().repeat_interleave(32, 1)
    assert torch.equal(Int4Matrix.of(weight).dequantized(), weight)


def test_rows_are_those_of_the_table():
    _, matrices = kinds(200, 40)
    ids = torch.tensor([3, 199, 3, 127, 128])
    for matrix in matrices:
        assert torch.equal(matrix.rows(ids), matrix.dequantized()[ids])
        assert matrix.rows(ids[:0]).shape == (0, 40)
        assert isinstance(matrix, QuantizedMatrix)


def test_a_row_of_zeros_and_filled_up_outputs():
    weight = torch.zeros(3, 16)
    weight[1] = 1
    for matrix in (Int8Matrix.of(weight), Int4Matrix.of(weight)):
        assert torch.allclose(matrix.dequantized(), weight, rtol=0.01)
        assert matrix.multiply(torch.ones(1, 16)).tolist()[0][::2] == [0, 0]
        assert len(matrix.codes) == 1
        assert matrix.scales.numel() % LANES == 0


def test_nan_stays_nan_and_reaches_only_its_own_row():
    _, matrices = kinds(10, 16)
    for matrix in matrices:
        assert matrix.multiply(torch.full((1, 16), torch.nan)).isnan().all()
        x = torch.randn(3, 16)
        x[1, 4] = torch.inf
        found = matrix.multiply(x)
        assert found[[0, 2]].isfinite().all()
        assert not found[1].isfinite().all()


def test_a_row_does_not_depend_on_the_others_or_on_threads():
    _, matrices = kinds(300, 64)
    x = torch.randn(40, 64)
    before = torch.get_num_threads()
    try:
        for matrix in matrices:
            torch.set_num_threads(1)
            whole = matrix.multiply(x)
            torch.set_num_threads(3)
            assert torch.equal(matrix.multiply(x), whole)
            assert torch.equal(matrix.multiply(x[:7]), whole[:7])
            assert torch.allclose(matrix.multiply(x[:1]), whole[:1], atol=1e-5)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("group", [0, 4, 12, -8])
def test_groups_are_whole_steps(group):
    with pytest.raises(InputError, match=f"a group of {group} weights.*multiple of 8"):
        Int4Matrix(8, 8, group=group)
