"""Backbones of the BERT family: configuration, weights from and to folders, masked-LM head, vocabulary surgery."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")
require_extra("safetensors", extra="torch")

from .config import Activation, EncoderConfig, ModelType  # noqa: E402
from .encoder import ConditionPlan, Encoder, TokenBatch, build_encoder  # noqa: E402
from .folder import LoadedEncoder, load_encoder, read_config, read_tensors, save_encoder  # noqa: E402
from .keymap import KeyMap, encoder_keymap  # noqa: E402
from .mlm import MaskedLanguageHead, MaskedLanguageModel, load_mlm, save_mlm  # noqa: E402
from .wordify import WordifyReport, wordify  # noqa: E402

__all__ = [
    "Activation",
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
    "encoder_keymap",
    "load_encoder",
    "load_mlm",
    "read_config",
    "read_tensors",
    "save_encoder",
    "save_mlm",
    "wordify",
]
