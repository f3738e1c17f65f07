"""A matcher written for other engines (ONNX, OpenVINO, transformers), its weights rounded, and what that costs."""

from typing import Any

import lazy_loader

from ..errors import require_extra

# At first use: the command line needs the names of the forms, not torch.
_attached, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "card": ["Card"],
        "drift": ["TaskDrift", "measure_drift"],
        "loss_budget": ["Attempt", "LossBudget"],
        "onnx_export": ["export_matcher"],
        "sequence_classifier": ["export_task"],
        "task_graph": ["export_task_graph"],
        "weight_plan": ["WeightForm", "WeightPlan"],
    },
)

_NEED_TORCH = {"export_matcher", "export_task", "export_task_graph"}


def __getattr__(name: str) -> Any:
    if name in _NEED_TORCH:
        require_extra("torch", extra="onnx")
    return _attached(name)
