"""The pretraining loop: transformers' Trainer over planned batches of masked rows, on one process or several."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import TrainerCallback

from ...encode import MaskedLanguageModel, TokenBatch
from ..loop.diverged import refuse_divergence
from ..loop.planned_trainer import PlannedTrainer
from ..loop.regularized_step import regularized_step
from .config import PretrainConfig
from .masking import MaskedBatchMaker
from .windows import PretrainPlan

__all__ = ["PretrainTrainer"]

_FIELDS = tuple(TokenBatch.__dataclass_fields__)


class PretrainTrainer(PlannedTrainer):
    """Trains a `MaskedLanguageModel` on one planned run; one epoch of the Trainer is the whole run.

    With several processes batch ``i`` of the plan goes to process ``i mod n``, so that a step sums over the same
    batches whatever their number.

    Args:
        model: The network; what is frozen does not require a gradient.
        config: The settings.
        plan: The batches of the run.
        batches: Makes them.
        folder: Where checkpoints go.
        on_evaluation: Given the step, judges the network and returns its metrics; None evaluates nothing.
        callbacks: More callbacks of transformers.
    """

    def __init__(
        self,
        model: MaskedLanguageModel,
        config: PretrainConfig,
        *,
        plan: PretrainPlan,
        batches: MaskedBatchMaker,
        folder: Path,
        on_evaluation: Callable[[int], Mapping[str, float]] | None,
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        self.network = model
        self.config = config
        self.plan = plan
        self.batches = batches
        self._on_evaluation = on_evaluation
        super().__init__(
            model,
            settings=config,
            plan=plan.plan,
            collate=batches,
            n_entries=plan.n_windows,
            n_steps=plan.n_steps,
            n_evaluations=0 if on_evaluation is None else config.n_evaluations,
            n_checkpoints=config.n_saves,
            regularized=regularized_step(
                config.regularizers, model=model, encoder=model.encoder, rows_per_batch=plan.masked_per_batch
            ),
            folder=folder,
            callbacks=callbacks,
            gradient_accumulation_steps=config.accumulation,
        )
        if on_evaluation is not None:
            self.add_callback(_FirstPoint(self))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ARG002
        """Makes AdamW; matrices decay, vectors (norms, biases) do not."""
        if self.optimizer is None:
            config = self.config
            learning = [p for p in self.network.parameters() if p.requires_grad]
            groups: list[dict[str, Any]] = [
                {"params": [p for p in learning if p.ndim > 1], "weight_decay": config.weight_decay},
                {"params": [p for p in learning if p.ndim < 2], "weight_decay": 0.0},
            ]
            self.optimizer = torch.optim.AdamW(
                groups, lr=config.learning_rate, betas=(0.9, config.adam_beta2), fused=True
            )
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """Sums the losses of a batch's hidden tokens and divides by the plan's mean number of them in a batch.

        A token so counts the same in a batch of many as in one of few.
        """
        batch = TokenBatch(*(inputs[name] for name in _FIELDS))
        logits = model(batch, inputs["places"])
        loss = F.cross_entropy(logits, inputs["targets"], reduction="sum") / self.plan.masked_per_batch
        refuse_divergence(
            loss,
            step=self.state.global_step + 1,
            model=self.network,
            run=lambda: self.network(batch, inputs["places"]),
            fix="lower learning_rate or raise warmup",
        )
        return (loss, {"logits": logits}) if return_outputs else loss

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:  # noqa: ARG002
        """Judges the network on the held-out passages; one process does, the others wait for it at the next step."""
        metrics: dict[str, float] = {}
        if self._on_evaluation is not None and self.is_world_process_zero():
            found = self._on_evaluation(self.state.global_step)
            metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
            self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _FirstPoint(TrainerCallback):
    """Judges the network before the first step; not sooner, for the trackers open their files when training begins."""

    def __init__(self, trainer: PretrainTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        if not state.global_step:
            self._trainer.evaluate()
