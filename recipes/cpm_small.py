"""A small GPT-2 with CPM-LM's vocabulary, trained for real: the same code path as the large one, in an hour or two.

    python recipes/cpm_small.py CORPUS --vocab chinese_vocab.model --out DIR [--tokens 4000000] [--threads 2]

CORPUS is a folder of text files, one document a line. Documents are joined by <eod> and cut to rows of 512 tokens.
Killed, the same command goes on from the last checkpoint. DIR becomes a GPT2LMHeadModel folder that ``yanmo generate``
and ``yanmo quantize`` read, with curve.json: nats per character of held-out documents, which never were trained on.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

from yanmo.atomic import replacing
from yanmo.fit.corpus import DocumentReader, find_corpus
from yanmo.generate.nats import text_nats
from yanmo.tokenize.cpm import CpmTokenizer

LENGTH, ROWS = 512, 8
HELDOUT_SHARE = 1 / 200


def is_heldout(text: str) -> bool:
    """Whether a document is kept for judging, by its own bytes, so that a copy of it is kept too."""
    return zlib.crc32(text.encode()) < HELDOUT_SHARE * 2**32


def take(reader: Iterator[str], *, n_characters: int) -> list[str]:
    """Takes documents until they have so many characters; none at the end of the file."""
    documents: list[str] = []
    while n_characters > 0 and (text := next(reader, None)) is not None:
        documents.append(text)
        n_characters -= len(text)
    return documents


def prepare(corpus: Path, tokenizer: CpmTokenizer, folder: Path, *, n_tokens: int) -> tuple[np.ndarray, list[str]]:
    """Tokenizes as much of the corpus as the run needs, drawn evenly from its files, once."""
    cache, heldout_file = folder / f"tokens-{n_tokens}.npy", folder / f"heldout-{n_tokens}.json"
    if not cache.exists():
        readers = [iter(DocumentReader([path])) for path in find_corpus([corpus])]
        token_ids: list[np.ndarray] = []
        heldout: list[str] = []
        total = 0
        while readers and total < n_tokens:
            for reader in list(readers):
                documents = take(reader, n_characters=5_000)
                if not documents:
                    readers.remove(reader)
                    continue
                heldout += [text[:1000] for text in documents if is_heldout(text)]
                for encoding in tokenizer.encode_batch([text for text in documents if not is_heldout(text)]):
                    token_ids += [encoding.token_ids, np.array([tokenizer.eod_id], dtype=np.int32)]
                    total += len(encoding.token_ids) + 1
            print(f"\r{min(total, n_tokens):,} tokens", end="", file=sys.stderr)
        with replacing(heldout_file) as temporary:
            temporary.write_text(json.dumps(heldout[:200], ensure_ascii=False), encoding="utf-8")
        with replacing(cache) as temporary, temporary.open("wb") as file:
            np.save(file, np.concatenate(token_ids)[:n_tokens].astype(np.uint16))
    tokens = np.load(cache)
    return tokens[: len(tokens) // LENGTH * LENGTH].reshape(-1, LENGTH), json.loads(heldout_file.read_text("utf-8"))


class HeldoutCurve(TrainerCallback):
    """Judges the held-out documents at the start and whenever the Trainer saves, and writes the curve."""

    def __init__(self, network: GPT2LMHeadModel, tokenizer: CpmTokenizer, heldout: list[str], file: Path) -> None:
        self.network, self.tokenizer, self.heldout, self.file = network, tokenizer, heldout, file

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Judges the untrained model."""
        if state.global_step == 0:
            self.judge(0)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Judges beside every checkpoint."""
        self.judge(state.global_step)

    def judge(self, step: int) -> None:
        """Adds a point."""
        curve = json.loads(self.file.read_text()) if self.file.exists() else []
        self.network.eval()
        nats = text_nats(self.network, self.tokenizer, self.heldout).per_character
        self.network.train()
        curve = [point for point in curve if point["step"] < step]
        curve.append({"step": step, "tokens": step * LENGTH * ROWS, "nats_per_character": nats})
        with replacing(self.file) as temporary:
            temporary.write_text(json.dumps(curve, indent=1) + "\n")
        print(f"step {step:,}: {nats:.4f} nats a character", flush=True)


def main() -> None:
    """Trains, or goes on training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--vocab", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=4_000_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    set_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    tokenizer = CpmTokenizer.load(arguments.vocab)
    rows, heldout = prepare(arguments.corpus, tokenizer, arguments.out, n_tokens=arguments.tokens)
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size,
        n_positions=LENGTH,
        n_embd=256,
        n_layer=6,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.eod_id,
        eos_token_id=tokenizer.eod_id,
        pad_token_id=tokenizer.pad_id,
    )
    network = GPT2LMHeadModel(config)
    n_steps = len(rows) // ROWS
    print(f"{network.num_parameters():,} parameters, {rows.size:,} tokens, {n_steps:,} steps, {len(heldout)} held out")
    trainer = Trainer(
        model=network,
        args=TrainingArguments(
            output_dir=str(arguments.out / "checkpoints"),
            max_steps=n_steps,
            per_device_train_batch_size=ROWS,
            learning_rate=1.5e-3,
            lr_scheduler_type="cosine",
            warmup_steps=min(100, n_steps // 10),
            weight_decay=0.1,
            logging_steps=20,
            save_steps=max(1, n_steps // 12),
            save_total_limit=2,
            report_to=[],
        ),
        train_dataset=[{"input_ids": row, "labels": row} for row in torch.from_numpy(rows.astype(np.int64))],
        callbacks=[HeldoutCurve(network, tokenizer, heldout, arguments.out / "curve.json")],
    )
    checkpoints = sorted((arguments.out / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    trainer.train(resume_from_checkpoint=str(checkpoints[-1]) if checkpoints else None)
    network.save_pretrained(arguments.out)
    tokenizer.save(arguments.out)


if __name__ == "__main__":
    main()
