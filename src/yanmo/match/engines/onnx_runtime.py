"""ONNX Runtime, told before it is loaded to keep no number for the machine and to send nothing to its makers.

Import it from here: `disable_telemetry_events`, called once it is loaded, comes too late.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

__all__ = ["onnxruntime", "runtime_errors"]
