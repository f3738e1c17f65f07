"""What must hold exactly, on 100,000 generated pairs: swapped pairs alike, no strict yes beside a loose no, no company.

    python benchmarks/exactness.py [--pairs 100000] [--without-company]

A random matcher of two layers with the twenty-five standards, each with a random calibration and threshold: what holds
for it holds by construction, not by training. Texts are random characters, digits and marks, of 0 to 40 characters,
half of the pairs one text and an edited copy of it. Then exports of a wider matcher in every form that multiplies by
rows score each pair alone, and all pairs in shuffled batches of 1 to 64 with one thread and with two, to the last bit.
Counts, of which every one must be 0, go to results/exactness.json.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase, digits

import numpy as np
import torch

from yanmo.data import TaskSet
from yanmo.encode import EncoderConfig, ModelType
from yanmo.export import WeightForm, WeightPlan, export_matcher
from yanmo.match import Architecture, Calibration, Decision, Matcher, MatchingFile
from yanmo.match.engines.onnx_engine import OnnxEngine
from yanmo.match.engines.torch_engine import TorchEngine, build_classifier
from yanmo.tokenize import (
    CharacterSegmenter,
    EncodedPair,
    PairBudget,
    PairEncoder,
    PairLayout,
    TextNormalization,
    Vocabulary,
    WordTokenizer,
)

RESULT = Path(__file__).parent / "results" / "exactness.json"
CHARACTERS = "今天气不错我们去公园学生银行卡怎么绑定解35度，。？ab"
INVISIBLE = "\u200b\u200d\u202e\ufeff\ufe0f\u00ad\u2066"
CHUNK = 5000


def main() -> None:
    """Counts and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--only-company", action="store_true", help="keep what the file says of the rest")
    parser.add_argument("--without-company", action="store_true", help="all but that, which takes half of the time")
    arguments = parser.parse_args()
    result = json.loads(RESULT.read_text(encoding="utf-8")) if arguments.only_company else {}
    if not arguments.only_company:
        result |= _swaps_and_contradictions(arguments.pairs) | {"reading": _reading(arguments.pairs)}
    if not arguments.without_company:
        result |= {"in_company": _in_company(arguments.pairs)}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _swaps_and_contradictions(n_pairs: int) -> dict[str, object]:
    rng = np.random.default_rng(0)
    matcher = _random_matcher(rng)
    task_set = matcher.matching.task_set
    symmetric = [task.name for task in task_set.tasks if task.symmetric]
    implied = [(task.name, task.implies) for task in task_set.tasks if task.implies is not None]
    swapped = contradictions = above = accepted = 0
    for pairs in _chunks(n_pairs, rng):
        # The same tasks in both calls: float32 sums may end in another last digit in other company.
        one, other = (matcher.judge(each, tasks=symmetric) for each in (pairs, [pair[::-1] for pair in pairs]))
        swapped += sum(int((one[name].probabilities != other[name].probabilities).sum()) for name in symmetric)
        found = matcher.judge(pairs, tasks=task_set.names)
        for strict, loose in implied:
            contradictions += int((found[strict].accepted & ~found[loose].accepted).sum())
            above += int((found[strict].probabilities > found[loose].probabilities).sum())
            accepted += int(found[strict].accepted.sum())
    return {
        "pairs": n_pairs,
        "standards": len(task_set.tasks),
        "swapped_pairs_that_score_otherwise": swapped,
        "of_symmetric_scores": n_pairs * len(symmetric),
        "strict_yes_beside_loose_no": contradictions,
        "of_strict_yes": accepted,
        "strict_probability_above_the_loose_one": above,
        "of_strict_probabilities": n_pairs * len(implied),
    }


def _reading(n_pairs: int) -> dict[str, object]:
    """Invisible characters, texts of nothing else, and texts that differ in characters without a token."""
    rng = np.random.default_rng(1)
    matcher, dressed_otherwise, blank, alike = _random_matcher(rng), 0, 0, 0
    tasks = matcher.matching.task_set.names[:2]
    for pairs in _chunks(n_pairs, rng):
        dressed = [tuple(_dressed(text, rng) for text in pair) for pair in pairs]
        found, again = (matcher.judge(each, tasks=tasks) for each in (pairs, dressed))
        dressed_otherwise += sum(int((found[t].probabilities != again[t].probabilities).sum()) for t in tasks)
        nothing = [(_dressed("", rng), _dressed("", rng)) for _ in pairs]
        blank += sum(int((verdict.probabilities > 0).sum()) for verdict in matcher.judge(nothing, tasks=tasks).values())
        unknown = [chr(int(code)) for code in rng.choice(np.arange(0x20000, 0x2A000), 2 * len(pairs), replace=False)]
        texts = [[f"{pair[0]}{unknown[2 * i + side]}" for i, pair in enumerate(pairs)] for side in (0, 1)]
        rows = matcher.rows(list(zip(*texts, strict=True)), tasks=tasks[:1]).rows
        alike += sum(_same_sides(row) for row in rows)
    return {
        "pairs": n_pairs,
        "invisible_characters_that_change_a_score": dressed_otherwise,
        "of_scores": 2 * n_pairs,
        "matches_of_nothing_with_nothing": blank,
        "pairs_that_differ_in_an_unknown_character_and_read_alike": alike,
    }


def _dressed(text: str, rng: np.random.Generator) -> str:
    """The text with up to four invisible characters put in anywhere."""
    characters = list(text)
    for _ in range(rng.integers(1, 5)):
        characters.insert(int(rng.integers(0, len(characters) + 1)), str(rng.choice(list(INVISIBLE))))
    return "".join(characters)


def _same_sides(row: EncodedPair) -> bool:
    first, second = (row.token_ids[row.side == side] for side in (0, 1))
    return np.array_equal(first, second)


def _in_company(n_pairs: int) -> dict[str, object]:
    """Scores of each form that are not the same bits alone and in a batch."""
    counts: dict[str, object] = {"pairs": n_pairs}
    matcher = _random_matcher(np.random.default_rng(2), width=128)
    plans = {
        "float32": WeightPlan.uniform(WeightForm.FLOAT32),
        "int8-rows": WeightPlan.uniform(WeightForm.INT8_ROWS),
        "int4-rows below": WeightPlan(WeightForm.INT4, WeightForm.INT4_ROWS, WeightForm.INT8_ROWS, upper_from=1),
    }
    n_tasks = len(matcher.matching.task_set.tasks)
    with tempfile.TemporaryDirectory() as beside:
        for name, plan in plans.items():
            folder = Path(beside) / name
            export_matcher(matcher, folder, plan=plan)
            one, two = (OnnxEngine(folder / "model.onnx", n_threads=n) for n in (1, 2))
            rng, differ = np.random.default_rng(3), 0
            for texts in _chunks(n_pairs, rng):
                encoded = matcher.pair_encoder.encode_batch(texts, budgets=PairBudget(64, 64))
                tasks = rng.integers(0, n_tasks, len(encoded)).tolist()
                alone = np.array([one.logits([pair], [task])[0] for pair, task in zip(encoded, tasks, strict=True)])
                for engine in (one, two):
                    order = rng.permutation(len(encoded)).tolist()
                    while order:
                        n = int(rng.integers(1, 65))
                        batch, order = order[:n], order[n:]
                        found = engine.logits([encoded[i] for i in batch], [tasks[i] for i in batch])
                        differ += int((found != alone[batch]).sum())
            counts[name] = {"scores_that_differ": differ, "of": 2 * n_pairs}
    return counts


def _random_matcher(rng: np.random.Generator, *, width: int = 32) -> Matcher:
    torch.manual_seed(0)
    letters = [mark + letter for mark in ("", "##") for letter in ascii_lowercase + digits]
    tokens = list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *CHARACTERS, *letters]))
    architecture = Architecture(
        layout=PairLayout.SIDES, joint_from=2, conditional_from=1, head_width=width // 2, side_vectors=True
    )
    config = EncoderConfig(
        model_type=ModelType.BERT,
        vocab_size=len(tokens),
        width=width,
        embedding_width=width,
        n_layers=2,
        n_heads=2,
        inner_width=2 * width,
        n_positions=512,
    )
    task_set = TaskSet.load("standards")
    network = build_classifier(config, architecture, n_tasks=len(task_set.tasks)).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # untrained, the standards would all say the same
            parameter.add_(0.1 * torch.randn_like(parameter))
    decisions = {
        name: Decision(
            threshold=float(rng.uniform(0.2, 0.8)),
            calibration=Calibration(scale=float(rng.uniform(0.2, 3)), bias=float(rng.normal())),
        )
        for name in task_set.names
    }
    matching = MatchingFile(
        task_set=task_set,
        decisions=decisions,
        model=architecture.model_dump(mode="json"),
        normalization=TextNormalization(),
    )
    tokenizer = WordTokenizer(Vocabulary(tokens), segmenter=CharacterSegmenter())
    encoder = PairEncoder(tokenizer, layout=PairLayout.SIDES, normalization=matching.normalization)
    return Matcher(TorchEngine(network, config), encoder, matching)


def _chunks(n: int, rng: np.random.Generator) -> Iterator[list[tuple[str, str]]]:
    characters = list(CHARACTERS)
    for start in range(0, n, CHUNK):
        pairs = []
        for _ in range(min(CHUNK, n - start)):
            first = rng.choice(characters, rng.integers(0, 41)).tolist()
            second = list(first) if rng.random() < 0.5 else rng.choice(characters, rng.integers(0, 41)).tolist()
            if second and rng.random() < 0.8:
                second[rng.integers(len(second))] = str(rng.choice(characters))
            pairs.append(("".join(first), "".join(second)))
        yield pairs


if __name__ == "__main__":
    main()
