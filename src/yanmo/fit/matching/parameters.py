"""Which parameters learn, and at which rate: frozen parts, layer-wise decay, a higher rate for what is new."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from ...errors import InputError
from ...layers import ClassificationHead
from ...match.network.classifier import PairClassifier
from ..loop.freezing import freeze_encoder

__all__ = ["freeze", "parameter_groups"]


def freeze(model: PairClassifier, *, n_layers: int, word_embedding: bool, shared: bool = False) -> None:
    """Stops the lowest parts of the encoder from learning, or all that tasks share.

    Args:
        model: The network; changed in place.
        n_layers: The embedding (when above 0) and this many blocks above it are frozen.
        word_embedding: Whether the token table is frozen even when the blocks learn: on a CPU its optimizer step
            costs as much as several layers, and few tokens of a small data set would move it well.
        shared: Whether only task vectors, task biases and tasks' own heads learn.

    Raises:
        InputError: A frozen layer is conditional, so that its maps would never leave zero; or tasks share everything.
    """
    for i, block in enumerate(model.encoder.blocks[:n_layers]):
        if block.is_conditional:
            raise InputError(
                f"layer {i} is frozen but conditional", fix=f"set conditional_from to {n_layers} or freeze fewer layers"
            )
    freeze_encoder(model.encoder, n_layers=n_layers, embedding=n_layers > 0)
    if word_embedding:
        model.encoder.embedding.word.requires_grad_(False)
    if shared:
        own = isinstance(model.head, nn.ModuleList)
        if model.task_vectors is None and not own:
            raise InputError("tasks share all but their biases, so nothing is left to learn", fix="unset frozen_shared")
        model.encoder.requires_grad_(False)
        model.head.requires_grad_(own)


def parameter_groups(
    model: PairClassifier, *, rate: float, new_rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Sorts the learning parameters into optimizer groups.

    The top block learns at ``rate``, the one below at ``rate * layer_decay``, and so on down to the embedding. The
    task biases are new and learn at ``new_rate``, as does the head unless the base brought it along. Task vectors and
    conditional maps keep their block's rate: with a raised one, training was seen to stay at the prior's loss. Vectors
    (norms, biases, those of tasks) do not decay, so that a task without pairs keeps its own.

    Args:
        model: The network.
        rate: Learning rate of the pretrained part.
        new_rate: Learning rate of the new part.
        layer_decay: Factor from a layer to the one below it.
        weight_decay: Decay of matrices, per step and rate (AdamW).

    Returns:
        Groups for a torch optimizer, one for every combination of rate and decay.

    Source: arXiv:2003.10555 for layer-wise decay.
    """
    n_layers = len(model.encoder.blocks)
    heads = model.head if isinstance(model.head, nn.ModuleList) else [model.head]
    of_base = all(isinstance(head, ClassificationHead) for head in heads)
    depth: list[tuple[Iterable[tuple[str, nn.Parameter]], float]] = [
        (model.encoder.embedding.named_parameters(), rate * layer_decay**n_layers),
        (model.head.named_parameters(), rate if of_base else new_rate),
        ([("task_bias", model.task_bias)], new_rate),
    ]
    if model.side_vectors is not None:
        depth.append(([("side_vectors", model.side_vectors)], new_rate))
    depth += [
        (b.named_parameters(), rate * layer_decay ** (n_layers - 1 - i)) for i, b in enumerate(model.encoder.blocks)
    ]
    vectors = None if model.task_vectors is None else model.task_vectors.weight
    if model.task_vectors is not None:
        depth.append((model.task_vectors.named_parameters(), rate))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for named, lr in depth:
        for _, parameter in named:
            if parameter.requires_grad:
                decay = (
                    weight_decay
                    if parameter.ndim > 1 and parameter is not vectors and parameter is not model.side_vectors
                    else 0.0
                )
                groups.setdefault((lr, decay), []).append(parameter)
    return [{"params": p, "lr": lr, "weight_decay": decay} for (lr, decay), p in groups.items()]
