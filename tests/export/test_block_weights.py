import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from yanmo.errors import InputError
from yanmo.export.block_weights import BlockEmbedding, BlockLinear, quantize_blocks, restore_blocks
from yanmo.export.onnx_export import trace
from yanmo.export.stored_weights import rounded_linears, store_weights
from yanmo.export.weight_plan import WeightForm, WeightPlan

FORMS = [WeightForm.INT8, WeightForm.INT4]


def _restored(codes, scales, form, n_columns):
    """The stored matrix, weight by weight."""
    rows = []
    for row_codes, row_scales in zip(codes.tolist(), scales.tolist(), strict=True):
        row = []
        for block, scale in zip(row_codes, row_scales, strict=True):
            for byte in block:
                values = [byte - 128] if form is WeightForm.INT8 else [byte % 16 - 8, byte // 16 - 8]
                row += [value * scale for value in values]
        rows.append(row[:n_columns])
    return torch.tensor(rows)


@pytest.mark.parametrize("form", FORMS)
def test_rounding_errs_by_half_a_step_at_most(form):
    weight = torch.randn(5, form.block + 7)
    weight[2] = 0.0
    codes, scales = quantize_blocks(weight, form)
    error = (_restored(codes, scales, form, weight.shape[1]) - weight).abs()
    step = scales.abs().repeat_interleave(form.block, 1)[:, : weight.shape[1]]
    inside = error <= step / 2 + 1e-6
    # The top of the range has one code less than the bottom, and a smaller 4-bit scale cuts the largest weights.
    assert inside.float().mean() > (0.99 if form is WeightForm.INT8 else 0.85)
    assert error[2].max() == 0.0
    naive = weight.abs().amax() / 2 ** (form.bits - 1)
    assert error.square().mean() < (weight - (weight / naive).round() * naive).square().mean()


@pytest.mark.parametrize("form", FORMS)
def test_a_matrix_on_the_grid_comes_back_as_it_was(form):
    half = 2 ** (form.bits - 1)
    levels = torch.randint(-half, half, (6, 2, form.block))
    levels[:, :, 3] = -half
    weight = (levels * torch.rand(6, 2, 1).sub(0.5)).flatten(1)
    codes, scales = quantize_blocks(weight, form)
    torch.testing.assert_close(_restored(codes, scales, form, weight.shape[1]), weight, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_blocks_are_restored_as_they_are_meant(form):
    weight = torch.randn(4, form.block + 9)
    stored = quantize_blocks(weight, form)
    expected = _restored(*stored, form, weight.shape[1])
    torch.testing.assert_close(restore_blocks(*stored, form, n_columns=weight.shape[1]), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("form", [WeightForm.FLOAT32, WeightForm.INT8_ROWS])
def test_other_forms_have_no_blocks(form):
    with pytest.raises(InputError, match=form.value):
        quantize_blocks(torch.randn(2, 32), form)


class _Both(nn.Module):
    def __init__(self, table, linear):
        super().__init__()
        self.table, self.linear = table, linear

    def forward(self, ids, x):
        return self.table(ids), self.linear(x)


def _with_half_scales(weight, form):
    codes, scales = quantize_blocks(weight, form)
    return _restored(codes, scales.half().float(), form, weight.shape[1])


def test_scales_take_half_the_bytes_only_where_that_loses_nothing():
    linear = nn.Linear(64, 5).requires_grad_(False)
    assert BlockLinear(linear, WeightForm.INT4).scales.dtype == torch.float32
    _, before = quantize_blocks(linear.weight, WeightForm.INT4)
    linear.weight.copy_(_with_half_scales(linear.weight, WeightForm.INT4))
    stored = BlockLinear(linear, WeightForm.INT4).scales
    assert stored.dtype == torch.float16
    assert torch.equal(stored, before.half())


@pytest.mark.parametrize("half_scales", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_onnx_runtime_reads_blocks_as_they_are_meant(tmp_path, form, half_scales):
    width, outward = 2 * form.block, 3
    table, linear = nn.Embedding(9, width), nn.Linear(width, outward)
    if half_scales:
        for layer in (table, linear):
            layer.weight = nn.Parameter(_with_half_scales(layer.weight, form))
    model = _Both(BlockEmbedding(table, form), BlockLinear(linear, form)).requires_grad_(False)
    ids = torch.randint(9, (2, 4))
    # Whole numbers with a largest of 127 in each block are 8-bit activations exactly: only the weights are rounded.
    x = torch.randint(-126, 127, (2, 4, width)).float()
    x[..., :: form.block] = 127.0
    program = trace(model, (ids, x), ["ids", "x"], ["rows", "y"])
    program.save(tmp_path / "m.onnx", external_data=False)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    for n in (2, 1):
        rows, y = session.run(["rows", "y"], {"ids": ids[:n].numpy(), "x": x[:n].numpy()})
        stored_table = _restored(*quantize_blocks(table.weight, form), form, width)
        np.testing.assert_allclose(rows, stored_table[ids[:n]], atol=1e-6)
        stored = _restored(*quantize_blocks(linear.weight, form), form, width)
        expected = x[:n].double() @ stored.T.double() + linear.bias.double()
        np.testing.assert_allclose(y, expected.detach(), atol=1e-3 * expected.abs().max().item())


def test_a_plan_names_the_form_of_every_part():
    plan = WeightPlan(WeightForm.INT8, WeightForm.INT4, WeightForm.INT4, upper_from=1)
    forms = {
        "encoder.embedding.word": WeightForm.INT8,
        "encoder.embedding.position": WeightForm.INT8,
        "encoder.blocks.0.feed_forward.up": WeightForm.INT4,
        "encoder.blocks.10.feed_forward.up": WeightForm.INT4,
        "head.hidden": WeightForm.INT8,
    }
    assert {name: plan.form_of(name) for name in forms} == forms
    mixed = WeightPlan(WeightForm.INT4, WeightForm.INT4, WeightForm.INT8, upper_from=2)
    assert [mixed.form_of(f"encoder.blocks.{i}.x").bits for i in (1, 2, 11)] == [4, 8, 8]
    assert WeightPlan.uniform(WeightForm.FLOAT32).form_of("head.hidden") is WeightForm.FLOAT32


def test_a_raised_matrix_takes_the_next_finer_form():
    plan = WeightPlan(WeightForm.INT4, WeightForm.INT4, WeightForm.INT8_ROWS, upper_from=1)
    raised = plan.raising(frozenset({"encoder.blocks.0.attention.key", "encoder.blocks.1.attention.key"}))
    assert raised.form_of("encoder.blocks.0.attention.key") is WeightForm.INT8
    assert raised.form_of("encoder.blocks.1.attention.key") is WeightForm.FLOAT32
    assert raised.form_of("encoder.blocks.1.attention.query") is WeightForm.INT8_ROWS
    assert raised.raising(frozenset()) == plan


def test_only_large_matrices_of_a_fitting_width_are_stored_in_blocks():
    model = nn.ModuleDict(
        {
            "large": nn.Linear(128, 128),
            "small": nn.Linear(8, 8),
            "table": nn.Embedding(128, 128),
            "odd": nn.Embedding(600, 40),
        }
    )
    store_weights(model, WeightPlan.uniform(WeightForm.INT8))
    kinds = {name: type(module).__name__ for name, module in model.items()}
    assert kinds == {"large": "BlockLinear", "small": "Linear", "table": "BlockEmbedding", "odd": "Embedding"}


def test_each_form_has_its_layer_and_tables_have_blocks():
    plan = WeightPlan.uniform(WeightForm.INT8_ROWS).raising(frozenset({"left"}))
    model = nn.ModuleDict({"left": nn.Linear(128, 128), "row": nn.Linear(128, 128), "table": nn.Embedding(128, 128)})
    assert {name: form for name, (_, form) in rounded_linears(model, plan).items()} == {"row": WeightForm.INT8_ROWS}
    store_weights(model, plan)
    kinds = {name: type(module).__name__ for name, module in model.items()}
    assert kinds == {"left": "Linear", "row": "RowInt8Linear", "table": "BlockEmbedding"}
