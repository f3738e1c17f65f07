"""Settings of whatever bends the gradient of a run: one strength each, all of them off by default."""

from enum import Enum

from pydantic import Field, model_validator

from ...yaml_file import StrictModel

__all__ = [
    "Fgm",
    "Flooding",
    "GradientPenalty",
    "ParameterPenalty",
    "PenaltyForm",
    "Pgd",
    "RDrop",
    "Regularizers",
    "Sam",
    "Vat",
]


class Fgm(StrictModel):
    """One adversarial pass; see ``yanmo.regularize.fgm_backward``."""

    epsilon: float = Field(default=0.0, ge=0)
    """Length of the perturbation: of the token table where that learns, else of each row's states below the first
    layer that does."""


class Pgd(StrictModel):
    """An adversarial pass whose place is sought in several steps; see ``yanmo.regularize.pgd_backward``."""

    epsilon: float = Field(default=0.0, ge=0)
    """Largest length of the perturbation, as for ``fgm``."""
    n_steps: int = Field(default=3, gt=0)
    """Number of steps."""


class Vat(StrictModel):
    """Predictions that hold still under the worst perturbation; see ``yanmo.regularize.vat_backward``."""

    weight: float = Field(default=0.0, ge=0)
    """Factor on the divergence, in nats a row."""
    epsilon: float = Field(default=1.0, gt=0)
    """Length of the perturbation, as for ``fgm``."""
    n_iterations: int = Field(default=1, gt=0)
    """How often its direction is improved."""


class GradientPenalty(StrictModel):
    """The squared gradient of what ``fgm`` would perturb; see ``yanmo.regularize.gradient_penalty_loss``."""

    weight: float = Field(default=0.0, ge=0)
    """Factor on the squared norm."""


class PenaltyForm(str, Enum):
    """A double backward pass, or the difference of two ordinary ones."""

    EXACT = "exact"
    FINITE_DIFFERENCE = "finite_difference"


class ParameterPenalty(StrictModel):
    """The squared gradient of all that learns: implicit gradient regularization, made explicit."""

    weight: float = Field(default=0.0, ge=0)
    """Factor on the squared norm; a quarter of a rate has the effect of that rate in gradient descent."""
    form: PenaltyForm = PenaltyForm.FINITE_DIFFERENCE
    """How the second derivative is taken; ``exact`` needs the memory of a double backward pass."""
    step: float = Field(default=1e-2, gt=0)
    """Distance between the two gradients of ``finite_difference``, in the parameters' unit."""


class Sam(StrictModel):
    """The gradient a little way up the gradient; see ``yanmo.regularize.sam_backward``."""

    rho: float = Field(default=0.0, ge=0)
    """Length of the move of all that learns, in the parameters' unit; 0.05 is usual."""


class Flooding(StrictModel):
    """A loss that is not let below a level; see ``yanmo.regularize.flooding_loss``."""

    level: float = Field(default=0.0, ge=0)
    """Where the gradient turns around, in the batch loss's unit."""


class RDrop(StrictModel):
    """Two dropouts of a batch should predict the same; see ``yanmo.regularize.r_drop_loss``."""

    weight: float = Field(default=0.0, ge=0)
    """Factor on the divergence, in nats a row."""


class Regularizers(StrictModel):
    """What bends the gradient; every strength of 0 is off, and all off is the plain run, bit for bit."""

    fgm: Fgm = Fgm()
    """Adversarial training in one step."""
    pgd: Pgd = Pgd()
    """Adversarial training in several steps."""
    vat: Vat = Vat()
    """Virtual adversarial training."""
    gradient_penalty: GradientPenalty = GradientPenalty()
    """Penalty on the gradient of inputs."""
    parameter_penalty: ParameterPenalty = ParameterPenalty()
    """Penalty on the gradient of parameters."""
    sam: Sam = Sam()
    """Sharpness-aware minimization."""
    flooding: Flooding = Flooding()
    """Flooding: of the loss with the terms of ``r_drop`` and exact penalties, in the plain and the adversarial pass."""
    r_drop: RDrop = RDrop()
    """R-Drop; needs dropout."""

    @model_validator(mode="after")
    def _check(self) -> "Regularizers":
        steps = {
            "fgm": self.fgm.epsilon,
            "pgd": self.pgd.epsilon,
            "parameter_penalty": self.parameter_penalty.weight,
            "sam": self.sam.rho,
        }
        chosen = [name for name, strength in steps.items() if strength]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} each make a step of their own; set all but one to 0")
        if self.parameter_penalty.weight and self.gradient_penalty.weight:
            raise ValueError("gradient_penalty and parameter_penalty would penalize one another; set one to 0")
        if self.finite_difference and self.flooding.level:
            raise ValueError("flooding could turn one of finite_difference's two gradients; set form to exact")
        if self.sam.rho and self.flooding.level:
            raise ValueError("flooding could turn one of sam's two gradients; set one to 0")
        return self

    @property
    def finite_difference(self) -> bool:
        """Whether the parameter penalty is on in its cheap form."""
        return bool(self.parameter_penalty.weight) and self.parameter_penalty.form is PenaltyForm.FINITE_DIFFERENCE

    @property
    def adds_terms(self) -> bool:
        """Whether one is on whose term is part of the loss that is carried back."""
        exact = self.parameter_penalty.weight and not self.finite_difference
        return any((self.r_drop.weight, self.gradient_penalty.weight, exact))

    @property
    def moves_inputs(self) -> bool:
        """Whether one is on that takes a gradient of the token table or of states."""
        return any((self.fgm.epsilon, self.pgd.epsilon, self.vat.weight, self.gradient_penalty.weight))

    @property
    def compares_predictions(self) -> bool:
        """Whether one is on that needs logits."""
        return any((self.vat.weight, self.r_drop.weight))

    @property
    def is_active(self) -> bool:
        """Whether any is on."""
        own = (self.flooding.level, self.parameter_penalty.weight, self.sam.rho)
        return self.moves_inputs or self.compares_predictions or any(own)
