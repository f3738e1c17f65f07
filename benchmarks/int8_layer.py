"""Ways to multiply a linear layer in 8 bits by ONNX Runtime and OpenVINO, its rounding and bias counted: GOP/s.

    python benchmarks/int8_layer.py [--turns 9]

The shapes of a small encoder at 16, 32, 128 and 512 rows, one thread. Rates are of processor time, which waits for
nobody, not of the clock on the wall; all ways take turns, and the best turn counts, for other work on the machine only
adds. Each way's largest difference from the float product is told beside it, in times of the output's deviation, and
whether the first row is the same alone and as the last of an odd number of rows. Inputs here have either sign: the way
for inputs behind GELU cuts the negative ones off, and only its speed means something. Goes to results/int8_layer.json.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from machine import describe_machine
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

from yanmo.match.engines.onnx_runtime import onnxruntime

RESULT = Path(__file__).parent / "results" / "int8_layer.json"
SHAPES = ((384, 1152), (384, 384), (384, 1536), (1536, 384))
ROWS = (16, 32, 128, 512)
MICROSOFT = "com.microsoft"
# The largest code where processors without VNNI add two products in 16 bits, and where they do not.
NARROW, WIDE = 63, 127

Array = NDArray[Any]
Nodes = list[onnx.NodeProto]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=9)
    arguments = parser.parse_args()
    rates: dict[str, dict[str, dict[str, float]]] = {}
    told: dict[str, dict[str, object]] = {}
    for n_in, n_out in SHAPES:
        rng = np.random.default_rng(0)
        weight = rng.standard_normal((n_in, n_out)).astype(np.float32)
        bias = rng.standard_normal(n_out).astype(np.float32)
        ways = {name: run for name, make in WAYS.items() if (run := make(weight, bias)) is not None}
        x = rng.standard_normal((ROWS[-1], n_in)).astype(np.float32)
        exact = x @ weight + bias
        for name, run in ways.items():
            one, odd = run(x[:1])[0], run(np.concatenate([x[1:33], x[:1]]))[-1]
            told[name] = {
                "largest_difference": float(np.abs(run(x) - exact).max() / exact.std()),
                "a_row_alone_and_last_of_33_alike": bool((one == odd).all())
                and bool(told.get(name, {}).get("a_row_alone_and_last_of_33_alike", True)),
            }
        for n_rows in ROWS:
            work = 2e-9 * n_rows * n_in * n_out
            best = dict.fromkeys(ways, float("inf"))
            for _ in range(arguments.turns):
                for name, run in ways.items():
                    best[name] = min(best[name], _seconds(run, x[:n_rows], repeats=max(2, int(0.1 / work))))
            rates.setdefault(f"[{n_in}, {n_out}]", {})[str(n_rows)] = {name: work / each for name, each in best.items()}
            print(n_in, n_out, n_rows, {name: round(work / each) for name, each in best.items()}, flush=True)
    result = {
        "machine": describe_machine("onnxruntime", "numpy"),
        "threads": 1,
        "turns": arguments.turns,
        "gops_by_rows": rates,
        "ways": told,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _seconds(run: Callable[[Array], Array], x: Array, *, repeats: int) -> float:
    began = time.process_time()
    for _ in range(repeats):
        run(x)
    return (time.process_time() - began) / repeats


def _session(nodes: Nodes, constants: dict[str, Array], n_in: int) -> Callable[[Array], Array]:
    graph = make_graph(
        nodes,
        "layer",
        [make_tensor_value_info("x", TensorProto.FLOAT, ["rows", n_in])],
        [make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = make_model(graph, opset_imports=[make_opsetid("", 18), make_opsetid(MICROSOFT, 1)])
    model.ir_version = 10
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["y"], {"x": x})[0]


def _float32(weight: Array, bias: Array) -> Callable[[Array], Array]:
    nodes = [make_node("MatMul", ["x", "w"], ["m"]), make_node("Add", ["m", "b"], ["y"])]
    return _session(nodes, {"w": weight, "b": bias}, len(weight))


def _by_row(quantize: Callable[[], tuple[Nodes, dict[str, Array]]], *, limit: int = NARROW, unsigned: bool = False):
    def make(weight: Array, bias: Array) -> Callable[[Array], Array]:
        scales = np.abs(weight).max(0) / limit
        codes = np.round(weight / scales)
        before, constants = quantize()
        inputs = ["q", "w", "one", "scales", "zero"]
        constants |= {"w": codes.astype(np.int8), "scales": scales.astype(np.float32), "b": bias, "one": np.float32(1)}
        if unsigned:
            constants |= {"w": (codes + 128).astype(np.uint8), "zero_w": np.uint8(128)}
            inputs.append("zero_w")
        after = [
            make_node("MatMulIntegerToFloat", inputs, ["m"], domain=MICROSOFT),
            make_node("Mul", ["m", "s"], ["ms"]),
            make_node("Add", ["ms", "b"], ["y"]),
        ]
        return _session(before + after, constants, len(weight))

    return make


def _six_passes() -> tuple[Nodes, dict[str, Array]]:
    nodes = [
        make_node("Abs", ["x"], ["a"]),
        make_node("ReduceMax", ["a", "last"], ["top"], keepdims=1),
        make_node("Div", ["top", "levels"], ["s"]),
        make_node("Div", ["x", "s"], ["d"]),
        make_node("Round", ["d"], ["r"]),
        make_node("Add", ["r", "middle"], ["u"]),
        make_node("Cast", ["u"], ["q"], to=TensorProto.UINT8),
    ]
    last, levels, middle = np.array([-1]), np.float32(127), np.float32(128)
    return nodes, {"last": last, "levels": levels, "middle": middle, "zero": np.uint8(128)}


def _along_rows(*, is_positive: bool = False, min_too: bool = False):
    """QuantizeLinear with a scale a row; the scale from the largest magnitude, or from the largest value alone."""

    def quantize() -> tuple[Nodes, dict[str, Array]]:
        zero, levels = (16, 239) if is_positive else (128, 127)
        if is_positive:
            largest = [make_node("ReduceMax", ["x", "last"], ["top"], keepdims=0)]
        elif min_too:
            largest = [
                make_node("ReduceMax", ["x", "last"], ["high"], keepdims=0),
                make_node("ReduceMin", ["x", "last"], ["low"], keepdims=0),
                make_node("Neg", ["low"], ["depth"]),
                make_node("Max", ["high", "depth"], ["top"]),
            ]
        else:
            largest = [make_node("Abs", ["x"], ["a"]), make_node("ReduceMax", ["a", "last"], ["top"], keepdims=0)]
        nodes = [
            *largest,
            make_node("Mul", ["top", "share"], ["sr"]),
            make_node("Shape", ["sr"], ["n"]),
            make_node("Expand", ["zeros", "n"], ["z"]),
            make_node("QuantizeLinear", ["x", "sr", "z"], ["q"], axis=0),
            make_node("Unsqueeze", ["sr", "last"], ["s"]),
        ]
        zeros = np.array([zero], dtype=np.uint8)
        return nodes, {"last": np.array([1]), "share": np.float32(1 / levels), "zeros": zeros, "zero": np.uint8(zero)}

    return quantize


def _fixed_scale(weight: Array, bias: Array) -> Callable[[Array], Array]:
    scales = (np.abs(weight).max(0) / NARROW).astype(np.float32)
    nodes = [
        make_node("QuantizeLinear", ["x", "s", "zero"], ["q"]),
        make_node("MatMulIntegerToFloat", ["q", "w", "s", "scales", "zero", "", "b"], ["y"], domain=MICROSOFT),
    ]
    codes = np.round(weight / scales).astype(np.int8)
    given = {"s": np.float32(5 / 127), "zero": np.uint8(128), "w": codes, "scales": scales, "b": bias}
    return _session(nodes, given, len(weight))


def _one_scale_for_all(weight: Array, bias: Array) -> Callable[[Array], Array]:
    scales = (np.abs(weight).max(0) / NARROW).astype(np.float32)
    codes = np.round(weight / scales).astype(np.int8)
    nodes = [make_node("DynamicQuantizeMatMul", ["x", "w", "scales", "", "b"], ["y"], domain=MICROSOFT)]
    return _session(nodes, {"w": codes, "scales": scales, "b": bias}, len(weight))


def _blocks(bits: int, block: int):
    def make(weight: Array, bias: Array) -> Callable[[Array], Array]:
        n_in, n_out = weight.shape
        half = 2 ** (bits - 1)
        blocks = weight.T.reshape(n_out, -1, block)
        scales = np.abs(blocks).max(-1, keepdims=True) / (half - 1)
        codes = (np.round(blocks / scales) + half).astype(np.uint8)
        if bits == 4:
            codes = codes[..., 0::2] | codes[..., 1::2] << 4
        attributes = {"K": n_in, "N": n_out, "bits": bits, "block_size": block, "accuracy_level": 4}
        nodes = [
            make_node("MatMulNBits", ["x", "w", "s"], ["m"], domain=MICROSOFT, **attributes),
            make_node("Add", ["m", "b"], ["y"]),
        ]
        return _session(nodes, {"w": codes, "s": scales[..., 0].astype(np.float32), "b": bias}, n_in)

    return make


def _openvino(weight: Array, bias: Array) -> Callable[[Array], Array] | None:
    """Weights in 8 bits by channel in plain operations, activations rounded by OpenVINO where it does so."""
    try:
        import openvino
        from openvino import opset13 as ops
    except ImportError:
        return None
    scales = (np.abs(weight).max(0, keepdims=True) / WIDE).astype(np.float32)
    x = ops.parameter([-1, len(weight)], np.float32)
    codes = ops.convert(ops.constant(np.round(weight / scales).astype(np.int8)), "f32")
    product = ops.matmul(x, ops.multiply(codes, ops.constant(scales)), False, False)
    model = openvino.Model([ops.add(product, ops.constant(bias))], [x])
    settings = {"INFERENCE_NUM_THREADS": 1, "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(len(weight))}
    request = _core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda rows: np.array(request.infer([rows])[0])


def _core() -> Any:
    global _CORE
    if _CORE is None:
        import openvino

        _CORE = openvino.Core()
    return _CORE


_CORE: Any = None
WAYS = {
    "float32": _float32,
    "by row, six passes": _by_row(_six_passes),
    "by row, QuantizeLinear along the rows": _by_row(_along_rows()),
    "by row, QuantizeLinear, least and greatest value": _by_row(_along_rows(min_too=True)),
    "by row, QuantizeLinear, inputs behind GELU": _by_row(_along_rows(is_positive=True)),
    "by row, QuantizeLinear, unsigned weights": _by_row(_along_rows(), limit=WIDE, unsigned=True),
    "one fixed scale": _fixed_scale,
    "DynamicQuantizeMatMul, one scale for the whole input": _one_scale_for_all,
    "MatMulNBits, 4 bits by 32": _blocks(4, 32),
    "MatMulNBits, 8 bits by 128": _blocks(8, 128),
    "OpenVINO, 8 bits by channel": _openvino,
}


if __name__ == "__main__":
    main()
