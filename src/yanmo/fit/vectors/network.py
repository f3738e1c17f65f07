"""The network of a siamese run, built from its settings, and the rate at which each part of it learns."""

from typing import Any

from torch import nn

from ...layers import predictor_head, projector_head
from ...vectors.byol import Byol
from ...vectors.simsiam import SimSiam
from .config import VectorConfig, VectorMethod

__all__ = ["siamese_network", "vector_groups"]


def siamese_network(encoder: nn.Module, config: VectorConfig, *, width: int) -> SimSiam | Byol:
    """Builds the network around an encoder, its heads from torch's random numbers.

    Args:
        encoder: A batch of inputs to one vector each.
        config: Method and heads.
        width: Size of the vectors.

    Returns:
        The network.
    """
    heads = config.heads
    projector = projector_head(
        width,
        hidden_width=heads.projection_width,
        out_width=heads.projection_width,
        n_layers=heads.projector_layers,
    )
    predictor = predictor_head(heads.projection_width, hidden_width=heads.predictor_width)
    if config.method is VectorMethod.BYOL:
        return Byol(encoder, projector=projector, predictor=predictor, decay=config.ema_decay)
    return SimSiam(encoder, projector=projector, predictor=predictor)


def vector_groups(network: SimSiam | Byol, config: VectorConfig) -> list[dict[str, Any]]:
    """Sorts the learning parameters into optimizer groups: encoder, projector and predictor at rates of their own.

    Vectors (norms, biases) do not decay.

    Args:
        network: The network.
        config: The rates.

    Returns:
        Groups for a torch optimizer.
    """
    heads = config.heads
    parts: list[tuple[nn.Module, float]] = [
        (network.encoder, config.learning_rate),
        (network.projector, heads.learning_rate),
        (network.predictor, heads.learning_rate * heads.predictor_multiple),
    ]
    groups = []
    for module, rate in parts:
        learning = [p for p in module.parameters() if p.requires_grad]
        for decay, chosen in (
            (config.weight_decay, [p for p in learning if p.ndim > 1]),
            (0.0, [p for p in learning if p.ndim < 2]),
        ):
            if chosen:
                groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
    return groups
