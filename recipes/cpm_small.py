"""A small GPT-2 behind CPM-LM's tokenizer, trained for real: the same code path as the large one, in an hour or two.

    python recipes/cpm_small.py CORPUS --out DIR [--vocab chinese_vocab.model] [--tokens 6000000] [--threads 2] [--bf16]

CORPUS is a folder of text files, one document a line. Documents are joined by <eod> and cut to rows of 512 tokens;
short ones of a file stand together as the lines of a list, or the model would never see the end of a line. Without
--vocab a sentencepiece vocabulary of 8,000 pieces is learned first, as CPM's was: from words, with signs for space and
newline; with CPM's 30,000 the table of pieces would be most of the model and of its time. With --bf16 matrices are
multiplied in bfloat16, faster where the processor has it (avx512_bf16), slower elsewhere.
Killed, the same command goes on from the last checkpoint. DIR becomes a GPT2LMHeadModel folder that ``yanmo generate``
and ``yanmo quantize`` read, with curve.json: nats per character of held-out documents, which never were trained on.
"""

import argparse
import io
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

from yanmo.atomic import replacing
from yanmo.data.documents import DocumentReader, find_corpus
from yanmo.generate.nats import text_nats
from yanmo.tokenize.cpm import CpmTokenizer
from yanmo.tokenize.hidden_markov import HiddenMarkovSegmenter

# Small batches: while a model is this young, many steps teach it more than clean ones.
LENGTH, ROWS = 512, 2
HELDOUT_SHARE = 1 / 200
# Documents up to so many characters become lines of lists with so many lines.
LINE_CHARACTERS, LINES = 60, 8
VOCAB_SIZE, VOCAB_CHARACTERS = 8000, 5_000_000


def is_heldout(text: str) -> bool:
    """Whether a document is kept for judging, by its own bytes, so that a copy of it is kept too."""
    return zlib.crc32(text.encode()) < HELDOUT_SHARE * 2**32


def as_lists(texts: list[str]) -> list[str]:
    """Joins short texts to lists; long ones stay as they are."""
    short = [text for text in texts if len(text) <= LINE_CHARACTERS]
    lists = ["\n".join(short[i : i + LINES]) for i in range(0, len(short), LINES)]
    return [text for text in texts if len(text) > LINE_CHARACTERS] + lists


def take(reader: Iterator[str], *, n_characters: int) -> list[str]:
    """Takes documents until they have so many characters; none at the end of the file."""
    documents: list[str] = []
    while n_characters > 0 and (text := next(reader, None)) is not None:
        documents.append(text)
        n_characters -= len(text)
    return documents


def learn_vocabulary(corpus: Path, file: Path) -> None:
    """Learns a vocabulary of CPM's kind from an even sample of the files."""
    cut = HiddenMarkovSegmenter()
    paths = find_corpus([corpus])

    def sentences() -> Iterator[str]:
        for path in paths:
            for text in take(iter(DocumentReader([path])), n_characters=VOCAB_CHARACTERS // len(paths)):
                yield " ".join(word.replace(" ", "\u2582").replace("\n", "\u2583") for word in cut(text[:1000]))

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences(),
        model_writer=model,
        vocab_size=VOCAB_SIZE,
        character_coverage=0.9995,
        max_sentence_length=1 << 14,
        user_defined_symbols=["\u2582", "\u2583"],
        control_symbols=["<pad>", "<eod>"],
        minloglevel=1,
    )
    with replacing(file) as temporary:
        temporary.write_bytes(model.getvalue())


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
                heldout += [text[:1000] for text in as_lists([text for text in documents if is_heldout(text)])]
                kept = as_lists([text for text in documents if not is_heldout(text)])
                for encoding in tokenizer.encode_batch(kept):
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
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocab", type=Path)
    parser.add_argument("--tokens", type=int, default=6_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    set_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    vocabulary = arguments.vocab or arguments.out / "learned.model"
    if not vocabulary.exists() and arguments.vocab is None:
        learn_vocabulary(arguments.corpus, vocabulary)
    tokenizer = CpmTokenizer.load(vocabulary)
    rows, heldout = prepare(arguments.corpus, tokenizer, arguments.out, n_tokens=arguments.tokens)
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size,
        n_positions=LENGTH,
        n_embd=320,
        n_layer=6,
        n_head=5,
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
            learning_rate=1e-3,
            lr_scheduler_type="cosine",
            warmup_steps=min(200, n_steps // 10),
            weight_decay=0.1,
            adam_beta2=0.95,
            bf16=arguments.bf16,
            use_cpu=not torch.cuda.is_available(),
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
