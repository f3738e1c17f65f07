"""One pretraining run from a corpus to a Hugging Face folder: tokenize, train, draw the curve; resumable anywhere."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers import set_seed

from ...data.documents import find_corpus
from ...data.rejects import OnBadLine
from ...encode import load_mlm, save_mlm
from ...encode.mlm import LoadedMaskedLanguageModel
from ...errors import InputError, chosen
from ...tokenize import SpecialIds, Tokenizer, find_special_ids
from ...tokenize.fitting import load_fitting_tokenizer
from ..loop.fingerprints import corpus_record
from ..loop.freezing import freeze_encoder, set_dropout
from ..loop.gradient_log import GradientLog
from ..loop.processes import join_processes
from ..loop.progress import TrainingProgress
from ..loop.run import Run, open_run
from ..loop.run_folder import write_json
from .config import PretrainConfig
from .heldout import HeldoutChoice, choose_passages
from .heldout_curve import HeldoutCurve, read_curve
from .masking import MaskedBatchMaker
from .nats import PassageRows, encode_passages
from .token_cache import TokenCache, build_cache
from .trainer import PretrainTrainer
from .windows import PretrainPlan, TokenWindows, cut_windows, plan_pretraining

__all__ = ["PretrainSummary", "pretrain"]

_HISTORY = "evaluations.jsonl"
_FINISHED = "pretraining.json"


@dataclass(frozen=True, slots=True)
class PretrainSummary:
    """How a run ended."""

    n_steps: int
    """Optimizer steps."""
    n_tokens: int
    """Tokens trained, special ones included."""
    curve: tuple[dict[str, Any], ...]
    """The points of ``evaluations.jsonl``: step, tokens, nats per character."""


def pretrain(
    corpus: Sequence[Path],
    *,
    base: Path,
    out: Path,
    config: PretrainConfig,
    resume: bool = False,
    cache: Path | None = None,
    encoding: str = "utf-8",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    console: Console | None = None,
) -> PretrainSummary:
    """Goes on pretraining an encoder as a masked language model and writes it as a Hugging Face folder.

    The folder holds settings, versions and fingerprints at once (``run.json``), the curve as it grows
    (``evaluations.jsonl``), checkpoints, and at the end the model and its tokenizer. A killed run goes on with
    ``resume`` and ends with the same weights. Under torchrun every process calls this; the first one writes.

    Args:
        corpus: Files, or folders of files, with one document a line.
        base: Hugging Face folder of the encoder to start from, with or without a masked-language-model head.
        out: The run's folder.
        config: The settings.
        resume: Go on with the run in ``out``.
        cache: Where token caches are kept, to share them between runs; None keeps one beside ``out`` and deletes it
            at the end.
        encoding: Text encoding of the files.
        on_bad_line: Whether a bad line stops the run or is left out and written to ``rejects.jsonl`` in ``out``.
        console: Where progress is shown; None shows nothing.

    Returns:
        How the run ended.

    Raises:
        InputError: The corpus is empty or bad, the base does not fit, the folder holds another run, or it diverged.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    began, files = time.monotonic(), find_corpus(corpus)
    processes = join_processes()
    own_cache = out.with_name(f"{out.name}.tokens")
    leftovers = [own_cache] if cache is None else []
    with open_run(
        out, resume=resume, finished=_FINISHED, leftovers=leftovers, processes=processes, console=console
    ) as run:
        run.begin(
            base=base,
            origin={"corpus": [str(path) for path in files]},
            data={
                **corpus_record(files, encoding=encoding, on_bad_line=on_bad_line),
                "n_processes": processes.count,
            },
            config=config,
        )
        set_seed(config.seed)
        loaded = _load(base, config)
        tokenizer = load_fitting_tokenizer(base, loaded.config)
        tokens = build_cache(
            files,
            tokenizer,
            folder=own_cache if cache is None else cache,
            choice=HeldoutChoice(
                config.heldout_share,
                limit=config.heldout_documents,
                min_characters=config.heldout_min_characters,
                seed=config.heldout_seed,
            ),
            encoding=encoding,
            on_bad_line=on_bad_line,
            on_progress=lambda done, total: run.progress.show("分词 tokenizing", done, total, unit="bytes"),
        )
        run.progress.say(_describe(tokens))
        if processes.is_first and tokens.rejected is not None:
            shutil.copyfile(tokens.rejected, out / "rejects.jsonl")
        windows, plan = _plan(tokens, config, n_processes=processes.count)
        trainer = _trainer(loaded, tokenizer, tokens, windows, plan, config=config, run=run)
        run.train(trainer, history=_HISTORY)
        summary = PretrainSummary(plan.n_steps, plan.tokens_after[-1], read_curve(out / _HISTORY))
        run.finish(
            partial(_save, loaded, tokenizer),
            seal=partial(_seal, summary, tokens, seconds=round(time.monotonic() - began)),
        )
    return summary


def _load(base: Path, config: PretrainConfig) -> LoadedMaskedLanguageModel:
    loaded = load_mlm(base, n_layers=config.n_layers)
    limit = loaded.config.max_tokens
    if limit is not None and config.max_length > limit:
        raise InputError(
            f"max_length is {config.max_length}, the base has {limit} positions", where=base, fix="lower max_length"
        )
    freeze_encoder(loaded.model.encoder, n_layers=config.frozen_layers, embedding=config.frozen_embedding)
    if config.dropout_prob is not None:
        set_dropout(loaded.model, config.dropout_prob)
    return loaded


def _heldout_rows(
    tokens: TokenCache,
    loaded: LoadedMaskedLanguageModel,
    tokenizer: Tokenizer,
    special: SpecialIds,
    config: PretrainConfig,
) -> list[PassageRows]:
    passages = choose_passages(
        tokens.heldout, n_characters=config.heldout_characters, share=config.mask_prob, seed=config.heldout_seed
    )
    return encode_passages(passages, tokenizer=tokenizer, special=special, max_length=loaded.config.max_tokens)


def _start_head(loaded: LoadedMaskedLanguageModel, special: SpecialIds, tokens: TokenCache) -> list[str]:
    """Gives a new head the frequencies of the corpus; says what is unusual about the base."""
    notes = []
    if not special.has_mask:
        notes.append("词表没有 [MASK]，用 [UNK] 遮盖 no mask token: the unknown token hides words")
    if not loaded.has_head:
        counts = torch.zeros(loaded.config.vocab_size)
        counts[: len(tokens.counts)] = torch.from_numpy(tokens.counts)
        loaded.model.start_from_frequencies(counts)
        notes.append("底座没有 MLM 头，新建一个，偏置取自词频 new head, its bias from token frequencies")
    return notes


def _plan(tokens: TokenCache, config: PretrainConfig, *, n_processes: int) -> tuple[TokenWindows, PretrainPlan]:
    windows = cut_windows(tokens, max_length=config.max_length)
    plan = plan_pretraining(
        windows,
        max_tokens=config.max_tokens,
        n_epochs=config.n_epochs if config.n_tokens is None else config.n_tokens / windows.n_tokens,
        batches_per_step=config.accumulation * n_processes,
        mask_prob=config.mask_prob,
        seed=config.seed,
    )
    return windows, plan


def _trainer(
    loaded: LoadedMaskedLanguageModel,
    tokenizer: Tokenizer,
    tokens: TokenCache,
    windows: TokenWindows,
    plan: PretrainPlan,
    *,
    config: PretrainConfig,
    run: Run,
) -> PretrainTrainer:
    """Puts together what trains, what is judged on the way, and what people and trackers are told of both."""
    special, progress = find_special_ids(tokenizer), run.progress
    rows = _heldout_rows(tokens, loaded, tokenizer, special, config)
    for note in _start_head(loaded, special, tokens):
        progress.say(note)
    progress.say(
        f"共 {plan.n_steps:,} 步，{plan.tokens_after[-1]:,} token，"
        f"每步 {plan.tokens_after[-1] / plan.n_steps:,.0f}，补齐开销 padding {plan.plan.padding_ratio:.3f}"
    )
    curve = HeldoutCurve(run.out / _HISTORY, loaded, rows, plan, mask_id=special.mask, config=config, progress=progress)
    trainer = PretrainTrainer(
        loaded.model,
        config,
        plan=plan,
        batches=MaskedBatchMaker(
            tokens, windows, tokenizer=tokenizer, special=special, prob=config.mask_prob, seed=config.seed
        ),
        folder=run.out,
        on_evaluation=curve.add if rows else None,
        callbacks=[TrainingProgress(progress, stage="预训练 pretraining", unit="tokens", done_after=plan.tokens_after)],
    )
    is_read = "report_to" in config.model_fields_set  # by default it is written for whoever may ask later
    trainer.add_callback(GradientLog(trainer, regularized=trainer.regularized, is_read=is_read, say=progress.say))
    return trainer


def _save(loaded: LoadedMaskedLanguageModel, tokenizer: Tokenizer, out: Path) -> None:
    save_mlm(loaded.model, loaded.config, out)
    tokenizer.save(out)


def _seal(summary: PretrainSummary, tokens: TokenCache, out: Path, *, seconds: int) -> None:
    ended: dict[str, Any] = {"n_steps": summary.n_steps, "n_tokens": summary.n_tokens, "curve": list(summary.curve)}
    ended |= {"seconds_since_last_start": seconds, "corpus": tokens.notes}
    write_json(out / _FINISHED, ended)


def _describe(cache: TokenCache) -> str:
    n = cache.notes
    parts = [
        f"语料 {n['n_documents']:,} 篇，{n['n_characters']:,} 字，{n['n_tokens']:,} token",
        f"每 token {n['n_characters'] / n['n_tokens']:.3f} 字",
        f"留出 {len(cache.heldout)} 篇",
    ]
    counted = {"空行": n["n_blank"], "坏行": n["n_bad"], "过长而切开": n["n_split"]}
    return "，".join(parts + [f"{name} {count:,}" for name, count in counted.items() if count])
