import numpy as np
import pytest
import torch
from torch import nn

from yanmo.export.channel_int8 import ChannelInt8Embedding, ChannelInt8Linear
from yanmo.export.onnx_export import trace

openvino = pytest.importorskip("openvino")


class _Both(nn.Module):
    def __init__(self, table, linear):
        super().__init__()
        self.table, self.linear = ChannelInt8Embedding(table), ChannelInt8Linear(linear)

    def forward(self, ids):
        return self.linear(self.table(ids))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A table and a layer, and the graph of both stored."""
    torch.manual_seed(3)
    table, linear = nn.Embedding(50, 128), nn.Linear(128, 128)
    with torch.no_grad():
        linear.weight[1] *= 100
        table.weight[7] = 0.0
    path = tmp_path_factory.mktemp("channels") / "m.onnx"
    model = _Both(table, linear).requires_grad_(False)
    trace(model, (torch.zeros(2, 6, dtype=torch.int64),), ["ids"], ["y"]).save(path, external_data=False)
    return table, linear, path


def _rounded(rows):
    """The formula, one row at a time."""
    steps = [row.abs().max() / 127 if row.any() else torch.ones(()) for row in rows.double()]
    return torch.stack([(row / step).round() * step for row, step in zip(rows.double(), steps, strict=True)])


def _run(path, ids, settings):
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", **settings})
    return next(iter(compiled({"ids": ids.numpy()}).values()))


def test_openvino_multiplies_as_the_formula_says(stored):
    table, linear, path = stored
    ids = torch.arange(10).view(2, 5)
    expected = _rounded(table.weight)[ids] @ _rounded(linear.weight).T + linear.bias.double()
    got = _run(path, ids, {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"})
    np.testing.assert_allclose(got, expected.detach(), rtol=1e-4, atol=1e-5 * float(expected.detach().abs().max()))
    assert np.abs(got - linear(table(ids)).detach().numpy()).max() > 1e-3


def test_activations_rounded_too_move_little(stored):
    table, linear, path = stored
    ids = torch.arange(20).view(2, 10)
    exact = linear(table(ids)).detach().numpy()
    got = _run(path, ids, {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "128"})
    spread = exact.std(axis=(0, 1))
    assert (np.abs(got - exact).max(axis=(0, 1)) < 0.1 * spread).all()


def test_the_graph_keeps_the_codes(stored):
    graph = openvino.Core().read_model(stored[2])
    constants = [node for node in graph.get_ops() if node.get_type_name() == "Constant"]
    shapes = {tuple(node.shape) for node in constants if node.get_element_type() == openvino.Type.i8}
    assert shapes == {(50, 128), (128, 128)}
