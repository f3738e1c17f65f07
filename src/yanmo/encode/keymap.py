"""Tensor names of Hugging Face folders and ours, as one reversible rename table."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..errors import InputError
from .config import EncoderConfig, ModelType

__all__ = ["KeyMap", "encoder_keymap"]

# Hugging Face name, ours; {} is the layer. What follows (".weight", ".bias", ".weight_map", ...) is carried over.
_EMBEDDING = (
    ("embeddings.word_embeddings", "embedding.word"),
    ("embeddings.token_type_embeddings", "embedding.token_type"),
    ("embeddings.LayerNorm", "embedding.norm"),
)
_POSITION = (("embeddings.position_embeddings", "embedding.position"),)
_TASK_TYPE = (("embeddings.task_type_embeddings", "embedding.task_type"),)
_PROJECTION = (("embeddings_project", "embedding.projection"),)
_LAYER = (
    ("encoder.layer.{}.attention.self.query", "blocks.{}.attention.query"),
    ("encoder.layer.{}.attention.self.key", "blocks.{}.attention.key"),
    ("encoder.layer.{}.attention.self.value", "blocks.{}.attention.value"),
    ("encoder.layer.{}.attention.output.dense", "blocks.{}.attention.out"),
    ("encoder.layer.{}.attention.output.LayerNorm", "blocks.{}.attention_norm"),
    ("encoder.layer.{}.intermediate.dense", "blocks.{}.feed_forward.up"),
    ("encoder.layer.{}.output.dense", "blocks.{}.feed_forward.down"),
    ("encoder.layer.{}.output.LayerNorm", "blocks.{}.feed_forward_norm"),
)
_WORDS = "embeddings.word_embeddings.weight"
# Tensors of a folder that an encoder rightly leaves out: heads, poolers, and tables that are computed here.
_LEFT_OUT = re.compile(
    r"^(cls|pooler|classifier|lm_head|qa_outputs|dropout)\.|position_ids$|\.embed_positions\.|relative_positions_encoding"
)


@dataclass(frozen=True)
class KeyMap:
    """Rename rules between two namings of the same tensors.

    Attributes:
        rules: Pairs of (theirs, ours) name stems.
        prefix: What older or whole-model folders put before the encoder's names, such as ``bert.``; `found_in` finds
            what a given folder puts there.
    """

    rules: tuple[tuple[str, str], ...]
    prefix: str

    def to_ours(self, name: str) -> str | None:
        """Our name for a tensor of theirs; None when it is no part of the encoder.

        Names of the first TensorFlow exports, ``gamma`` and ``beta``, count as ``weight`` and ``bias``.
        """
        name = name.removeprefix(self.prefix)
        stem, _, leaf = name.rpartition(".")
        leaf = {"gamma": "weight", "beta": "bias"}.get(leaf, leaf)
        ours = dict(self.rules).get(stem)
        return None if ours is None else f"{ours}.{leaf}"

    def to_theirs(self, name: str) -> str:
        """Their name for a tensor of ours (without the prefix)."""
        stem, _, leaf = name.rpartition(".")
        theirs = {ours: theirs for theirs, ours in self.rules}
        return f"{theirs[stem]}.{leaf}"

    def is_left_out(self, name: str) -> bool:
        """Whether a tensor of theirs is known and rightly unused."""
        return any(_LEFT_OUT.search(each) for each in self.unwrapped(name))

    def unwrapped(self, name: str) -> Iterator[str]:
        """Gives a name as it is, and without each beginning of the prefix.

        A head stands outside of what wraps the encoder alone and inside of what wraps the whole model: in a folder
        with the prefix ``module.bert.`` it is named ``module.cls.predictions.bias``.
        """
        yield name
        parts = self.prefix.split(".")
        for n in range(1, len(parts)):
            wrapper = ".".join(parts[:n]) + "."
            if name.startswith(wrapper):
                yield name.removeprefix(wrapper)

    def found_in(self, names: Iterable[str]) -> "KeyMap":
        """The same table with the prefix that some names have: what stands before the name of the word table.

        Args:
            names: The folder's tensor names.

        Returns:
            The table, unchanged where no word table is among the names.

        Raises:
            InputError: Several tables are there, so that the names are of several encoders.
        """
        found = sorted({name.removesuffix(_WORDS) for name in names if f".{name}".endswith(f".{_WORDS}")})
        if len(found) > 1:
            raise InputError(
                f"holds several encoders: their names begin with {' and '.join(map(repr, found))}",
                fix="keep the tensors of one of them, and name the folder again",
            )
        return replace(self, prefix=found[0]) if found else self

    def sort(self, names: Iterable[str]) -> tuple[dict[str, str], list[str], list[str]]:
        """Sorts the names of a folder.

        Args:
            names: The folder's tensor names.

        Returns:
            Ours to theirs for the encoder's tensors; the names left out knowingly; the names nobody knows.
        """
        mapped: dict[str, str] = {}
        left_out, unknown = [], []
        for name in names:
            ours = self.to_ours(name)
            if ours is not None:
                mapped[ours] = name
            elif self.is_left_out(name):
                left_out.append(name)
            else:
                unknown.append(name)
        return mapped, left_out, unknown


def encoder_keymap(config: EncoderConfig) -> KeyMap:
    """The table for one encoder.

    Args:
        config: Decides the number of layers, the prefix and which optional tables exist.

    Returns:
        The key map, one rule a module.
    """
    rules = list(_EMBEDDING)
    if config.model_type.has_absolute_positions:
        rules += _POSITION
    if config.n_task_types:
        rules += _TASK_TYPE
    if config.embedding_width != config.width:
        rules += _PROJECTION
    rules += [(theirs.format(i), ours.format(i)) for i in range(config.n_layers) for theirs, ours in _LAYER]
    prefix = "roberta" if config.model_type is ModelType.XLM_ROBERTA else config.model_type.value
    return KeyMap(tuple(rules), f"{prefix}.")
