"""One run of siamese text vectors from a corpus to an Embedder's folder; resumable anywhere."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import nn
from transformers import set_seed

from ...data.documents import DocumentReader, find_corpus
from ...data.rejects import OnBadLine, RejectFile
from ...data.sentences import cut_texts
from ...data.synonyms import read_synonyms
from ...encode import load_encoder
from ...errors import InputError, chosen
from ...probe import CollapseReading, collapse_reading
from ...tokenize.fitting import load_fitting_tokenizer
from ...vectors.embedder import Embedder
from ...vectors.pooled import PooledEncoder
from ...vectors.sentence_folder import SentenceFolder
from ...vectors.views import TextViews
from ..loop.fingerprints import corpus_record
from ..loop.freezing import freeze_encoder, set_dropout
from ..loop.gradient_log import GradientLog
from ..loop.processes import Processes
from ..loop.progress import TrainingProgress
from ..loop.run import Run, open_run
from ..loop.run_folder import write_json
from ..loop.sampler import BatchPlan
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
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
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
        on_bad_line: Whether a bad line stops the run or is left out and written to ``OUT.rejects.jsonl``.
        console: Where progress is shown; None shows nothing.

    Returns:
        How the run ended.

    Raises:
        InputError: The corpus is too small or bad, the base does not fit, the folder holds another run, the run
            diverged, or it collapsed and was to stop then.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("the heads' norms take statistics over one process's batch only", fix="train without torchrun")
    files = find_corpus(corpus)
    with open_run(out, resume=resume, finished=_FINISHED, processes=Processes(), console=console) as run:
        run.begin(
            base=base,
            origin={"corpus": [str(path) for path in files]},
            data=corpus_record(files, encoding=encoding, on_bad_line=on_bad_line),
            config=config,
        )
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
        if config.batch_size < 32:
            run.progress.say(f"每批只有 {config.batch_size} 段，批统计噪声大，学得慢 small batches: noisy statistics")
        n_steps = len(plan.batches)
        run.progress.say(f"{len(texts):,} 段文本，共 {n_steps:,} 步，每步 {config.batch_size} 段")
        before = _reading(embedder, texts, config)
        trainer = _trainer(
            embedder,
            plan,
            ViewMaker(texts, embedder=embedder, views=views, max_length=config.max_length, seed=config.seed),
            config=config,
            run=run,
        )
        run.train(trainer, history=COLLAPSE_FILE)
        trainer.network.eval()
        summary = VectorSummary(n_steps, trainer.watch.n_alarms, before, _reading(embedder, texts, config))
        run.finish(embedder.save_pretrained, seal=lambda folder: write_json(folder / _FINISHED, asdict(summary)))
    return summary


def _trainer(
    embedder: Embedder, plan: BatchPlan, batches: ViewMaker, *, config: VectorConfig, run: Run
) -> VectorTrainer:
    """Puts together what trains, and what people and trackers are told of it."""
    n_steps = len(plan.batches)
    trainer = VectorTrainer(
        siamese_network(embedder.network, config, width=embedder.config.width),
        config,
        encoder=embedder.network.encoder,
        plan=plan,
        batches=batches,
        folder=run.out,
        say=run.progress.say,
        callbacks=[
            TrainingProgress(
                run.progress,
                stage=f"{config.method.value} 训练 training",
                unit="texts",
                done_after=range(0, (n_steps + 1) * config.batch_size, config.batch_size),
            )
        ],
    )
    is_read = "report_to" in config.model_fields_set  # by default it is written for whoever may ask later
    trainer.add_callback(GradientLog(trainer, regularized=trainer.regularized, is_read=is_read, say=run.progress.say))
    return trainer


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
    with RejectFile(out.with_name(f"{out.name}.rejects.jsonl")) if skip else nullcontext() as rejects:
        reader = DocumentReader(files, encoding=encoding, rejects=rejects)
        return list(cut_texts(reader, min_characters=config.min_characters, max_characters=config.max_characters))


def _reading(embedder: Embedder, texts: Sequence[str], config: VectorConfig) -> CollapseReading:
    some = texts[:: max(1, len(texts) // _N_READ)][:_N_READ]
    return collapse_reading(torch.from_numpy(embedder.encode(some)), limits=config.collapse.limits)
