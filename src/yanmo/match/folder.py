"""Names of the weight files of a matcher's folder: the one that is there says which engine scores."""

__all__ = ["ONNX_FILE", "OPENVINO_FILE", "TORCH_FILE"]

ONNX_FILE = "model.onnx"
OPENVINO_FILE = "openvino_model.xml"
TORCH_FILE = "model.safetensors"
