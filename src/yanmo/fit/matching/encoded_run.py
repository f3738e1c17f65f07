"""What a matching run computes with: the network, and all pairs as it reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...data.pair import Pair
from ...data.tasks import TaskSet
from ...encode import EncoderConfig
from ...match.architecture import HeadKind
from ...match.network.classifier import PairClassifier
from ...tokenize import PairEncoder
from ..loop.precision import Precision
from ..loop.run import Run
from .class_balance import log_odds
from .config import TrainConfig
from .examples import BatchMaker, encode_examples
from .network import build_network, frozen_states
from .start_from_matcher import known_tasks

__all__ = ["EncodedRun", "Split", "encode_run"]

Split = Mapping[str, Sequence[Pair]]
"""Labelled pairs of each task, by its name."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedRun:
    """A network, and the pairs as it reads them.

    Attributes:
        model: The network, partly frozen.
        encoder_config: Its encoder's configuration.
        pair_encoder: Texts to token ids.
        training: Makes the training batches.
        validation: Makes the batches that are judged; None where there are none.
        frozen_layers: The block that the training batches' ``states`` are the input of; 0 where they have none.
    """

    model: PairClassifier
    encoder_config: EncoderConfig
    pair_encoder: PairEncoder
    training: BatchMaker
    validation: BatchMaker | None
    frozen_layers: int


def encode_run(
    training: Split,
    validation: Split,
    *,
    task_set: TaskSet,
    base: Path,
    config: TrainConfig,
    states: Path,
    run: Run,
) -> EncodedRun:
    """Builds the network, encodes every pair for it, and computes once what its frozen layers make of the texts.

    Args:
        training: The pairs to learn from.
        validation: The pairs to be judged on; may be empty.
        task_set: The tasks.
        base: Hugging Face folder of an encoder, or a matcher's.
        config: The settings.
        states: Folder for the states of frozen layers.
        run: Whose processes compute them, and where it is shown.

    Returns:
        The network and its batches.

    Raises:
        InputError: The base does not fit the settings or the pairs.
    """
    model, encoder_config, pair_encoder = build_network(base, task_set=task_set, config=config)
    examples = encode_examples(training, task_set=task_set, pair_encoder=pair_encoder)
    checked = encode_examples(validation, task_set=task_set, pair_encoder=pair_encoder) if validation else None
    run.progress.say(f"训练 training {examples.describe(task_set)}")
    if checked is not None:
        run.progress.say(f"验证 validation {checked.describe(task_set)}")
    every = (examples,) if checked is None else (examples, checked)
    known = known_tasks(base)
    fresh = [index for index, name in enumerate(task_set.names) if name not in known]
    if config.architecture.head is not HeadKind.CLASSIFICATION:  # the base's own scores are logits already
        with torch.no_grad():
            model.task_bias[fresh] = log_odds(examples, len(task_set.tasks))[fresh]
    with run.processes.first_goes_first():  # the others find all states there
        # Validation is judged on what scoring will compute, in float32.
        frozen, checked_frozen = (
            frozen_states(
                model,
                encoder_config,
                config,
                examples=some,
                folder=states,
                precision=precision,
                progress=run.progress,
            )
            for some, precision in ((every[:1], config.precision), (every[1:], Precision.FLOAT32))
        )
    return EncodedRun(
        model,
        encoder_config,
        pair_encoder,
        BatchMaker(examples, pad_id=encoder_config.pad_id, frozen=frozen),
        None if checked is None else BatchMaker(checked, pad_id=encoder_config.pad_id, frozen=checked_frozen),
        0 if frozen is None else config.frozen_layers,
    )
