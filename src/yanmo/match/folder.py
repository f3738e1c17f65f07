"""Names of the weight files of a matcher's folder: the one that is there says which engine scores."""

__all__ = [
    "ENGINE_FILES",
    "LEARNED_FILE",
    "ONNX_FILE",
    "ONNX_FILES",
    "OPENVINO_FILE",
    "OPENVINO_FILES",
    "TORCH_FILE",
    "TORCH_FILES",
]

ONNX_FILE = "model.onnx"
OPENVINO_FILE = "openvino_model.xml"
TORCH_FILE = "model.safetensors"
LEARNED_FILE = "learned.json"
"""Standards learned from a few pairs, beside the weights and none of them."""

TORCH_FILES = (TORCH_FILE, "model-*.safetensors")
"""Patterns of the files that hold torch's weights, besides ``*.json``."""
ONNX_FILES = (ONNX_FILE, "model.onnx.data")
"""Those of ONNX Runtime's graph."""
OPENVINO_FILES = (OPENVINO_FILE, "openvino_model.bin")
"""Those of OpenVINO's graph."""
ENGINE_FILES = (*TORCH_FILES, *ONNX_FILES, *OPENVINO_FILES)
"""Those of all engines: said here, as an engine's own file imports what only it needs."""
