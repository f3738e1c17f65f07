"""``learned.json``: standards learned from a few pairs, as linear heads over what trained standards already compute."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ...atomic import replacing
from ...errors import InputError
from ...yaml_file import StrictModel, refusal_of
from ..folder import LEARNED_FILE

__all__ = ["LearnedHead", "SourceWeights", "leaning_of", "load_learned", "pair_features", "save_learned"]


class SourceWeights(StrictModel):
    """What a learned standard takes of one trained standard."""

    name: str = Field(min_length=1)
    """The trained standard."""
    leaning: float = 0.0
    """Weight of ``tanh(logit / 2)``, from -1 to 1: which way it leans, however sure it is of pairs it never learned."""
    distance: float = 0.0
    """Weight of ``1 - cos(u, v)`` of its two vectors."""
    differences: tuple[float, ...] = ()
    """Weights of ``|u - v|``, one for each component; empty for none."""
    products: tuple[float, ...] = ()
    """Weights of ``u * v``; empty for none."""

    @property
    def reads_vectors(self) -> bool:
        """Whether the vectors are needed, and not the logit alone."""
        return bool(self.distance or self.differences or self.products)


class LearnedHead(StrictModel):
    """One learned standard: ``logit = bias + sum over sources of what is taken of each``.

    It costs what its sources cost on the same pair, whose shared layers run once: two sources with half of the layers
    shared are 1.5 times one standard.

    Example:
        >>> head = LearnedHead(sources=(SourceWeights(name="ssA", leaning=2.0),), bias=-1.0)
        >>> head.logits({"ssA": np.array([0.0, 99.0], dtype=np.float32)}, {}).tolist()
        [-1.0, 1.0]
    """

    sources: tuple[SourceWeights, ...] = Field(min_length=1, max_length=4)
    """The trained standards that it is computed from."""
    bias: float = 0.0
    """Logit added at the end."""

    @property
    def reads_vectors(self) -> bool:
        """Whether any source's vectors are needed."""
        return any(source.reads_vectors for source in self.sources)

    def logits(
        self, logits: Mapping[str, NDArray[np.float32]], vectors: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Computes the standard's logits.

        Args:
            logits: Of each source the logits, float32[n].
            vectors: Of each source whose vectors are read the texts' vectors, float32[n, 2, hidden].

        Returns:
            Logits, float32[n]; each is the same in any company.
        """
        total = np.full(len(logits[self.sources[0].name]), self.bias, dtype=np.float64)
        for source in self.sources:
            total += source.leaning * leaning_of(logits[source.name])
            if source.reads_vectors:
                distance, differences, products = pair_features(vectors[source.name])
                total += source.distance * distance
                # Summed row by row, for a matrix product may round a row otherwise in other company.
                for weights, features in ((source.differences, differences), (source.products, products)):
                    if weights:
                        if len(weights) != features.shape[-1]:
                            raise InputError(
                                f"a learned standard has weights of {len(weights)} components, and the vectors of "
                                f"'{source.name}' have {features.shape[-1]} components",
                                fix="learn it again from this matcher, or copy the folder again",
                            )
                        total += (features * np.asarray(weights)).sum(-1)
        return total.astype(np.float32)


def leaning_of(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Gives ``tanh(logit / 2) = 2 sigmoid(logit) - 1``, the same shape in float64."""
    leaning: NDArray[np.float64] = np.tanh(logits.astype(np.float64) / 2)
    return leaning


def pair_features(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How the two texts' vectors of each pair agree; the same for a pair and the pair swapped.

    With ``u`` and ``v`` the unit vectors and ``d`` their width: ``1 - cos(u, v)``, ``sqrt(d) |u - v|`` and ``d u * v``,
    as the interaction head of ``yanmo.layers`` reads them. The vector of an empty text is zero, and stays so.

    Args:
        vectors: The mean vectors, float32[n, 2, hidden].

    Returns:
        float64[n], float64[n, hidden] and float64[n, hidden].
    """
    given = vectors.astype(np.float64)
    length = np.sqrt((given**2).sum(-1, keepdims=True))
    u, v = np.moveaxis(given / np.where(length > 0, length, 1.0), 1, 0)
    width = given.shape[-1]
    return 1 - (u * v).sum(-1), width**0.5 * np.abs(u - v), width * u * v


class _LearnedFile(StrictModel):
    heads: dict[str, LearnedHead]
    """Of each learned standard, by name."""


def save_learned(heads: Mapping[str, LearnedHead], folder: Path) -> None:
    """Writes ``learned.json``, whole or not at all; nothing where no standard is learned.

    Args:
        heads: The heads by name.
        folder: An existing folder.
    """
    if not heads:
        return
    content = _LearnedFile(heads=dict(heads)).model_dump(mode="json")
    with replacing(folder / LEARNED_FILE) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def load_learned(folder: Path, *, names: Sequence[str]) -> dict[str, LearnedHead]:
    """Reads ``learned.json`` and checks it against the standards of the folder, of which learned ones come last.

    Args:
        folder: The matcher's folder.
        names: Names of all its standards, in order.

    Returns:
        The heads, in the order of the standards; none where the folder has no such file.

    Raises:
        InputError: The file is damaged, or does not belong to these standards.
    """
    path = folder / LEARNED_FILE
    if not path.is_file():
        return {}
    try:
        heads = _LearnedFile.model_validate_json(path.read_bytes()).heads
    except ValidationError as error:
        raise InputError(refusal_of(error), where=path, fix="copy the folder again") from error
    trained = names[: len(names) - len(heads)]
    if not trained or set(names[len(trained) :]) != set(heads):
        problem = f"holds the learned standards {', '.join(heads)}, the last of matching.json are {', '.join(names)}"
        raise InputError(problem, where=path, fix="copy the folder again: the two files must be of one writing")
    for name, head in heads.items():
        unknown = [source.name for source in head.sources if source.name not in trained]
        if unknown:
            problem = f"'{name}' is computed from {', '.join(unknown)}, which the folder was not trained on"
            raise InputError(problem, where=path, fix="copy the folder again")
    return {name: heads[name] for name in names[len(trained) :]}
