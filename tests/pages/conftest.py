"""The folder in which the pages' code is run: what a reader has, small. Texts ship with Yanmo; the base is random."""

import csv
import json
import random
import shutil
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _table(path, names, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def _data(sample, data):
    """Two standards that cross in one file, one pair set, and the six tasks of Sohu, each with train and valid."""
    rows = _rows(sample / "pairs" / "reviews" / "valid.jsonl")
    random.Random(0).shuffle(rows)
    _write(data / "reviews" / "train.jsonl", rows[16:36])
    _write(data / "reviews" / "valid.jsonl", rows[:16])
    rows = _rows(sample / "pairs" / "simclue" / "valid.jsonl")
    _write(data / "simclue" / "train.jsonl", rows[12:])
    _write(data / "simclue" / "valid.jsonl", rows[:12])
    for length in ("ss", "sl", "ll"):
        shutil.copytree(sample / length, data / length)


def _base(folder, texts):
    """A random encoder of multilingual-e5-small's kind with the characters of the texts, as a Hugging Face folder."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    torch.manual_seed(0)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁", *sorted(set("".join(texts)))]
    tokenizer = XLMRobertaTokenizer(vocab=[(token, -1.0) for token in tokens])
    tokenizer.save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        hidden_size=16,
        num_hidden_layers=12,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=530,
        type_vocab_size=1,
    )
    XLMRobertaModel(config).save_pretrained(folder)


@pytest.fixture(scope="session")
def small_default(tmp_path_factory):
    """A matcher of two layers and random weights, with the tasks and the tokenizer of the bundled one."""
    import torch

    from yanmo import Matcher
    from yanmo.encode import EncoderConfig
    from yanmo.match import Architecture
    from yanmo.match.engines.torch_engine import TorchEngine, build_classifier

    torch.manual_seed(0)
    bundled = Matcher.default()
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    with resources.as_file(resources.files("yanmo.assets") / "default" / "config.json") as path:
        config = EncoderConfig.from_hf(json.loads(path.read_text(encoding="utf-8")) | sizes)
    built = dict(bundled.matching.model) | {"joint_from": 2, "conditional_from": 1, "head_width": 16}
    classifier = build_classifier(config, Architecture(**built), n_tasks=len(bundled.matching.task_set.tasks))
    matching = bundled.matching.model_copy(update={"model": built})
    folder = tmp_path_factory.mktemp("base") / "default"
    Matcher(TorchEngine(classifier, config), bundled.pair_encoder, matching).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """What every page may take as given."""
    folder = tmp_path_factory.mktemp("reader")
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        _data(sample, folder / "data")
    reviews = _rows(folder / "data" / "reviews" / "train.jsonl")
    _write(folder / "pairs.jsonl", [{"id": i, "text1": r["text1"], "text2": r["text2"]} for i, r in enumerate(reviews)])
    with resources.as_file(resources.files("yanmo.assets") / "sample" / "pairs" / "lcqmc" / "valid.jsonl") as questions:
        rows = _rows(questions)
    _table(folder / "pairs.csv", ("id", "text1", "text2"), [(i, r["text1"], r["text2"]) for i, r in enumerate(rows)])
    _table(folder / "examples.csv", ("text1", "text2", "label"), [(r["text1"], r["text2"], r["label"]) for r in rows])
    _table(folder / "questions.csv", ("text",), [(r["text1"],) for r in rows])
    _table(folder / "faq.csv", ("text",), [(r["text2"],) for r in rows])
    _base(folder / "multilingual-e5-small", [row[side] for row in reviews for side in ("text1", "text2")])
    shutil.copytree(ROOT / "recipes", folder / "recipes", ignore=shutil.ignore_patterns("__pycache__"))
    return folder
