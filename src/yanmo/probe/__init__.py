"""Read-only measures of training; they change nothing."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")

from .collapse import CollapseLimits, CollapseReading, CollapseVerdict, collapse_reading  # noqa: E402
from .collapse_alarm import AlarmAction, CollapseAlarm  # noqa: E402
from .flooding import flooding_duty  # noqa: E402
from .flow_fit import FlowLimits, FlowVerdict, GradientFlow, fit_flow  # noqa: E402
from .implicit import implicit_regularization, optimizer_caveat  # noqa: E402
from .jacobian_chain import FlowNorm  # noqa: E402
from .layer_flow import layer_flow  # noqa: E402
from .layer_gradients import layer_gradient_norms, layer_name  # noqa: E402
from .nonfinite import first_nonfinite  # noqa: E402
from .recurrent_flow import DifferentiableCell, FlowPart, RecurrentStep, recurrent_flow  # noqa: E402
from .sharpness import Sharpness, sharpness  # noqa: E402

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
    "GradientFlow",
    "RecurrentStep",
    "Sharpness",
    "collapse_reading",
    "first_nonfinite",
    "fit_flow",
    "flooding_duty",
    "implicit_regularization",
    "layer_flow",
    "layer_gradient_norms",
    "layer_name",
    "optimizer_caveat",
    "recurrent_flow",
    "sharpness",
]
