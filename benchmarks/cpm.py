"""CPM-LM at full size on an ordinary machine: quantizing, loading, memory, speed, labels.

    python benchmarks/cpm.py MODEL --work DIR [--threads 1] [--prompt 32] [--new 16] [--repeats 5]

MODEL is a converted folder, such as the random stand-in of ``cpm_stand_in.py``; DIR keeps the quantized folders, 8 GB
with those of llama.cpp. For each width of weights, ours takes turns with transformers in float32 (11 GB of memory), and
with llama.cpp where the packages gguf and xllamacpp are installed, each in a process of its own, and the bandwidth of
the memory is measured beside ours in every turn. Files are read once before, so that loading is from a warm cache.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from label_cost import measure_label_cost
from machine import describe_machine
from transformers import StoppingCriteria
from turns import Contender, Told, all_turns, spread, take_turns

from yanmo.generate import write_gguf

RESULT = Path(__file__).parent / "results" / "cpm.json"
# A ten-shot task with twenty labels.
SHOTS = ["法国 欧洲", "日本 亚洲", "埃及 非洲", "巴西 南美洲", "加拿大 北美洲"] * 2
TOPICS = "财经 彩票 房产 股票 家居 教育 科技 社会 时尚 时政 体育 星座 游戏 娱乐 军事 汽车 旅游 健康 文化 历史"
_FLOAT = "transformers float32"


def main() -> None:
    """Lets the models of each width take turns and writes what they told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--new", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", help="what a process of its own does: quantize4, quantize8 or run")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.part == "run":
        take_turns(lambda: _prepare(arguments.model, arguments.prompt, arguments.new))
        return
    if arguments.part is not None:
        print(json.dumps(_quantize(arguments.model, arguments.work, int(arguments.part.removeprefix("quantize")))))
        return
    result: dict[str, object] = {
        "machine": describe_machine("torch", "transformers", "numba"),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": arguments.threads,
        "prompt_tokens": arguments.prompt,
        "new_tokens": arguments.new,
        "repeats": arguments.repeats,
        "load_average_before": os.getloadavg(),
        "quantizing": {},
    }
    for bits in (8, 4):
        folder = arguments.work / f"int{bits}"
        if not folder.exists():
            result["quantizing"][f"int{bits}"] = _child(arguments, arguments.model, f"quantize{bits}")
        result[f"int{bits}"] = _compare(arguments, folder, bits)
    whole = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    whole[f"threads_{arguments.threads}"] = result
    RESULT.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _compare(arguments: argparse.Namespace, folder: Path, bits: int) -> dict[str, object]:
    ours, llama = f"yanmo int{bits}", f"llama.cpp Q{bits}_0"
    options = ["--threads", arguments.threads, "--prompt", arguments.prompt, "--new", arguments.new]
    ours_and_float = ["--work", arguments.work, *options, "--part", "run"]
    commands = {
        _FLOAT: [Path(__file__), arguments.model, *ours_and_float],
        ours: [Path(__file__), folder, *ours_and_float],
    }
    if importlib.util.find_spec("gguf") and importlib.util.find_spec("xllamacpp"):
        path = arguments.work / f"Q{bits}_0.gguf"
        if not path.exists():
            write_gguf(arguments.model, path, weights=f"q{bits}_0")
        commands[llama] = [Path(__file__).with_name("llama_reference.py"), path, *options]
    for command in commands.values():
        _warm(command[1])
    found = {}
    # Two at a time: where the weights of all do not fit into memory together, those that are mapped would be read from
    # the disk again at every turn.
    for rival in [name for name in commands if name != ours]:
        contenders = {
            name: Contender(*commands[name], n_threads=arguments.threads, python=sys.executable)
            for name in (rival, ours)
        }
        turns = all_turns(contenders, arguments.repeats)
        for contender in contenders.values():
            contender.end()
        found[rival] = {"loaded": {name: contender.hello for name, contender in contenders.items()}, "turns": turns}
    return _summary(ours, found)


def _summary(ours: str, found: dict[str, dict]) -> dict[str, object]:
    speeds, our_turns, ratios, loaded = {}, [], {}, {}
    for rival, told in found.items():
        rates = {name: [turn["tokens_per_second"] for turn in turns] for name, turns in told["turns"].items()}
        speeds[rival] = spread(rates[rival])
        ratios[f"to {rival}"] = spread([our / their for our, their in zip(rates[ours], rates[rival], strict=True)])
        our_turns += told["turns"][ours]
        loaded |= told["loaded"]
    speeds[ours] = spread([turn["tokens_per_second"] for turn in our_turns])
    touched = loaded[ours]["touched_gb_per_token"]
    shares = [turn["tokens_per_second"] * touched / turn["read_gb_per_second"] for turn in our_turns]
    return {
        "loaded": loaded,
        "tokens_per_second": speeds,
        "read_gb_per_second": spread([turn["read_gb_per_second"] for turn in our_turns]),
        "share_of_bandwidth": spread(shares),
        "ratio": ratios,
    }


def _warm(path: Path) -> None:
    """Reads the weights once."""
    for file in [path] if path.is_file() else path.glob("*.safetensors"):
        with file.open("rb") as stream:
            while stream.read(1 << 24):
                pass


def _child(arguments: argparse.Namespace, model: Path, part: str) -> dict[str, float]:
    command = [sys.executable, __file__, model, "--work", arguments.work, "--threads", arguments.threads]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run([*map(str, command), "--part", part], check=True, stdout=subprocess.PIPE, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def _quantize(model: Path, work: Path, bits: int) -> dict[str, float]:
    from yanmo.generate.quantized.quantize import quantize_folder
    from yanmo.generate.quantized.weight_storage import Bits, WeightStorage

    start = time.perf_counter()
    done = quantize_folder(model, work / f"int{bits}", storage=WeightStorage(bits=Bits(bits)))
    seconds = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time()}
    return {**seconds, "parameters": done.n_parameters, "file_gb": done.n_bytes / 1e9, "peak_gib": _peak_gib()}


def _prepare(folder: Path, n_prompt: int, n_new: int) -> tuple[Told, Callable[[], Told]]:
    """Loads one model and measures what is measured once; a turn generates greedily."""
    from yanmo.generate import load_language_model
    from yanmo.generate.quantized.weight_storage import storage_of

    start = time.perf_counter()
    model = load_language_model(folder)
    told: Told = {"load_seconds": time.perf_counter() - start}
    torch.manual_seed(0)
    prompt = torch.randint(5, 1000, (1, n_prompt))

    def turn() -> Told:
        clock = _Clock()
        read = _read_rate()
        start = time.perf_counter()
        model.network.generate(
            prompt,
            max_new_tokens=n_new,
            min_new_tokens=n_new,
            do_sample=False,
            pad_token_id=0,
            eos_token_id=None,
            stopping_criteria=[clock],
        )
        decoding = clock.times[-1] - clock.times[0]
        return {
            "prompt_tokens_per_second": n_prompt / (clock.times[0] - start),
            "tokens_per_second": (n_new - 1) / decoding,
            "read_gb_per_second": (read + _read_rate()) / 2,
        }

    turn()
    told["peak_gib"] = _peak_gib()
    # The position table gives one row a token; everything else is read whole.
    values = {tensor.data_ptr(): tensor for tensor in model.network.state_dict().values()}.values()
    touched = sum(tensor.nbytes for tensor in values) - model.network.transformer.wpe.weight.nbytes
    told["touched_gb_per_token"] = touched / 1e9
    if storage_of(folder) is not None:
        text = "".join(f"{line}\n" for line in SHOTS) + "印度 "
        cost = measure_label_cost(model, text, TOPICS.split(), n_repeats=3)
        told |= {"label_cost_ratio": cost.ratio, "label_prompt_tokens": cost.n_prompt_tokens}
        told["label_tokens"] = cost.n_label_tokens
    return told, turn


class _Clock(StoppingCriteria):
    """Notes when each token is there; stops nothing."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, input_ids: torch.Tensor, _scores: torch.Tensor, **_: object) -> torch.Tensor:
        self.times.append(time.perf_counter())
        return torch.zeros(len(input_ids), dtype=torch.bool)


def _read_rate() -> float:
    """GB read from memory per second: the best of some sums over more than any cache holds."""
    memory = torch.ones(64 * 2**20)
    rates = []
    for _ in range(6):
        start = time.perf_counter()
        memory.sum()
        rates.append(memory.nbytes / 1e9 / (time.perf_counter() - start))
    return max(rates)


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
