"""CPM-LM at full size on an ordinary machine: quantizing, loading, memory, speed, labels.

    python benchmarks/cpm.py MODEL --work DIR [--threads 1] [--prompt 128] [--new 32]

MODEL is a converted folder, such as the random stand-in of ``cpm_stand_in.py``; DIR keeps the quantized folders, 8 GB
with those of llama.cpp. Each model runs in a process of its own, one after the other: transformers in float32 (11 GB of
memory), int8, int4, and llama.cpp where the packages gguf and xllamacpp are installed. Rates are told by the clock and,
as other work may share the machine, by the time of the processor; the latter only compares with one thread.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from llama_reference import write_gguf
from machine import describe_machine

RESULT = Path(__file__).parent / "results" / "cpm.json"
# A ten-shot task with twenty labels.
SHOTS = ["法国 欧洲", "日本 亚洲", "埃及 非洲", "巴西 南美洲", "加拿大 北美洲"] * 2
TOPICS = "财经 彩票 房产 股票 家居 教育 科技 社会 时尚 时政 体育 星座 游戏 娱乐 军事 汽车 旅游 健康 文化 历史"
_FLOAT, _OURS, _LLAMA = "transformers float32", "yanmo int", "llama.cpp "


def main() -> None:
    """Runs every model in a process of its own and writes what they told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--new", type=int, default=32)
    parser.add_argument("--part", help="what a process of its own does: quantize4, quantize8 or run")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.part == "run":
        print(json.dumps(_run(arguments.model, arguments.prompt, arguments.new)))
        return
    if arguments.part is not None:
        print(json.dumps(_quantize(arguments.model, arguments.work, int(arguments.part.removeprefix("quantize")))))
        return
    result: dict[str, object] = {
        "machine": describe_machine("torch", "transformers", "numba"),
        "threads": arguments.threads,
        "prompt_tokens": arguments.prompt,
        "new_tokens": arguments.new,
        "load_average_before": os.getloadavg(),
        "quantizing": {},
    }
    runs = {_FLOAT: arguments.model}
    for bits in (8, 4):
        folder = runs[f"{_OURS}{bits}"] = arguments.work / f"int{bits}"
        if not folder.exists():
            result["quantizing"][f"int{bits}"] = _child(arguments, arguments.model, f"quantize{bits}")
    measured = {name: _child(arguments, folder, "run") for name, folder in runs.items()}
    if importlib.util.find_spec("gguf") and importlib.util.find_spec("xllamacpp"):
        for kind in ("Q8_0", "Q4_0"):
            path = arguments.work / f"{kind}.gguf"
            if not path.exists():
                write_gguf(arguments.model, path, kind)
            script = Path(__file__).parent / "llama_reference.py"
            options = ["--prompt", arguments.prompt, "--new", arguments.new, "--threads", arguments.threads]
            measured[f"{_LLAMA}{kind}"] = _told([script, path, *options])
    rate = "tokens_per_processor_second" if arguments.threads == 1 else "tokens_per_second"
    speed = {name: told[rate] for name, told in measured.items()}
    result["measured"] = measured
    result["ratios_by"] = rate
    result["ratios"] = {
        f"{_OURS}{bits}": {
            "to transformers float32": speed[f"{_OURS}{bits}"] / speed[_FLOAT],
            **{f"to {n}": speed[f"{_OURS}{bits}"] / speed[n] for n in speed if n.startswith(f"{_LLAMA}Q{bits}")},
        }
        for bits in (8, 4)
    }
    whole = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    whole[f"threads_{arguments.threads}"] = result
    RESULT.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _child(arguments: argparse.Namespace, model: Path, part: str) -> dict[str, float]:
    options = ["--work", arguments.work, "--threads", arguments.threads, "--prompt", arguments.prompt]
    return _told([Path(__file__), model, *options, "--new", arguments.new, "--part", part])


def _told(command: list[object]) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.PIPE, env=environment)
    told = json.loads(done.stdout.splitlines()[-1])
    print(command[:2], told, file=sys.stderr, flush=True)
    return told


def _quantize(model: Path, work: Path, bits: int) -> dict[str, float]:
    from yanmo.generate.quantize import quantize_folder
    from yanmo.generate.weight_storage import Bits, WeightStorage

    start = time.perf_counter()
    done = quantize_folder(model, work / f"int{bits}", storage=WeightStorage(bits=Bits(bits)))
    seconds = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time()}
    return {**seconds, "parameters": done.n_parameters, "file_gb": done.n_bytes / 1e9, "peak_gib": _peak_gib()}


def _run(folder: Path, n_prompt: int, n_new: int) -> dict[str, float]:
    """One model: loads it, generates greedily, and scores labels; the float model only generates."""
    from yanmo.generate import load_language_model, measure_label_cost
    from yanmo.generate.weight_storage import storage_of

    start = time.perf_counter()
    model = load_language_model(folder)
    load_seconds = time.perf_counter() - start
    is_quantized = storage_of(folder) is not None
    torch.manual_seed(0)
    prompt = torch.randint(5, 1000, (1, n_prompt))

    def generate(n: int) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        model.network.generate(
            prompt, max_new_tokens=n, min_new_tokens=n, do_sample=False, pad_token_id=0, eos_token_id=None
        )
        return time.perf_counter() - wall, time.process_time() - processor

    start = time.perf_counter()
    generate(1)
    told = {"load_seconds": load_seconds, "first_token_seconds": time.perf_counter() - start}
    generate(n_new)
    told["peak_gib"] = _peak_gib()
    n_few, reads, few, many = 2, [], [], []
    for _ in range(3 if is_quantized else 1):
        reads.append(_read_rates())
        few.append(generate(n_few))
        many.append(generate(n_new))
    for clock, name in enumerate(("", "processor_")):
        short = median(times[clock] for times in few)
        each = (median(times[clock] for times in many) - short) / (n_new - n_few)
        told[f"tokens_per_{name}second"] = 1 / each
        told[f"prompt_tokens_per_{name}second"] = n_prompt / (short - n_few * each)
        told[f"read_gb_per_{name}second"] = median(rates[clock] for rates in reads)
    # The position table gives one row a token; everything else is read whole.
    values = {tensor.data_ptr(): tensor for tensor in model.network.state_dict().values()}.values()
    touched = sum(tensor.nbytes for tensor in values) - model.network.transformer.wpe.weight.nbytes
    told["touched_gb_per_token"] = touched / 1e9
    for name in ("", "processor_"):
        told[f"share_of_bandwidth_by_{name}seconds"] = (
            told[f"tokens_per_{name}second"] * touched / 1e9 / told[f"read_gb_per_{name}second"]
        )
    if is_quantized:
        text = "".join(f"{line}\n" for line in SHOTS) + "印度 "
        cost = measure_label_cost(model, text, TOPICS.split(), n_repeats=3)
        told |= {"label_cost_ratio": cost.ratio, "label_prompt_tokens": cost.n_prompt_tokens}
        told["label_tokens"] = cost.n_label_tokens
    return told


def _read_rates() -> tuple[float, float]:
    """GB read from memory per second of clock and processor: the best of some sums over more than any cache holds."""
    memory = torch.ones(64 * 2**20)
    wall, processor = [], []
    for _ in range(6):
        start, start_processor = time.perf_counter(), time.process_time()
        memory.sum()
        wall.append(memory.nbytes / 1e9 / (time.perf_counter() - start))
        processor.append(memory.nbytes / 1e9 / (time.process_time() - start_processor))
    return max(wall), max(processor)


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
