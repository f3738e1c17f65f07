"""Regularizers for other people's loops: a mixin for any Trainer of transformers."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from torch import Tensor, nn

from ...errors import InputError
from ...yaml_file import refusal_of
from .perturbed import TokenTable
from .regularized_step import RegularizedStep
from .regularizers import Regularizers

__all__ = ["RegularizedTrainerMixin"]


class RegularizedTrainerMixin:
    """Bends the gradient of a Trainer's own loss; stands before the Trainer among the bases.

    FGM, PGD and VAT move the model's input embeddings. The readings of the regularizers are logged beside the loss.
    A batch's loss is its mean: with gradient accumulation the mean of the batches' means, as Trainers did before they
    counted the items of all of them together. In several processes FGM and the finite-difference penalty act on each
    process's share by itself; PGD, VAT and the penalty on inputs are refused there.

    Args:
        *args: The Trainer's.
        regularizers: The strengths, as `Regularizers` or as a mapping of the same shape; all 0 is the Trainer itself.
        **kwargs: The Trainer's.

    Raises:
        InputError: A setting is none, or a regularizer that is on cannot act on this model.

    Example:
        ``class MyTrainer(RegularizedTrainerMixin, Trainer): ...`` and
        ``MyTrainer(model, args, train_dataset=data, regularizers={"fgm": {"epsilon": 1.0}}).train()``
    """

    def __init__(self, *args: Any, regularizers: Regularizers | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            self._settings = Regularizers.model_validate(regularizers)
        except ValidationError as error:
            raise InputError(refusal_of(error), where="regularizers", fix="see yanmo.fit.Regularizers") from error
        self._regularized: RegularizedStep | None = None
        if self._settings.is_active:
            # Else the loss would be divided by the items of all accumulated batches, which a second pass cannot know.
            self.model_accepts_loss_kwargs = False
            self._regularized = self._made_step()

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Adds one batch's bent gradient to ``.grad``; returns the Trainer's own loss.

        Args:
            model: The network as the Trainer wraps it.
            inputs: The batch.
            num_items_in_batch: The Trainer's, for its own step.

        Returns:
            The loss without the regularizers' terms, divided by the batches that are accumulated.
        """
        if self._regularized is None:
            plain: Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
            return plain
        return self._regularized(self, model, inputs)  # type: ignore[arg-type]

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Logs, with the regularizers' readings beside the loss.

        Args:
            logs: What is logged.
            *args: The Trainer's.
            **kwargs: The Trainer's.
        """
        if self._regularized is not None and "loss" in logs:
            logs = logs | self._regularized.take_readings()
        super().log(logs, *args, **kwargs)  # type: ignore[misc]

    def _made_step(self) -> RegularizedStep:
        model: nn.Module = self.accelerator.unwrap_model(self.model)  # type: ignore[attr-defined]
        perturbed = None
        if self._settings.moves_inputs:
            found: Callable[[], object] = getattr(model, "get_input_embeddings", lambda: None)
            table = found()
            if not isinstance(table, nn.Embedding) or not table.weight.requires_grad:
                raise InputError(
                    f"the input embeddings of a {type(model).__name__} do not learn, and nothing else can be moved",
                    fix="let them learn, or take what moves no inputs (r_drop, parameter_penalty, flooding)",
                )
            perturbed = TokenTable(table)
        rows = float(self.args.per_device_train_batch_size)  # type: ignore[attr-defined]
        return RegularizedStep(self._settings, model=model, perturbed=perturbed, rows_per_batch=rows)
