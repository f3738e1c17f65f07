"""Whatever bends a gradient; takes callables and parameters and knows no model."""

from .average import WeightAverage
from .direction import Scope
from .fgm import AdversarialLosses, fgm_backward
from .finite_difference_penalty import PenalizedLoss, finite_difference_penalty_backward
from .flooding import flooding_loss
from .gradient_penalty import gradient_penalty_loss
from .passes import Backward, LossFn
from .pgd import pgd_backward
from .r_drop import r_drop_loss
from .shift import restored, shifted_input
from .vat import vat_backward

__all__ = [
    "AdversarialLosses",
    "Backward",
    "LossFn",
    "PenalizedLoss",
    "Scope",
    "WeightAverage",
    "fgm_backward",
    "finite_difference_penalty_backward",
    "flooding_loss",
    "gradient_penalty_loss",
    "pgd_backward",
    "r_drop_loss",
    "restored",
    "shifted_input",
    "vat_backward",
]
