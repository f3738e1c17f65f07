"""Read-only measures of training; they change nothing."""

from .collapse import CollapseLimits, CollapseReading, CollapseVerdict, collapse_reading
from .collapse_alarm import AlarmAction, CollapseAlarm
from .flooding import flooding_duty
from .flow_fit import FlowLimits, FlowVerdict, RecurrentFlow, fit_flow
from .implicit import implicit_regularization, optimizer_caveat
from .layer_gradients import layer_gradient_norms, layer_name
from .nonfinite import first_nonfinite
from .recurrent_flow import DifferentiableCell, FlowNorm, FlowPart, recurrent_flow

__all__ = [
    "AlarmAction",
    "CollapseAlarm",
    "CollapseLimits",
    "CollapseReading",
    "CollapseVerdict",
    "DifferentiableCell",
    "FlowLimits",
    "FlowNorm",
    "FlowPart",
    "FlowVerdict",
    "RecurrentFlow",
    "collapse_reading",
    "first_nonfinite",
    "fit_flow",
    "flooding_duty",
    "implicit_regularization",
    "layer_gradient_norms",
    "layer_name",
    "optimizer_caveat",
    "recurrent_flow",
]
