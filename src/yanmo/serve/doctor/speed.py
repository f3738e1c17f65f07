"""How fast this processor multiplies, what share of that a matcher reaches, and what follows from it; no torch."""

import importlib.util
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError, chosen
from ...match import Matcher
from ...match.engines.graph_engine import GraphEngine
from ...match.engines.onnx_runtime import onnxruntime
from .product_graph import ProductKind, product_graph

__all__ = ["Speed", "advice", "examine_speed", "measure_rate"]

_SHORT = ("巴塞罗那昨晚主场三比零取胜", "巴萨昨夜在主场3:0赢球")
# A product of the shape that half of a small encoder's work has.
_ROWS, _IN, _OUT = 128, 384, 1536
_SECONDS = 0.4
_SETS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm")


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured."""

    rates: dict[str, float]
    """Billions of multiplications and additions a second on one thread, by the kind of number."""
    milliseconds: dict[int, float]
    """Of one short pair, by the number of threads."""
    billions: float
    """Multiplications and additions that the linear layers need for that pair."""
    is_int8: bool
    """Whether the matcher multiplies in 8 bits."""

    @property
    def rate(self) -> float:
        """Billions a second that the matcher reaches on one thread, everything counted as time."""
        return self.billions / self.milliseconds[1] * 1000


def examine_speed(folder: Path | None = None) -> Iterator[str]:
    """Measures for some seconds and says what was found, line by line.

    Args:
        folder: An exported matcher; None takes the bundled one.

    Yields:
        Lines for a person.

    Raises:
        InputError: The folder's matcher is no export.
    """
    yield f"处理器 processor: {_processor()}，{_usable_cpus()} 核可用 usable cores"
    rates = {kind.value: measure_rate(kind) for kind in ProductKind}
    bfloat16 = _bfloat16_rate()
    if bfloat16 is not None:
        rates["bfloat16"] = bfloat16
    for name in ("float32", "bfloat16", "int8"):
        said = f"{rates[name]:.0f} GOP/s" if name in rates else "没有量：需要 torch / not measured: needs torch"
        yield f"矩阵乘 products, {name}, 1 线程 thread: {said}"
    speed = _measure(folder, rates)
    for n_threads, milliseconds in speed.milliseconds.items():
        yield f"一对短句 one short pair, {n_threads} 线程 threads: {milliseconds:.1f} ms"
    against = "int8" if speed.is_int8 else "float32"
    share = speed.rate / rates[against]
    yield f"匹配模型 the matcher, 1 线程 thread: {speed.rate:.0f} GOP/s，{against} 矩阵乘的 {share:.0%} of that rate"
    yield from advice(speed)


def advice(speed: Speed) -> Iterator[str]:
    """Says which export and how many threads the numbers speak for.

    Args:
        speed: What was measured.

    Yields:
        Lines for a person.
    """
    rates = speed.rates
    gain = rates["int8"] / rates["float32"]
    if gain >= 1.2:
        yield f"建议：导出用 yanmo export --int8，快 {gain:.1f} 倍 / export --int8, {gain:.1f} times float32"
    else:
        yield f"建议：这台机器上 int8 不比 float32 快（{gain:.1f} 倍），导出不必 --int8 / int8 is no faster here"
    if rates.get("bfloat16", 0) >= 1.2 * rates["float32"]:
        yield "训练可用 bfloat16：比 float32 快 / bfloat16 is worth it in training here"
    # The fewest threads that come within a tenth of the best.
    least = min(speed.milliseconds.values())
    best = min(n for n, milliseconds in speed.milliseconds.items() if milliseconds <= 1.1 * least)
    yield f"等一对的结果：n_threads={best} / waiting for one pair: n_threads={best}"
    most = max(speed.milliseconds)
    if most > 1:
        gained = speed.milliseconds[1] / speed.milliseconds[most]
        if gained < 0.8 * most:
            yield (
                f"成批打分：predict --workers {most}（{most} 线程对一对只快 {gained:.1f} 倍）"
                f" / a file: --workers {most}, as {most} threads are {gained:.1f} times one"
            )
        else:
            yield f"成批打分：一个进程 {most} 线程即可 / a file: one process of {most} threads"


def measure_rate(kind: ProductKind | str, *, seconds: float = _SECONDS) -> float:
    """Measures a product of constant weights on one thread.

    Args:
        kind: What is multiplied.
        seconds: How long to measure.

    Returns:
        Billions of multiplications and additions a second, of the best of many products.
    """
    kind = chosen(ProductKind, kind, name="kind")
    is_int8 = kind is ProductKind.INT8
    weight = np.ones((_IN, _OUT), dtype=np.int8 if is_int8 else np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(product_graph(kind, weight), options, providers=["CPUExecutionProvider"])
    feed = {"x": np.ones((_ROWS, _IN), dtype=np.uint8 if is_int8 else np.float32)}
    return 2e-9 * _ROWS * _IN * _OUT / _best(lambda: session.run(["y"], feed), seconds=seconds)


def _bfloat16_rate() -> float | None:
    """The rate of torch's product, for ONNX Runtime has none in bfloat16; None without torch."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        x = torch.ones(_ROWS, _IN, dtype=torch.bfloat16)
        weight = torch.ones(_OUT, _IN, dtype=torch.bfloat16)
        with torch.inference_mode():
            return 2e-9 * _ROWS * _IN * _OUT / _best(lambda: torch.nn.functional.linear(x, weight), seconds=_SECONDS)
    finally:
        torch.set_num_threads(before)


def _measure(folder: Path | None, rates: dict[str, float]) -> Speed:
    milliseconds = {n: _milliseconds(_loaded(folder, n)) for n in _thread_counts()}
    matcher = _loaded(folder, 1)
    engine = matcher.engine
    if not isinstance(engine, GraphEngine):
        raise InputError("only an exported matcher is measured", where=folder, fix="write it with yanmo export --int8")
    n_tokens = len(matcher.rows([_SHORT], tasks=[matcher.matching.task_set.names[0]]).rows[0])
    sizes = json.loads(engine.path.with_name("config.json").read_text(encoding="utf-8"))
    width, inner, n_layers = (sizes[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    n_weights = n_layers * (4 * width**2 + 2 * width * inner)
    # Float weights alone would take four bytes each; anything rounded takes less than half of that.
    n_bytes = sum(file.stat().st_size for file in engine.files)
    is_int8 = n_bytes < 2 * (n_weights + sizes["vocab_size"] * width)
    return Speed(rates, milliseconds, 2e-9 * n_weights * n_tokens, is_int8)


def _loaded(folder: Path | None, n_threads: int) -> Matcher:
    if folder is None:
        return Matcher.default(n_threads=n_threads)
    return Matcher.from_pretrained(folder, n_threads=n_threads)


def _milliseconds(matcher: Matcher) -> float:
    task = matcher.matching.task_set.names[0]
    return 1000 * _best(lambda: matcher.score([_SHORT], task=task), seconds=_SECONDS)


def _thread_counts() -> list[int]:
    counts, most = [1], _usable_cpus()
    while counts[-1] * 2 <= min(most, 16):
        counts.append(counts[-1] * 2)
    return counts


def _best(work: Callable[[], object], *, seconds: float) -> float:
    """Seconds of the fastest of all runs within a time, for whatever else runs only adds."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end or best == float("inf"):
        work()
        best = min(best, time.perf_counter() - start)
    return best


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(told.get("flags", told.get("Features", "")).split())
    found = [name for name in _SETS if name in flags]
    return f"{told.get('model name') or platform.processor() or platform.machine()}（{' '.join(found) or '—'}）"


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
