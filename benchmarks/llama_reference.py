"""The speed of a GGUF file in llama.cpp, as a contender of ``cpm.py``.

    python benchmarks/llama_reference.py MODEL.gguf --prompt 32 --new 16 --threads 1

Needs xllamacpp, the package of llama.cpp with ready-made wheels.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from turns import Told, take_turns


def open_llama(path: Path, *, n_threads: int, n_context: int) -> Callable[[list[int], int], dict[str, float]]:
    """Opens a file in llama.cpp.

    Args:
        path: The GGUF file.
        n_threads: Threads to compute on.
        n_context: Positions.

    Returns:
        A function of a prompt's ids and a number of new tokens; it generates greedily and tells tokens per second.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel = n_context, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = n_threads
    parameters.cache_prompt = False
    server = xllamacpp.Server(parameters)

    def generate(prompt: list[int], n_new: int) -> dict[str, float]:
        answer = server.handle_completions(
            {"prompt": prompt, "n_predict": n_new, "ignore_eos": True, "temperature": 0, "cache_prompt": False}
        )
        timings = answer["timings"]
        if timings["predicted_n"] != n_new:
            raise RuntimeError(f"{timings['predicted_n']} tokens came instead of {n_new}")
        return {
            "prompt_tokens_per_second": timings["prompt_per_second"],
            "tokens_per_second": timings["predicted_per_second"],
        }

    return generate


def main() -> None:
    """Opens one file and waits for its turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--new", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    def prepare() -> tuple[Told, Callable[[], Told]]:
        start = time.perf_counter()
        n_context = arguments.prompt + arguments.new + 8
        generate = open_llama(arguments.path, n_threads=arguments.threads, n_context=n_context)
        load_seconds = time.perf_counter() - start
        torch.manual_seed(0)
        prompt = torch.randint(5, 1000, (arguments.prompt,)).tolist()
        generate(prompt, 4)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        return {"load_seconds": load_seconds, "peak_gib": peak}, lambda: generate(prompt, arguments.new)

    take_turns(prepare)


if __name__ == "__main__":
    main()
