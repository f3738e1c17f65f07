"""What few bits cost a trained GPT-2, and what it says: nats per character, greedy continuations, few-shot answers.

    python benchmarks/cpm_quality.py MODEL --heldout heldout.json [--threads 1]

MODEL is the folder that ``recipes/cpm_small.py`` trained, with the held-out texts beside it: documents that it never
saw. The model is quantized here to 8 and to 4 bits as ``yanmo quantize`` does it.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from machine import describe_machine

from yanmo.generate import Decoding, FewShot, LanguageModel, answer, load_language_model, text_nats
from yanmo.generate.quantized.quantize import quantize_folder
from yanmo.generate.quantized.weight_storage import Bits, WeightStorage

RESULT = Path(__file__).parent / "results" / "cpm_quality.json"
RECIPES = Path(__file__).parents[1] / "recipes"
PROMPTS = ("今天下午，", "本报讯", "中国的经济", "他说：“", "")
# Of each few-shot file the queries whose answers' form is judged; the model is too small to know the answers.
QUERIES = {
    "cpm_capital.yaml": ["德国", "法国", "日本", "意大利", "西班牙"],
    "cpm_word.yaml": ["water", "book", "school", "music", "red"],
}


def main() -> None:
    """Judges the float model and both quantized ones on the same texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--heldout", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    texts = json.loads(arguments.heldout.read_text(encoding="utf-8"))
    judged = {"float32": _judge(load_language_model(arguments.model), texts)}
    with tempfile.TemporaryDirectory() as work:
        for bits in Bits:
            folder = Path(work) / f"int{bits.value}"
            quantize_folder(arguments.model, folder, storage=WeightStorage(bits=bits))
            judged[f"int{bits.value}"] = _judge(load_language_model(folder), texts)
    base = judged["float32"]["nats_per_character"]
    for found in judged.values():
        found["change_percent"] = 100 * (found["nats_per_character"] / base - 1)
    result = {
        "machine": describe_machine("torch", "transformers", "numba"),
        "n_parameters": sum(p.numel() for p in load_language_model(arguments.model).network.parameters()),
        "n_texts": len(texts),
        "n_characters": sum(map(len, texts)),
        "curve": json.loads((arguments.model / "curve.json").read_text(encoding="utf-8")),
        "judged": judged,
    }
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1, ensure_ascii=False))


def _judge(model: LanguageModel, texts: list[str]) -> dict[str, object]:
    nats = text_nats(model.network, model.tokenizer, texts)
    greedy = model.generate(PROMPTS, decoding=Decoding(max_new_tokens=40))
    said = "".join(completion.text for completion in greedy)
    answers = {}
    for name, queries in QUERIES.items():
        done = [one.completion for one in answer(model, FewShot.load(RECIPES / name), queries)]
        answers[name] = {query: [one.text, one.ending.value] for query, one in zip(queries, done, strict=True)}
    return {
        "nats_per_character": nats.per_character,
        "han_share": sum("一" <= character <= "鿿" for character in said) / len(said),
        "greedy": {prompt: completion.text for prompt, completion in zip(PROMPTS, greedy, strict=True)},
        "few_shot": answers,
    }


if __name__ == "__main__":
    main()
