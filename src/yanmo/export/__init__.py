"""A matcher written for other engines (ONNX, OpenVINO, transformers), its weights rounded, and what that costs."""

import lazy_loader

# At first use: the command line needs the names of the forms, not torch.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "card": ["Card"],
        "drift": ["TaskDrift", "measure_drift"],
        "loss_budget": ["Attempt", "Gate"],
        "onnx_export": ["export_matcher"],
        "sequence_classifier": ["export_task"],
        "task_graph": ["export_task_graph"],
        "weight_plan": ["WeightForm", "WeightPlan"],
    },
)
