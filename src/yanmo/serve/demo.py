"""The main job in under a minute, on pairs that ship with the package: train, evaluate, predict, say what happened."""

import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from rich.console import Console

from ..errors import require_extra
from ..evaluate import judge_stored, score_split
from ..match import Matcher, Pair, TaskSet, read_split
from ..tokenize import CharacterSegmenter, Vocabulary, WordTokenizer
from .predict import OutputFormat, PredictSource, predict_files
from .tables import judgement_table

__all__ = ["run_demo"]

_SETTINGS = (
    "architecture.layout=sides",
    "architecture.joint_from=1",
    "architecture.condition_width=32",
    "architecture.head_width=64",
    "architecture.head_dropout_prob=0.3",
    "n_epochs=8",
    "max_tokens=4096",
    "learning_rate=1e-3",
    "n_evaluations=1",
    "n_checkpoints=1",
    "report_to=[]",
)
_SHOWN = ("ssA", "ssB", "slB")


def run_demo(out: Path, console: Console) -> None:
    """Runs the demonstration.

    Args:
        out: Where the tiny matcher and its decisions go; the folder of an earlier demonstration is replaced.
        console: Where to say what happens.

    Raises:
        InputError: The folder holds something else.
        MissingExtraError: What training needs is not installed.
    """
    require_extra("accelerate", extra="train")
    from ..fit.config import load_train_config
    from ..fit.run import train_matcher

    began = time.monotonic()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    _clear(out)
    task_set = TaskSet.load("sohu")
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        training, validation = (read_split(sample, task_set, split) for split in ("train", "valid"))
        say(
            "六个任务：短短、短长、长长三种长度，各有宽松（同一话题）与严格（同一事件）两种标准。"
            f"\n自带样例：训练 {sum(map(len, training.values()))} 对，验证 {sum(map(len, validation.values()))} 对。"
            "\n从一个随机权重的小编码器开始，训练一个带条件 LayerNorm 的模型……"
        )
        base = out.with_name(f".{out.name}.base")
        try:
            _random_base(base)
            train_matcher(
                training,
                validation,
                task_set=task_set,
                base=base,
                out=out,
                config=load_train_config(None, overrides=_SETTINGS),
                origin={"demo": "yes"},
            )
        finally:
            shutil.rmtree(base, ignore_errors=True)
        trained = time.monotonic() - began
        matcher = Matcher.from_pretrained(out)
        rules = {name: matcher.matching.decision(name) for name in validation}
        console.print(judgement_table(judge_stored(score_split(matcher, validation), rules)))
        sources = [PredictSource(task, sample / task[:2] / "valid.txt") for task in _SHOWN]
        predict_files(matcher, sources, out / "decisions.jsonl", output=OutputFormat.JSONL)
        say("\n同一话题、不同事件的文本，两种标准（分得最开的两对）：")
        for line in _two_standards(matcher, validation):
            say(line)
    program = sys.argv[0] if Path(sys.argv[0]).name == "yanmo" else "yanmo"
    say(
        f"\n用时 {time.monotonic() - began:.0f} 秒（训练 {trained:.0f} 秒）。"
        f"模型在 {out}，逐对的判断在 {out / 'decisions.jsonl'}。"
        "\n这个模型只见过两百来对文本、权重从零开始，只说明流程；阈值就取自上表的验证样例，因此表中数字偏乐观。"
        "\n\n接下来："
        f"\n  {program} match {out} '文本一' '文本二'                        六种标准下的概率与判断"
        f"\n  {program} train --data 数据目录 --base 编码器目录 --out runs/我的模型   用真实数据训练，设置见 recipes/"
        f"\n  {program} evaluate runs/我的模型 --data 数据目录 --report report.html  指标、区间、曲线与最严重的错误"
        f"\n  {program} predict runs/我的模型 待判断.jsonl --task ssB -o 结果.csv"
    )


def _clear(out: Path) -> None:
    """Removes an earlier demonstration, and nothing else."""
    try:
        origin = json.loads((out / "run.json").read_text(encoding="utf-8")).get("origin")
    except (OSError, ValueError):
        return
    if origin == {"demo": "yes"}:
        shutil.rmtree(out)


def _random_base(folder: Path) -> None:
    """A one-layer BERT of random weights over all common Chinese characters."""
    require_extra("torch", extra="torch")
    import torch

    from ..encode import EncoderConfig, ModelType, build_encoder, save_encoder

    characters = [chr(code) for code in (*range(0x21, 0x41), *range(0x5B, 0x7F), *range(0x4E00, 0x9FA6))]
    pieces = [f"##{ch}" for ch in "0123456789abcdefghijklmnopqrstuvwxyz"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = Vocabulary([*special, *characters, *"，。：；？！（）《》“”、·—…％", *pieces])
    config = EncoderConfig(
        ModelType.BERT,
        vocab_size=len(vocabulary),
        width=128,
        embedding_width=128,
        n_layers=1,
        n_heads=4,
        inner_width=256,
        n_positions=512,
    )
    torch.manual_seed(0)
    encoder = build_encoder(config)
    with torch.no_grad():
        encoder.embedding.word.weight.mul_(50)  # characters count, positions hardly
    folder.mkdir(parents=True, exist_ok=True)
    save_encoder(encoder, config, folder)
    WordTokenizer(vocabulary, segmenter=CharacterSegmenter()).save(folder)


def _two_standards(matcher: Matcher, validation: Mapping[str, Sequence[Pair]]) -> Iterator[str]:
    """Pairs of one topic and two events: those that the two standards tell apart best."""
    loose, strict = validation["slA"], validation["slB"]
    pairs = [a for a, b in zip(loose, strict, strict=True) if a.label == 1 and b.label == 0]
    texts = [(pair.text0, pair.text1) for pair in pairs]
    chances = {name: matcher.score(texts, task=name) for name in ("slA", "slB")}
    for i in np.argsort(chances["slB"] - chances["slA"], kind="stable")[:2].tolist():
        short, long = texts[i]
        yield f"  宽松 {chances['slA'][i]:.2f} · 严格 {chances['slB'][i]:.2f}　{short}　↔　{long[:40]}……"
