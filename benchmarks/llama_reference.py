"""A GPT-2 folder as llama.cpp takes it, and its speed there, as a contender of ``cpm.py``.

    python benchmarks/llama_reference.py MODEL.gguf --prompt 32 --new 16 --threads 1

Needs gguf to write and xllamacpp, the package of llama.cpp with ready-made wheels, to run.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from turns import Told, take_turns

# llama.cpp's names of a layer's tensors, by GPT-2's.
_LAYER = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def write_gguf(folder: Path, out: Path, quantization: str) -> None:
    """Writes a GPT-2 folder as GGUF.

    Args:
        folder: Folder with safetensors weights, in one file or several.
        out: The file to write.
        quantization: Type of the layers' matrices, ``Q8_0`` or ``Q4_0``; the token table is always ``Q8_0``, as ours.
    """
    import gguf

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(out, "gpt2", use_temp_file=True)
    writer.add_block_count(config["n_layer"])
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    # Prompts are given as ids; the tokens' texts only have to be there.
    tokens = ["<unk>", "<s>", "</s>", *(f"t{i}" for i in range(3, config["vocab_size"]))]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types([2, 3, 3] + [1] * (len(tokens) - 3))
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - the file is no dict
                tensor = file.get_tensor(name).float()
                wanted = _name(name)
                if wanted is None:
                    continue
                # GPT-2 stores its maps as [in, out].
                is_map = tensor.ndim == 2 and ".h." in name
                values = (tensor.T if is_map else tensor).contiguous().numpy()
                if tensor.ndim == 1 or "wpe" in name:
                    writer.add_tensor(wanted, values)
                    continue
                kind = gguf.GGMLQuantizationType[quantization if is_map else "Q8_0"]
                writer.add_tensor(wanted, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _name(name: str) -> str | None:
    whole = {"transformer.wte.weight": "token_embd.weight", "transformer.wpe.weight": "position_embd.weight"}
    if name in whole:
        return whole[name]
    parts = name.split(".")
    if parts[1] == "ln_f":
        return f"output_norm.{parts[-1]}"
    if parts[1] != "h":
        return None
    return f"blk.{parts[2]}.{_LAYER['.'.join(parts[3:-1])]}.{parts[-1]}"


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
