"""Checkpoints of TensorFlow and Megatron to Hugging Face folders: encoders of the BERT family, and CPM-LM."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")
require_extra("safetensors", extra="torch")

from .cpm import ConvertedCpm, StoredType, convert_cpm  # noqa: E402
from .tensorflow import Converted, convert_tensorflow  # noqa: E402

__all__ = ["Converted", "ConvertedCpm", "StoredType", "convert_cpm", "convert_tensorflow"]
