"""Whatever bends a gradient; takes callables and parameters and knows no model."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")

from .average import WeightAverage  # noqa: E402
from .backward import Backward, LossFn, plain_backward  # noqa: E402
from .direction import Scope  # noqa: E402
from .fgm import AdversarialLosses, fgm_backward  # noqa: E402
from .finite_difference_penalty import PenalizedLoss, finite_difference_penalty_backward  # noqa: E402
from .flooding import flooding_loss  # noqa: E402
from .gradient_penalty import gradient_penalty_loss  # noqa: E402
from .members import MEMBERS, Batch, Member  # noqa: E402
from .pgd import pgd_backward  # noqa: E402
from .r_drop import r_drop_loss  # noqa: E402
from .sam import sam_backward  # noqa: E402
from .shift import restored, shifted_input  # noqa: E402
from .vat import vat_backward  # noqa: E402

__all__ = [
    "MEMBERS",
    "AdversarialLosses",
    "Backward",
    "Batch",
    "LossFn",
    "Member",
    "PenalizedLoss",
    "Scope",
    "WeightAverage",
    "fgm_backward",
    "finite_difference_penalty_backward",
    "flooding_loss",
    "gradient_penalty_loss",
    "pgd_backward",
    "plain_backward",
    "r_drop_loss",
    "restored",
    "sam_backward",
    "shifted_input",
    "vat_backward",
]
