"""Heads of transformers' sequence classifiers: what a folder says of one, its tensors' names, its strict loading."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, chosen
from ..layers import ClassificationHead
from .config import ModelType
from .folder import LoadedEncoder, read_tensors
from .keymap import KeyMap
from .strict_state import Says, account

__all__ = ["CLASSIFIERS", "ClassifierForm", "classifier_form", "declared_labels", "load_classification_head"]

_LEAVES = ("weight", "bias")


@dataclass(frozen=True)
class ClassifierForm:
    """One such class: a dense layer over the first token's vector, a nonlinearity, a linear map to the logits.

    Attributes:
        name: The class, as ``architectures`` in ``config.json`` names it.
        dense: Stem of the dense layer's tensors; of a pooler, without the encoder's prefix.
        out: Stem of the linear map's tensors.
        has_tanh: Whether the nonlinearity is a tanh; else it is the activation of the encoder's blocks.
    """

    name: str
    dense: str
    out: str
    has_tanh: bool = True

    def tensor_names(self, prefix: str) -> dict[str, str]:
        """Gives the head's tensor names by those of `ClassificationHead`, where the encoder's have this prefix."""
        within = prefix if self.dense.startswith("pooler.") else ""
        stems = {"dense": within + self.dense, "out": self.out}
        return {f"{ours}.{leaf}": f"{stem}.{leaf}" for ours, stem in stems.items() for leaf in _LEAVES}

    def found_in(self, names: Iterable[str], keymap: KeyMap) -> tuple[dict[str, str], list[str]]:
        """Finds the tensors of a head, whatever wraps their names.

        Args:
            names: A folder's tensor names.
            keymap: Its encoder's table, with the prefix that the folder has.

        Returns:
            Their names by ours; and what has a head's name besides.
        """
        known = {theirs: ours for ours, theirs in self.tensor_names("").items()}
        roots = {name.partition(".")[0] for name in known}
        found, others = {}, []
        for name in names:
            bare = [each for each in keymap.unwrapped(name) if each.partition(".")[0] in roots]
            ours = next((known[each] for each in bare if each in known), None)
            if ours is not None:
                found[ours] = name
            elif bare:
                others.append(name)
        return found, others


_POOLER = ("pooler.dense", "classifier")
_OWN_DENSE = ("classifier.dense", "classifier.out_proj")
CLASSIFIERS = {
    ModelType.BERT: ClassifierForm("BertForSequenceClassification", *_POOLER),
    ModelType.ERNIE: ClassifierForm("ErnieForSequenceClassification", *_POOLER),
    ModelType.ROBERTA: ClassifierForm("RobertaForSequenceClassification", *_OWN_DENSE),
    ModelType.XLM_ROBERTA: ClassifierForm("XLMRobertaForSequenceClassification", *_OWN_DENSE),
    ModelType.ROFORMER: ClassifierForm("RoFormerForSequenceClassification", *_OWN_DENSE, has_tanh=False),
}
"""The classes that transformers has."""


def declared_labels(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Says which logits the classifier of a folder gives.

    Args:
        values: Its ``config.json``.

    Returns:
        The name of each; None where the configuration is not a sequence classifier's.

    Example:
        >>> declared_labels({"architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}})
        ('LABEL_0',)
    """
    if not any(str(name).endswith("ForSequenceClassification") for name in values.get("architectures") or ()):
        return None
    named = values.get("id2label")
    if isinstance(named, Mapping):
        return tuple(map(str, named.values()))
    # transformers writes no labels where there are two, its default.
    return tuple(f"LABEL_{i}" for i in range(values.get("num_labels") or 2))


def classifier_form(model_type: ModelType, *, where: Path) -> ClassifierForm:
    """Gives the form of the heads that can be taken over with an encoder.

    Args:
        model_type: The encoder's.
        where: Its folder.

    Returns:
        The form, whose nonlinearity is a tanh.

    Raises:
        InputError: The encoder's classifiers are of another form, or transformers has none.
    """
    model_type = chosen(ModelType, model_type, name="model_type")
    form = CLASSIFIERS.get(model_type)
    if form is None or not form.has_tanh:
        name = f"a {model_type.value} classifier" if form is None else form.name
        known = ", ".join(each.name for each in CLASSIFIERS.values() if each.has_tanh)
        raise InputError(
            f"the head of {name} is of a form that Yanmo does not know", where=where, fix=f"take one of {known}"
        )
    return form


def load_classification_head(folder: Path, loaded: LoadedEncoder) -> dict[str, Tensor]:
    """Loads the head beside an encoder, strictly.

    Args:
        folder: The encoder's folder.
        loaded: The encoder.

    Returns:
        The parameters of a `ClassificationHead`, in float32.

    Raises:
        InputError: The head is of another form or has more than one logit, or a tensor of it is missing, unknown,
            misshapen or not finite.
    """
    form = classifier_form(loaded.config.model_type, where=folder)
    found, others = form.found_in(loaded.left_out, loaded.keymap)
    named = form.tensor_names(loaded.keymap.prefix) | found
    with torch.device("meta"):
        shapes = ClassificationHead(loaded.config.width, dropout_prob=0.0).state_dict()
    tensors = read_tensors(folder, only={*found.values(), *others})
    account(
        tensors,
        {named[ours]: shape for ours, shape in shapes.items()},
        where=folder,
        says=Says(
            f"the head of {form.name}",
            missing="the download is incomplete; get it again",
            unknown="the head is of a form that Yanmo does not know; take another base",
            misshapen="config.json and weights belong to different models",
        ),
    )
    return {ours: tensors[name].to(torch.float32) for ours, name in named.items()}
