"""What multiplies one row by CPM-LM's weights fastest on this machine: the choice behind ``yanmo quantize``.

    python benchmarks/cpm_kernels.py [--threads 1] [--layers 2]

Products: the matrices of one layer and the token table, each kernel in turns with a plain read of memory, so that a
busy machine slows both. Engines: a random GPT-2 of CPM-LM's widths with few layers generates after a short prompt. With
one thread, seconds are those of the processor (nothing that others take is counted), otherwise those of the clock.
Tokens a second are scaled to the 2.6 billion weights of CPM-LM. Engines that are not installed are left out.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import describe_machine
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from yanmo.generate import write_gguf
from yanmo.generate.quantized.folder import load_quantized
from yanmo.generate.quantized.matrix import Int4Matrix, Int8Matrix
from yanmo.generate.quantized.quantize import quantize_folder
from yanmo.generate.quantized.weight_storage import Bits, WeightStorage
from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordTokenizer

RESULT = Path(__file__).parent / "results" / "cpm_kernels.json"
# Outputs and inputs of a layer's maps; the table last.
SHAPES = [(7680, 2560), (2560, 2560), (10240, 2560), (2560, 10240), (30000, 2560)]
N_PRODUCTS = sum(output * source for output, source in SHAPES)
N_CPM = 32 * sum(output * source for output, source in SHAPES[:-1]) + 30000 * 2560
Product = Callable[[Tensor], object]


def torch_kernels() -> dict[str, tuple[float, Callable[[int, int], Product]]]:
    """Torch's own: bytes of a weight, and what makes a product from output and input width."""

    def dense(dtype: torch.dtype) -> Callable[[int, int], Product]:
        def make(output: int, source: int) -> Product:
            weight = torch.randn(output, source, dtype=dtype)
            return lambda x: F.linear(x.to(dtype), weight)

        return make

    def int8(dtype: torch.dtype) -> Callable[[int, int], Product]:
        def make(output: int, source: int) -> Product:
            weight, scale = torch.randint(-127, 128, (output, source), dtype=torch.int8), torch.rand(output).to(dtype)
            return lambda x: torch._weight_int8pack_mm(x.to(dtype), weight, scale)

        return make

    def int4(output: int, source: int) -> Product:
        codes = torch.randint(0, 16, (-(-output // 64) * 64, source), dtype=torch.int32)
        packed = torch._convert_weight_to_int4pack_for_cpu(codes, 1)
        scales = torch.rand(source // 32, len(codes), 2).bfloat16()
        return lambda x: torch._weight_int4pack_mm_for_cpu(x.bfloat16(), packed, 32, scales)

    def dynamic(output: int, source: int) -> Product:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(source, output)), {nn.Linear})

    return {
        "torch float32": (4, dense(torch.float32)),
        "torch float16": (2, dense(torch.float16)),
        "torch bfloat16": (2, dense(torch.bfloat16)),
        "torch _weight_int8pack_mm, float32 rows": (1, int8(torch.float32)),
        "torch _weight_int8pack_mm, bfloat16 rows": (1, int8(torch.bfloat16)),
        "torch _weight_int4pack_mm_for_cpu, bfloat16 rows, groups of 32": (0.5 + 4 / 32, int4),
        "torch dynamic int8 (rows rounded to 8 bits)": (1, dynamic),
    }


def onnx_kernel(bits: int, accuracy: int) -> Callable[[int, int], Product]:
    """ONNX Runtime's product with stored blocks; accuracy level 1 computes in float32, 4 rounds the rows to 8 bits."""
    import onnx
    import onnxruntime

    def make(output: int, source: int) -> Product:
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 256, (output, source // 32, 32 * bits // 8), dtype=np.uint8)
        scales = rng.random((output, source // 32), dtype=np.float32)
        attributes = {"K": source, "N": output, "bits": bits, "block_size": 32, "accuracy_level": accuracy}
        node = onnx.helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", **attributes)
        graph = onnx.helper.make_graph(
            [node],
            "product",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", source])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["rows", output])],
            [onnx.numpy_helper.from_array(codes, "w"), onnx.numpy_helper.from_array(scales, "s")],
        )
        opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {"x": x.numpy()})

    return make


def torchao_kernel(output: int, source: int) -> Product:
    """Torchao's weight-only int8 linear layer."""
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    layer = nn.Linear(source, output, bias=False).bfloat16()
    quantize_(layer, Int8WeightOnlyConfig())
    return lambda x: layer(x.bfloat16())


def our_kernel(kind: type[Int8Matrix] | type[Int4Matrix]) -> Callable[[int, int], Product]:
    """The products of ``yanmo.generate``."""

    def make(output: int, source: int) -> Product:
        matrix = kind(output, source)
        matrix.codes.random_(0, 100)
        matrix.scales.fill_(0.01)
        return matrix.multiply

    return make


def measure_products(clock: Callable[[], float], rows: list[int]) -> dict[str, dict[str, float]]:
    """Times every kernel for some numbers of rows."""
    kernels = {
        **torch_kernels(),
        "ONNX Runtime MatMulNBits 8 bits, level 4 (rows rounded to 8 bits)": (1 + 4 / 32, onnx_kernel(8, 4)),
        "ONNX Runtime MatMulNBits 8 bits, level 1 (float32)": (1 + 4 / 32, onnx_kernel(8, 1)),
        "ONNX Runtime MatMulNBits 4 bits, level 4 (rows rounded to 8 bits)": (0.5 + 4 / 32, onnx_kernel(4, 4)),
        "ONNX Runtime MatMulNBits 4 bits, level 1 (float32)": (0.5 + 4 / 32, onnx_kernel(4, 1)),
        "yanmo int8": (1, our_kernel(Int8Matrix)),
        "yanmo int4, groups of 32": (0.5 + 2 / 32, our_kernel(Int4Matrix)),
    }
    if importlib.util.find_spec("torchao"):
        kernels["torchao int8 weight-only, bfloat16 rows"] = (1, torchao_kernel)
    memory = torch.randn(64 * 2**20)
    found = {}
    for name, (n_bytes, make) in kernels.items():
        products = [(make(*shape), shape[1]) for shape in SHAPES]
        for n_rows in rows:
            inputs = {source: torch.randn(n_rows, source) for _, source in SHAPES}
            reads, seconds = [], []
            began = time.perf_counter()
            while len(seconds) < 6 and (len(seconds) < 2 or time.perf_counter() - began < 5):
                start = clock()
                memory.sum()
                reads.append(memory.nbytes / (clock() - start) / 1e9)
                start = clock()
                for product, source in products:
                    product(inputs[source])
                seconds.append(clock() - start)
            second = statistics.median(seconds[1:])
            entry = found.setdefault(name, {})
            if n_rows == 1:
                entry["gb_per_second"] = round(N_PRODUCTS * n_bytes / second / 1e9, 2)
                entry["share_of_read_bandwidth"] = round(entry["gb_per_second"] / statistics.median(reads), 3)
            entry[f"cpm_tokens_per_second_{n_rows}_rows"] = round(n_rows * N_PRODUCTS / second / N_CPM, 2)
        print(name, found[name], flush=True)
    return found


def measure_engines(clock: Callable[[], float], *, n_layers: int) -> dict[str, float]:
    """Times generation of whole models; tokens per second of a CPM-LM."""
    n_threads, n_new = torch.get_num_threads(), 24
    config = GPT2Config(
        vocab_size=30000,
        n_positions=128,
        n_embd=2560,
        n_layer=n_layers,
        n_head=32,
        bos_token_id=None,
        eos_token_id=None,
    )
    share = (n_layers * sum(o * s for o, s in SHAPES[:-1]) + 30000 * 2560) / N_CPM
    prompt = torch.randint(5, 1000, (1, 16))
    found: dict[str, float] = {}

    def time_network(network: GPT2LMHeadModel) -> float:
        seconds = []
        for n in (2, n_new) * 3:
            start = clock()
            network.generate(prompt, max_new_tokens=n, min_new_tokens=n, do_sample=False, pad_token_id=0)
            seconds.append(clock() - start)
        each = (statistics.median(seconds[3::2]) - statistics.median(seconds[2::2])) / (n_new - 2)
        return round(share / each, 2)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.manual_seed(0)
        network = GPT2LMHeadModel(config).eval()
        found["transformers float32"] = time_network(network)
        network.half().save_pretrained(folder / "half")
        for bits in Bits:
            quantize_folder(folder / "half", folder / bits.name, storage=WeightStorage(bits=bits))
            found[f"yanmo {bits.name.lower()}"] = time_network(load_quantized(folder / bits.name))
        if importlib.util.find_spec("ctranslate2"):
            found["CTranslate2 int8 (rows rounded to 8 bits)"] = _ctranslate2(network.float(), folder, clock, share)
        del network
        if importlib.util.find_spec("xllamacpp"):
            tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"t{i}" for i in range(4, config.vocab_size))]
            WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter()).save(folder / "half")
            for kind in ("Q8_0", "Q4_0"):
                write_gguf(folder / "half", folder / f"{kind}.gguf", weights=kind.lower())
                command = [sys.executable, str(Path(__file__).parent / "llama_reference.py"), folder / f"{kind}.gguf"]
                options = ["--prompt", "16", "--new", "64", "--threads", str(n_threads)]
                told = subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout
                key = f"llama.cpp {kind} (rows rounded to 8 bits)"
                rate = "tokens_per_processor_second" if n_threads == 1 else "tokens_per_second"
                found[key] = round(share * json.loads(told.splitlines()[-1])[rate], 2)
    print(found, flush=True)
    return found


def _ctranslate2(network: GPT2LMHeadModel, folder: Path, clock: Callable[[], float], share: float) -> float:
    import ctranslate2
    from ctranslate2.converters.transformers import GPT2Loader

    class Loader(GPT2Loader):
        """Without a tokenizer: tokens are only numbered."""

        def get_vocabulary(self, model: nn.Module, _tokenizer: object) -> list[str]:
            return [f"t{i}" for i in range(model.config.vocab_size)]

        def set_config(self, config: object, _model: nn.Module, _tokenizer: object) -> None:
            config.bos_token = config.eos_token = config.unk_token = "t0"

    spec = Loader()(network, None)
    spec.validate()
    spec.optimize(quantization="int8")
    (folder / "ct2").mkdir()
    spec.save(str(folder / "ct2"))
    engine = ctranslate2.Generator(str(folder / "ct2"), intra_threads=torch.get_num_threads(), compute_type="int8")
    tokens, seconds = [f"t{i}" for i in range(5, 21)], []
    for n in (2, 24) * 3:
        start = clock()
        engine.generate_batch([tokens], max_length=n, min_length=n, include_prompt_in_result=False)
        seconds.append(clock() - start)
    return round(share * 22 / (statistics.median(seconds[3::2]) - statistics.median(seconds[2::2])), 2)


def main() -> None:
    """Measures products and engines and writes the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layers", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    result: dict[str, object] = {
        "machine": describe_machine("torch", "transformers", "onnxruntime", "numba"),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "clock": "processor" if arguments.threads == 1 else "wall",
    }
    with torch.inference_mode():
        result["products"] = measure_products(clock, [1, 4, 64])
    _write(arguments.threads, result)
    result["engines_cpm_tokens_per_second"] = measure_engines(clock, n_layers=arguments.layers)
    _write(arguments.threads, result)


def _write(n_threads: int, result: dict[str, object]) -> None:
    whole = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    whole[f"threads_{n_threads}"] = result
    RESULT.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
