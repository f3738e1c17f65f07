"""One run of siamese text vectors from a corpus to an Embedder's folder; resumable anywhere."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn
from transformers import set_seed

from ...atomic import replacing
from ...data.documents import DocumentReader, find_corpus, fingerprint_corpus
from ...data.rejects import OnBadLine, RejectFile
from ...data.sentences import cut_texts
from ...data.synonyms import read_synonyms
from ...encode import load_encoder
from ...errors import InputError
from ...probe import CollapseLimits, CollapseReading, collapse_reading
from ...progress import RunProgress
from ...tokenize.fitting import load_fitting_tokenizer
from ...vectors.embedder import Embedder
from ...vectors.pooled import PooledEncoder
from ...vectors.sentence_folder import SentenceFolder
from ...vectors.views import TextViews
from ..loop.checkpoints import last_checkpoint
from ..loop.freezing import freeze_encoder, set_dropout
from ..loop.gradient_log import GradientLog
from ..loop.progress import TrainingProgress
from ..loop.run_folder import environment, open_run, refuse_unless_new, trim_history
from .config import VectorConfig
from .network import siamese_network
from .trainer import COLLAPSE_FILE, VectorTrainer
from .views import ViewMaker, plan_vectors

__all__ = ["VectorSummary", "train_vectors"]

_FINISHED = "vectors.json"
# Texts whose vectors are read before and after the run.
_N_READ = 256


@dataclass(frozen=True, slots=True)
class VectorSummary:
    """How a run ended."""

    n_steps: int
    """Optimizer steps."""
    n_alarms: int
    """Collapse alarms on the way."""
    before: CollapseReading
    """The base's vectors of some texts of the corpus."""
    after: CollapseReading
    """The trained vectors of the same texts."""


def train_vectors(
    corpus: Sequence[Path],
    *,
    base: Path,
    out: Path,
    config: VectorConfig,
    resume: bool = False,
    encoding: str = "utf-8",
    on_bad_line: OnBadLine = OnBadLine.ERROR,
    console: Console | None = None,
) -> VectorSummary:
    """Trains text vectors without labels and writes them as an Embedder's folder.

    The folder holds settings, versions and fingerprints at once (``run.json``), collapse readings as they come
    (``collapse.jsonl``), checkpoints, and at the end the encoder in the layout of sentence-transformers. A killed run
    goes on with ``resume`` and ends with the same weights. The texts are kept in memory.

    Args:
        corpus: Files, or folders of files, with one document a line.
        base: Hugging Face folder of the encoder to start from.
        out: The run's folder.
        config: The settings.
        resume: Go on with the run in ``out``.
        encoding: Text encoding of the files.
        on_bad_line: Whether a bad line stops the run or is left out and written to ``OUT.rejected.jsonl``.
        console: Where progress is shown; None shows nothing.

    Returns:
        How the run ended.

    Raises:
        InputError: The corpus is too small or bad, the base does not fit, the folder holds another run, the run
            diverged, or it collapsed and was to stop then.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("the heads' norms take statistics over one process's batch only", fix="train without torchrun")
    files = find_corpus(corpus)
    if not resume:
        refuse_unless_new(out)
    set_seed(config.seed)
    embedder, dropping = _load(base, config)
    views = _views(config, dropping)
    texts = _read(files, config, out, encoding=encoding, on_bad_line=on_bad_line)
    plan = plan_vectors(
        [len(text) for text in texts],
        batch_size=config.batch_size,
        n_epochs=config.n_epochs,
        n_steps=config.n_steps,
        seed=config.seed,
    )
    with RunProgress(Console(quiet=True) if console is None else console) as progress:
        for note in open_run(out, _record(files, base, len(texts), config), resume=resume, finished=_FINISHED):
            progress.say(note)
        if config.batch_size < 32:
            progress.say(f"每批只有 {config.batch_size} 段，批统计噪声大，学得慢 small batches: noisy statistics")
        n_steps = len(plan.batches)
        progress.say(f"{len(texts):,} 段文本，共 {n_steps:,} 步，每步 {config.batch_size} 段")
        before = _reading(embedder, texts, config)
        network = siamese_network(embedder.network, config, width=embedder.config.width)
        trainer = VectorTrainer(
            network,
            config,
            encoder=embedder.network.encoder,
            plan=plan,
            batches=ViewMaker(texts, embedder=embedder, views=views, max_length=config.max_length, seed=config.seed),
            folder=out,
            say=progress.say,
            callbacks=[
                TrainingProgress(
                    progress,
                    stage=f"{config.method.value} 训练 training",
                    unit="texts",
                    done_after=range(0, (n_steps + 1) * config.batch_size, config.batch_size),
                )
            ],
        )
        trainer.add_callback(GradientLog(trainer, regularized=trainer.regularized, say=progress.say))
        checkpoint = last_checkpoint(out)
        trim_history(out / COLLAPSE_FILE, -1 if checkpoint is None else int(checkpoint.name.rpartition("-")[2]))
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        network.eval()
        summary = VectorSummary(n_steps, trainer.watch.n_alarms, before, _reading(embedder, texts, config))
    embedder.save_pretrained(out)
    with replacing(out / _FINISHED) as temporary:
        temporary.write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
    for leftover in out.glob("checkpoint-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    return summary


def _load(base: Path, config: VectorConfig) -> tuple[Embedder, bool]:
    """Loads the base; says whether anything in it drops out."""
    loaded = load_encoder(base, n_layers=config.n_layers)
    encoder, limit = loaded.encoder, loaded.config.max_tokens
    if limit is not None and config.max_length > limit:
        raise InputError(
            f"max_length is {config.max_length}, the base has {limit} positions", where=base, fix="lower max_length"
        )
    freeze_encoder(
        encoder, n_layers=config.frozen_layers, embedding=config.frozen_layers > 0 or config.frozen_embedding
    )
    if not any(p.requires_grad for p in encoder.parameters()):
        raise InputError("nothing of the encoder learns", where=base, fix="lower frozen_layers")
    if config.dropout_prob is not None:
        set_dropout(encoder, config.dropout_prob)
    layout = SentenceFolder(
        loaded.config.width,
        config.pooling.value,
        max_length=limit,
        prompts={"default": config.prompt} if config.prompt else {},
        default_prompt="default" if config.prompt else None,
    )
    network = PooledEncoder(encoder, pooling=config.pooling)
    embedder = Embedder(network, loaded.config, load_fitting_tokenizer(base, loaded.config), layout=layout)
    return embedder, any(isinstance(part, nn.Dropout) and part.p > 0 for part in encoder.modules())


def _views(config: VectorConfig, dropping: bool) -> TextViews:
    views = config.views
    if not views.change_texts and not dropping:
        raise InputError(
            "both views of a text would be the same: nothing drops out and no view is on",
            fix="set dropout_prob or views.delete_prob above 0",
        )
    return TextViews(
        delete_prob=views.delete_prob,
        span_share=views.span_share,
        synonym_prob=views.synonym_prob,
        synonyms={} if views.synonyms is None else read_synonyms(views.synonyms),
    )


def _read(
    files: Sequence[Path], config: VectorConfig, out: Path, *, encoding: str, on_bad_line: OnBadLine
) -> list[str]:
    skip = on_bad_line is OnBadLine.SKIP
    with RejectFile(out.with_name(f"{out.name}.rejected.jsonl")) if skip else nullcontext() as rejects:
        reader = DocumentReader(files, encoding=encoding, rejects=rejects)
        return list(cut_texts(reader, min_characters=config.min_characters, max_characters=config.max_characters))


def _reading(embedder: Embedder, texts: Sequence[str], config: VectorConfig) -> CollapseReading:
    some = texts[:: max(1, len(texts) // _N_READ)][:_N_READ]
    limits = CollapseLimits(std=config.collapse.std, effective_rank=config.collapse.effective_rank)
    return collapse_reading(torch.from_numpy(embedder.encode(some)), limits=limits)


def _record(files: Sequence[Path], base: Path, n_texts: int, config: VectorConfig) -> dict[str, Any]:
    digest = hashlib.sha256()
    for file in sorted(base.iterdir()):
        if file.name in ("config.json", "tokenizer.json", "vocab.txt") or file.suffix in (".safetensors", ".bin"):
            digest.update(file.read_bytes())
    return {
        "origin": {"corpus": [str(path) for path in files], "base": str(base)},
        "corpus": fingerprint_corpus(files),
        "n_texts": n_texts,
        "base_fingerprint": digest.hexdigest(),
        "config": config.model_dump(mode="json"),
        "environment": environment(),
    }
