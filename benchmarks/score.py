"""Scoring pairs of all lengths: Yanmo beside transformers and sentence-transformers, the same weights, pairs and run.

    python benchmarks/score.py BASE DATA --work DIR [--width 768] [--peers PYTHON] [--repeats 5] [--threads 2]

BASE is an encoder's Hugging Face folder, DATA holds the Sohu folders, DIR keeps the models made here. A matcher of one
task is put around BASE (with --width, around a random encoder of that width with BASE's vocabulary: speed does not
depend on weights), and exported: for one task as an ordinary folder, which transformers and sentence-transformers read,
and as an int8 graph. Every way then waits in a process of its own and all take turns, so that the machine's moods hit
all alike. PYTHON is an interpreter with sentence-transformers[onnx,openvino]; without it only its float32 way is tried.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import describe_machine
from peer_scoring import Pairs
from turns import Contender, Told, all_turns, spread

from yanmo import Matcher
from yanmo.data import Budget, Task, TaskSet, read_split
from yanmo.encode import load_encoder
from yanmo.export.onnx_export import export_matcher
from yanmo.export.sequence_classifier import export_task
from yanmo.export.weight_plan import WeightForm, WeightPlan
from yanmo.match import Architecture, MatchingFile
from yanmo.match.architecture import HeadKind
from yanmo.match.engines.torch_engine import TorchEngine, build_classifier, classifier_around, condition_plan
from yanmo.tokenize import PairBudget, PairEncoder, PairLayout, load_tokenizer

RESULT = Path(__file__).parent / "results" / "score.json"
_TASK = "mix"
# Tokens of a text; two of them fit the positions of every base.
_ROOM = 250
_BUDGET = Budget(left=256, right=256)
# Of each of our ways the peers it is held against.
_PEERS = {
    "yanmo float32": ("transformers float32", "cross-encoder float32"),
    "yanmo int8": ("transformers float32", "cross-encoder onnx int8", "cross-encoder openvino int8"),
    "yanmo openvino int8": ("transformers float32", "cross-encoder onnx int8", "cross-encoder openvino int8"),
}


def main() -> None:
    """Makes the models, lets every way run in turn and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--width", type=int)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--pairs", type=int, default=160)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    work = arguments.work / f"width-{arguments.width or 'base'}"
    matcher = _matcher(arguments.base, arguments.width)
    pairs = _pairs(matcher, arguments.data, arguments.pairs)
    folders = _export(matcher, work, has_peers=arguments.peers is not None)
    for folder in (work, *folders.values()):
        (folder / "pairs.json").write_text(json.dumps(pairs, ensure_ascii=False), encoding="utf-8")
    contenders = {}
    for name, folder in folders.items():
        command = [Path(__file__).with_name("peer_scoring.py"), name, folder, work / "pairs.json"]
        python = arguments.peers if arguments.peers and name.startswith("cross") else sys.executable
        options = ["--threads", arguments.threads]
        contenders[name] = Contender(*command, *options, python=python, n_threads=arguments.threads)
    turns = all_turns(contenders, arguments.repeats, beside=lambda: {"gflops": _matmul_peak()})
    for contender in contenders.values():
        contender.end()
    result = _table(turns, matcher, pairs) | {
        "machine": describe_machine("torch", "transformers", "onnxruntime"),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "versions": {name: contender.hello["versions"] for name, contender in contenders.items()},
        "threads": arguments.threads,
        "repeats": arguments.repeats,
    }
    whole = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    key = f"width_{arguments.width or 'base'}_threads_{arguments.threads}"
    whole[key] = result
    RESULT.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    print("\n".join(_printed(key, whole)))


def _printed(key: str, whole: dict[str, Any]) -> Iterator[str]:
    """The table of this run, and which other runs the file holds."""
    run = whole[key]
    processor = run["machine"]["processor"]
    yield f"{key}: {run['n_pairs']} pairs of {run['tokens_per_pair']:.0f} tokens, {run['threads']} threads, {processor}"
    yield f"float32 product beside it: {_said(run['matmul_gflops'], '.0f')} GFLOP/s"
    yield ""
    yield "| way | pairs a second | share of that product | largest difference of scores |"
    yield "| --- | --- | --- | --- |"
    for name, speed in run["pairs_per_second"].items():
        share, difference = run["share_of_matmul_peak"][name], run["largest_difference_of_scores"][name]
        yield f"| {name} | {_said(speed, '.2f')} | {_said(share, '.2f')} | {difference:.4f} |"
    yield ""
    yield "| ours | peer | times as fast, within a round: median (least, most) |"
    yield "| --- | --- | --- |"
    for ours, peers in run["ratio"].items():
        for peer, ratio in peers.items():
            yield f"| {ours} | {peer} | {_said(ratio, '.2f')} |"
    for other, kept in whole.items():
        if other != key:
            yield ""
            yield f"From another run, not to be compared with these: {other} ({kept['machine']['processor']})"


def _said(values: dict[str, float], form: str) -> str:
    return f"{values['median']:{form}} ({values['min']:{form}}, {values['max']:{form}})"


def _pairs(matcher: Matcher, data: Path, n: int) -> Pairs:
    """Pairs drawn from all validation files; long texts cut beforehand, so that every way reads the same tokens."""
    tokenizer = matcher.pair_encoder.tokenizer

    def cut(text: str) -> str:
        [encoding] = tokenizer.encode_batch([text])
        return text if len(encoding.token_ids) <= _ROOM else text[: int(encoding.offsets[_ROOM - 1][1])]

    found = read_split(data, TaskSet.load("sohu"), "valid").values()
    pairs = list(dict.fromkeys((pair.text0, pair.text1) for some in found for pair in some))
    order = np.random.default_rng(0).permutation(len(pairs))[:n]
    return [(cut(a), cut(b)) for a, b in (pairs[i] for i in order)]


def _export(matcher: Matcher, work: Path, *, has_peers: bool) -> dict[str, Path]:
    """Writes the matcher once for every way; a peer that converts its folder gets a copy of its own."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    folders = {
        "yanmo float32": work / "yanmo",
        "yanmo int8": work / "yanmo-int8",
        "yanmo openvino int8": work / "yanmo-openvino",
        "transformers float32": work / "plain",
        "cross-encoder float32": work / "plain",
    }
    matcher.save_pretrained(folders["yanmo float32"])
    export_matcher(matcher, folders["yanmo int8"], plan=WeightPlan.uniform(WeightForm.INT8_ROWS))
    export_matcher(matcher, folders["yanmo openvino int8"], plan=WeightPlan.uniform(WeightForm.INT8_CHANNELS))
    export_task(matcher, work / "plain", task=_TASK)
    if has_peers:
        for name in ("cross-encoder onnx int8", "cross-encoder openvino int8"):
            folders[name] = work / name.replace(" ", "-")
            shutil.copytree(work / "plain", folders[name])
    return folders


def _table(turns: dict[str, list[Told]], matcher: Matcher, pairs: Pairs) -> dict[str, object]:
    """Speeds, our ratios to peers within each round, and how much of the matmul peak the float ways reach."""
    beside = [told["gflops"] for told in turns.pop("beside")]
    budget = PairBudget(_BUDGET.left, _BUDGET.right)
    lengths = [len(each) for each in matcher.pair_encoder.encode_batch(pairs, budgets=budget)]
    blocks = matcher.engine.classifier.encoder.blocks
    n_weights = sum(part.weight.numel() for part in blocks.modules() if isinstance(part, torch.nn.Linear))
    gflop = 2e-9 * n_weights * sum(lengths)
    seconds = {name: [told["seconds"] for told in every] for name, every in turns.items()}
    exact = np.array(turns["transformers float32"][0]["scores"])
    return {
        "n_pairs": len(pairs),
        "tokens_per_pair": sum(lengths) / len(pairs),
        "pairs_per_second": {name: spread(len(pairs) / each for each in every) for name, every in seconds.items()},
        "matmul_gflops": spread(beside),
        # Linear layers of real tokens only: padding counts as waste.
        "share_of_matmul_peak": {
            name: spread(gflop / each / peak for each, peak in zip(every, beside, strict=True))
            for name, every in seconds.items()
        },
        "ratio": {
            our: {
                their: spread(b / a for a, b in zip(seconds[our], seconds[their], strict=True))
                for their in peers
                if their in seconds
            }
            for our, peers in _PEERS.items()
        },
        "largest_difference_of_scores": {
            name: float(np.abs(np.array(every[0]["scores"]) - exact).max()) for name, every in turns.items()
        },
    }


def _matcher(base: Path, width: int | None) -> Matcher:
    """A conditional matcher whose form for one task is an ordinary sequence classifier."""
    torch.manual_seed(0)
    architecture = Architecture(layout=PairLayout.JOINT, joint_from=0, head=HeadKind.POOLED)
    loaded = load_encoder(base, condition=condition_plan(architecture), joint_from=0)
    config = loaded.config
    if width is None:
        classifier = classifier_around(loaded.encoder, config, architecture, n_tasks=2)
    else:
        config = replace(
            config, width=width, embedding_width=width, n_layers=12, n_heads=width // 64, inner_width=4 * width
        )
        classifier = build_classifier(config, architecture, n_tasks=2)
    for name, parameter in classifier.named_parameters():
        if name.endswith(("weight_map", "bias_map")):
            torch.nn.init.normal_(parameter, std=0.02)
    matching = MatchingFile(
        task_set=TaskSet(name="mix", tasks=(Task(name=_TASK, budget=_BUDGET), Task(name="other", budget=_BUDGET))),
        decisions={},
        model=architecture.model_dump(mode="json"),
    )
    encoder = PairEncoder(load_tokenizer(base), layout=architecture.layout, prefix="")
    return Matcher(TorchEngine(classifier, config), encoder, matching)


def _matmul_peak() -> float:
    """GFLOP/s of the best of some float32 products of square matrices."""
    n = 2048
    a, b = torch.randn(n, n), torch.randn(n, n)
    best = 0.0
    for _ in range(4):
        start = time.perf_counter()
        a @ b
        best = max(best, 2e-9 * n**3 / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    main()
