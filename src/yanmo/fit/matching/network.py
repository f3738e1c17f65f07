"""The network of a matching run: built around a base, partly frozen, the frozen part's states computed once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from ...data.tasks import TaskSet
from ...encode import EncoderConfig, load_classification_head, load_encoder
from ...errors import InputError, chosen
from ...match.architecture import AttentionKind, HeadKind
from ...match.engines.torch_engine import attention_kernel, classifier_around, condition_plan
from ...match.network.classifier import PairClassifier
from ...match.positions import check_positions
from ...progress import RunProgress
from ...tokenize import PairEncoder, PairLayout, TextNormalization
from ...tokenize.fitting import load_fitting_tokenizer
from ..loop.freezing import set_dropout
from ..loop.precision import Precision
from .config import TrainConfig
from .examples import Examples
from .frozen import FrozenStates, compute_states
from .parameters import freeze
from .start_from_matcher import known_normalization, known_tasks, matcher_for_tasks

__all__ = ["build_network", "frozen_states"]


def build_network(
    base: Path, *, task_set: TaskSet, config: TrainConfig
) -> tuple[PairClassifier, EncoderConfig, PairEncoder]:
    """Builds the matcher's network around a base and freezes what is not to learn.

    Args:
        base: Hugging Face folder of the encoder to start from, or a matcher's to go on from.
        task_set: The tasks.
        config: The settings.

    Returns:
        The network, its encoder's configuration, and what encodes its pairs.

    Raises:
        InputError: The base does not fit the settings.
    """
    architecture = config.architecture
    if known_tasks(base):
        if config.n_layers is not None:
            raise InputError("n_layers cuts an encoder, this is a matcher", where=base, fix="leave n_layers out")
        model, encoder_config = matcher_for_tasks(base, architecture, task_set=task_set)
    elif config.frozen_shared:
        raise InputError(
            "frozen_shared goes on from a trained matcher, this is an encoder", where=base, fix="unset frozen_shared"
        )
    else:
        loaded = load_encoder(
            base,
            condition=condition_plan(architecture),
            joint_from=architecture.joint_from,
            within=attention_kernel(architecture),
            n_layers=config.n_layers,
        )
        encoder_config = loaded.config
        model = classifier_around(loaded.encoder, encoder_config, architecture, n_tasks=len(task_set.tasks))
        if architecture.head is HeadKind.CLASSIFICATION:
            head = load_classification_head(base, loaded)
            for each in model.head if isinstance(model.head, nn.ModuleList) else [model.head]:
                each.load_state_dict(head)
    _tell_sides(model, task_set)
    if config.dropout_prob is not None:
        encoder_config = replace(encoder_config, dropout_prob=config.dropout_prob)
        set_dropout(model.encoder, config.dropout_prob)
    freeze(
        model,
        n_layers=config.frozen_layers,
        word_embedding=config.frozen_word_embedding,
        shared=config.frozen_shared,
    )
    if config.frozen_layers:
        # Frozen layers act as they will when scoring, whether their states are read from the file or computed anew.
        for module in (model.encoder.embedding, *model.encoder.blocks[: config.frozen_layers]):
            set_dropout(module, 0.0)
    tokenizer = load_fitting_tokenizer(base, encoder_config)
    pair_encoder = PairEncoder(
        tokenizer,
        layout=architecture.layout,
        prefix=architecture.prefix,
        normalization=_normalization(base, config),
    )
    check_positions(task_set, pair_encoder, n_positions=encoder_config.max_tokens, where=base)
    return model, encoder_config, pair_encoder


def _normalization(base: Path, config: TrainConfig) -> TextNormalization:
    """Says by which steps the run reads texts; refuses others than the base's where tasks are to answer as before."""
    known = known_normalization(base)
    steps = config.normalization or known or TextNormalization()
    if config.frozen_shared and steps != known:
        raise InputError(
            "frozen_shared keeps what the matcher answers, other steps of normalization change it",
            where=base,
            fix="leave normalization out, or unset frozen_shared",
        )
    return steps


def _tell_sides(model: PairClassifier, task_set: TaskSet) -> None:
    """Says which tasks have a vector of the side; refuses a network in which such a task's sides look alike."""
    sided = [not task.symmetric for task in task_set.tasks]
    if model.side_vectors is not None:
        model.is_sided.copy_(torch.tensor(sided, dtype=model.is_sided.dtype))
    elif any(sided) and model.encoder.joint_from == len(model.encoder.blocks):
        name = task_set.names[sided.index(True)]
        raise InputError(
            f"task '{name}' is not symmetric, but this network cannot tell the two sides of a pair apart",
            fix="set architecture.side_vectors to true, or let the task be symmetric",
        )


def frozen_states(
    model: PairClassifier,
    encoder_config: EncoderConfig,
    config: TrainConfig,
    *,
    examples: Sequence[Examples],
    folder: Path,
    precision: Precision | str,
    progress: RunProgress,
) -> FrozenStates | None:
    """Computes the states of the frozen layers where each text's are its own.

    Args:
        model: The network.
        encoder_config: Its encoder's configuration.
        config: The settings.
        examples: The pairs to compute them for.
        folder: Where the states go.
        precision: What the layers multiply in.
        progress: Where progress is shown.

    Returns:
        The states; None where no layer is frozen, states depend on the text beside, or there are no pairs.
    """
    precision = chosen(Precision, precision, name="precision")
    architecture = config.architecture
    alone = architecture.layout is PairLayout.SIDES and config.frozen_layers <= architecture.joint_from
    if not examples or not config.frozen_layers or not alone:
        return None
    if architecture.attention is not AttentionKind.SOFTMAX:
        # States are kept under a fingerprint of the weights, which do not tell how they attend.
        folder = folder / architecture.attention.value

    def on_progress(done: int, total: int) -> None:
        progress.show("冻结层 frozen layers", done, total, unit="tokens")

    pairs = [pair for some in examples for pair in some.encoded]
    return compute_states(
        model.encoder,
        pairs,
        config=encoder_config,
        n_layers=config.frozen_layers,
        folder=folder,
        precision=precision,
        on_progress=on_progress,
    )
