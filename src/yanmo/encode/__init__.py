"""Backbones of the BERT family: configuration, weights from and to folders, masked-LM head, vocabulary surgery."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")
require_extra("safetensors", extra="torch")

from .classification_head import (  # noqa: E402
    CLASSIFIERS,
    ClassifierForm,
    classifier_form,
    declared_labels,
    load_classification_head,
)
from .config import Activation, EncoderConfig, ModelType  # noqa: E402
from .encoder import ConditionPlan, Encoder, TokenBatch, build_encoder  # noqa: E402
from .folder import (  # noqa: E402
    LoadedEncoder,
    load_encoder,
    read_config,
    read_config_values,
    read_tensors,
    save_encoder,
)
from .keymap import KeyMap, encoder_keymap  # noqa: E402
from .mlm import MaskedLanguageHead, MaskedLanguageModel, load_mlm, save_mlm  # noqa: E402
from .wordify import WordifyReport, wordify  # noqa: E402

__all__ = [
    "CLASSIFIERS",
    "Activation",
    "ClassifierForm",
    "ConditionPlan",
    "Encoder",
    "EncoderConfig",
    "KeyMap",
    "LoadedEncoder",
    "MaskedLanguageHead",
    "MaskedLanguageModel",
    "ModelType",
    "TokenBatch",
    "WordifyReport",
    "build_encoder",
    "classifier_form",
    "declared_labels",
    "encoder_keymap",
    "load_classification_head",
    "load_encoder",
    "load_mlm",
    "read_config",
    "read_config_values",
    "read_tensors",
    "save_encoder",
    "save_mlm",
    "wordify",
]
