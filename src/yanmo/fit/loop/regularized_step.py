"""One training step with regularizers: in which order they act, the same for every trainer of the room."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer

from ...encode import Encoder
from ...errors import InputError
from ...probe import flooding_duty
from ...regularize import (
    Backward,
    fgm_backward,
    finite_difference_penalty_backward,
    flooding_loss,
    gradient_penalty_loss,
    pgd_backward,
    r_drop_loss,
    sam_backward,
    vat_backward,
)
from .perturbed import Perturbed, perturbed_part
from .regularizers import Regularizers

__all__ = ["RegularizedStep", "regularized_step"]


class RegularizedStep:
    """Takes the place of a Trainer's ``training_step``.

    The objective is the trainer's own loss with R-Drop's and the exact penalties' terms, flooded as a whole; FGM, PGD
    or the finite-difference penalty make the step on it; VAT adds a term of its own. The trainer's ``compute_loss``
    must, with ``return_outputs``, also return ``{"logits": ...}``: [rows, classes], or one logit of "yes" a row.

    Args:
        settings: The strengths.
        model: The network, after parts of it were frozen.
        perturbed: What is moved; None where no regularizer moves inputs.
        rows_per_batch: Mean number of logit rows in a batch, which the trainer's loss is divided by as well.

    Raises:
        InputError: A regularizer that is on cannot act on this model.
    """

    def __init__(
        self, settings: Regularizers, *, model: nn.Module, perturbed: Perturbed | None, rows_per_batch: float
    ) -> None:
        noisy = any(isinstance(part, nn.Dropout) and part.p > 0 for part in model.modules())
        if settings.r_drop.weight and not noisy:
            raise InputError(
                "r_drop compares two dropouts, and nothing in this model drops out", fix="set dropout_prob above 0"
            )
        if settings.moves_inputs and perturbed is None:
            raise InputError("a regularizer that moves inputs was given none to move", fix="hand in perturbed")
        self._settings = settings
        self._perturbed = perturbed
        self._rows = rows_per_batch
        self._learning = [p for p in model.parameters() if p.requires_grad]
        self._sums: dict[str, float] = {}
        self._objectives: list[float] = []

    def __call__(self, trainer: Trainer, model: nn.Module, inputs: Mapping[str, Any]) -> Tensor:
        """Adds one batch's gradient to ``.grad``.

        Args:
            trainer: Computes the loss and carries it back.
            model: The network as the trainer wraps it.
            inputs: The batch.

        Returns:
            The trainer's own loss, without the regularizers' terms and without graph, as ``training_step`` returns it.

        Raises:
            InputError: A regularizer that is on works in one process only, or the loss has no logits it needs.
        """
        on, accumulated = self._settings, trainer.current_gradient_accumulation_steps
        if trainer.args.world_size > 1 and any((on.pgd.epsilon, on.vat.weight, on.gradient_penalty.weight)):
            raise InputError("pgd, vat and gradient_penalty work in one process only", fix="train without torchrun")
        model.train()
        prepared = trainer._prepare_inputs(inputs)  # type: ignore[arg-type]
        own: list[Tensor] = []

        def one_pass() -> tuple[Tensor, Tensor]:
            with trainer.compute_loss_context_manager():
                loss, outputs = trainer.compute_loss(model, prepared, return_outputs=True)
            own.append(loss.detach())
            return loss, _as_classes(outputs.get("logits")) if on.compares_predictions else loss

        def carry(loss: Tensor) -> None:
            trainer.accelerator.backward(loss / accumulated)

        place = self._perturbed if on.moves_inputs else None
        with nullcontext([]) if place is None else place.opened(prepared) as leaves:
            total, added = self._main(one_pass, leaves, carry)
            plain = torch.stack(own[: 2 if on.r_drop.weight else 1]).mean()
            if on.adds_terms:
                added["loss_terms"] = total - plain
            if place is not None and on.vat.weight:
                added["vat"] = on.vat.weight * vat_backward(
                    lambda: one_pass()[1],
                    leaves,
                    weight=on.vat.weight,
                    epsilon=on.vat.epsilon,
                    n_iterations=on.vat.n_iterations,
                    scope=place.scope,
                    divisor=self._rows,
                    backward=carry,
                )
        for name, value in added.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.item()
        self._objectives.append(total.item())
        return plain / accumulated

    def take_readings(self) -> dict[str, float]:
        """Returns means over the batches since the last call, in the loss's unit.

        Returns:
            ``adversarial_rise`` and ``sharpness_rise``, how much worse FGM or PGD, or SAM, made the loss; what R-Drop
            and exact penalties (``loss_terms``), VAT and the finite-difference penalty added to it; and flooding's duty
            cycle.
        """
        n = len(self._objectives)
        if not n:
            return {}
        readings = {f"regularizer/{name}": value / n for name, value in self._sums.items()}
        if level := self._settings.flooding.level:
            readings["regularizer/flooding_duty"] = flooding_duty(self._objectives, level=level)
        self._sums.clear()
        self._objectives.clear()
        return readings

    def _main(
        self, one_pass: Callable[[], tuple[Tensor, Tensor]], leaves: list[Tensor], carry: Backward
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Carries the objective back; returns it, and what was added beside it."""
        on = self._settings
        exact = on.parameter_penalty.weight and not on.finite_difference
        tensors = self._learning if exact else leaves
        weight = on.parameter_penalty.weight if exact else on.gradient_penalty.weight

        def objective() -> Tensor:
            return gradient_penalty_loss(
                lambda: r_drop_loss(one_pass, weight=on.r_drop.weight, divisor=self._rows), tensors, weight=weight
            )

        def flooded(loss: Tensor) -> None:
            carry(flooding_loss(loss, level=on.flooding.level))

        if self._perturbed is not None and (on.fgm.epsilon or on.pgd.epsilon):
            scope = self._perturbed.scope
            if on.fgm.epsilon:
                losses = fgm_backward(objective, leaves, epsilon=on.fgm.epsilon, scope=scope, backward=flooded)
            else:
                losses = pgd_backward(
                    objective, leaves, epsilon=on.pgd.epsilon, n_steps=on.pgd.n_steps, scope=scope, backward=flooded
                )
            return losses.plain, {"adversarial_rise": losses.adversarial - losses.plain}
        if on.sam.rho:
            losses = sam_backward(objective, self._learning, rho=on.sam.rho, backward=flooded)
            return losses.plain, {"sharpness_rise": losses.adversarial - losses.plain}
        if on.finite_difference:
            penalty = on.parameter_penalty
            penalized = finite_difference_penalty_backward(
                objective, self._learning, weight=penalty.weight, step=penalty.step, backward=flooded
            )
            return penalized.plain, {"parameter_penalty": penalty.weight * penalized.squared_norm}
        loss = objective()
        flooded(loss)
        return loss.detach(), {}


def regularized_step(
    settings: Regularizers, *, model: nn.Module, encoder: Encoder, rows_per_batch: float
) -> RegularizedStep | None:
    """Makes the step of a model around one of our encoders.

    Args:
        settings: The strengths.
        model: The network, after parts of it were frozen.
        encoder: Its encoder, of which the token table or the lowest learning block's input is moved.
        rows_per_batch: Mean number of logit rows in a batch.

    Returns:
        The step; None where all strengths are 0 and the Trainer's own step is to be taken.

    Raises:
        InputError: A regularizer that is on cannot act on this model.
    """
    if not settings.is_active:
        return None
    perturbed = perturbed_part(encoder) if settings.moves_inputs else None
    return RegularizedStep(settings, model=model, perturbed=perturbed, rows_per_batch=rows_per_batch)


def _as_classes(logits: Tensor | None) -> Tensor:
    """Gives one logit of "yes" a row its "no", whose logit is 0."""
    if logits is None:
        raise InputError("r_drop and vat compare predictions, and this loss has no logits", fix="set both to 0")
    if logits.ndim > 2:
        shape = list(logits.shape)
        raise InputError(
            f"r_drop and vat compare one prediction a row, and these logits have the shape {shape}",
            fix="set both to 0, or let compute_loss return the logits of the labelled places, [places, classes]",
        )
    return logits if logits.ndim > 1 else torch.stack([torch.zeros_like(logits), logits], -1)
