"""Read-only measures of training; they change nothing."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")

from .collapse import CollapseLimits, CollapseReading, CollapseVerdict, collapse_reading  # noqa: E402
from .collapse_alarm import AlarmAction, CollapseAlarm  # noqa: E402
from .flooding import flooding_duty  # noqa: E402
from .flow_fit import FlowLimits, FlowVerdict, RecurrentFlow, fit_flow  # noqa: E402
from .implicit import implicit_regularization, optimizer_caveat  # noqa: E402
from .layer_gradients import layer_gradient_norms, layer_name  # noqa: E402
from .nonfinite import first_nonfinite  # noqa: E402
from .recurrent_flow import DifferentiableCell, FlowNorm, FlowPart, recurrent_flow  # noqa: E402

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
