"""The training loop: transformers' Trainer over planned batches, with our loss, average of weights and checkpoints."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import EarlyStoppingCallback, TrainerCallback

from ...data.tasks import TaskSet
from ...encode import TokenBatch
from ...evaluate import Judgement, TaskScores, judge_across_halves
from ...match.network.classifier import PairClassifier
from ...regularize import WeightAverage
from ...tokenize.batches import sorted_batches
from ..loop.averaging import Averaging
from ..loop.diverged import refuse_divergence
from ..loop.planned_trainer import PlannedTrainer
from ..loop.processes import Processes
from ..loop.regularized_step import regularized_step
from ..loop.sampler import BatchPlan, share_size
from .config import LossKind, TrainConfig
from .examples import BatchMaker
from .losses import focal_loss, weighted_cross_entropy
from .parameters import parameter_groups

__all__ = ["MatchingTrainer"]

_AVERAGE = "average.safetensors"
_FIELDS = tuple(TokenBatch.__dataclass_fields__)


class MatchingTrainer(PlannedTrainer):
    """Trains a `PairClassifier` on one planned run; one epoch of the Trainer is the whole run.

    With several processes each takes its share of every batch, so that the gradient is one process's, to rounding.

    Args:
        model: The network; what is frozen does not require a gradient.
        config: The settings.
        plan: The batches of the run.
        batches: Makes the training batches.
        validation: Makes the batches that are evaluated; None evaluates nothing.
        task_set: The tasks.
        positive_weights: Weight of a match in the loss, by task index.
        frozen_layers: The block that the batches' ``states`` are the input of.
        folder: Where checkpoints go.
        on_evaluation: Told the step and the judgement after every evaluation, in the first process.
        processes: Those that train together.
        callbacks: More callbacks of transformers.
    """

    def __init__(
        self,
        model: PairClassifier,
        config: TrainConfig,
        *,
        plan: BatchPlan,
        batches: BatchMaker,
        validation: BatchMaker | None,
        task_set: TaskSet,
        positive_weights: Tensor,
        frozen_layers: int,
        folder: Path,
        on_evaluation: Callable[[int, Judgement], None],
        processes: Processes,
        callbacks: list[TrainerCallback],
    ) -> None:
        self.classifier = model
        self.config = config
        self.plan = plan
        self.batches = batches
        self.validation = validation
        self.task_set = task_set
        self.frozen_layers = frozen_layers
        self.processes = processes
        self.average = None if config.average_decay is None else WeightAverage(model, decay=config.average_decay)
        self._positive_weights = positive_weights
        self._on_evaluation = on_evaluation
        extra: list[TrainerCallback] = []
        patience = config.patience if validation is not None else None
        if patience is not None:
            extra.append(EarlyStoppingCallback(patience))
        if self.average is not None:
            extra.append(Averaging(self.average))
        super().__init__(
            model,
            settings=config,
            plan=plan,
            collate=batches,
            n_entries=len(batches.examples),
            n_steps=len(plan.batches),
            n_evaluations=0 if validation is None else config.n_evaluations,
            n_checkpoints=config.n_saves,
            regularized=regularized_step(
                config.regularizers, model=model, encoder=model.encoder, rows_per_batch=plan.pairs_per_batch
            ),
            folder=folder,
            callbacks=extra + callbacks,
            n_shares=processes.count,
            metric_for_best_model=None if patience is None else "eval_f1",
            greater_is_better=None if patience is None else True,
        )

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ARG002
        """Makes AdamW over the groups of ``parameter_groups``."""
        if self.optimizer is None:
            config = self.config
            groups = parameter_groups(
                self.classifier,
                rate=config.learning_rate,
                new_rate=config.head_rate,
                layer_decay=config.layer_decay,
                weight_decay=config.weight_decay,
            )
            self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

    def train(
        self, resume_from_checkpoint: str | bool | None = None, trial: Any = None, ignore_keys_for_eval: Any = None
    ) -> Any:
        """Trains, after an evaluation at step 0 where the settings ask for one and the run begins there."""
        wanted = self.validation is not None and self.config.evaluate_start
        self.args.eval_on_start = wanted and resume_from_checkpoint is None
        return super().train(resume_from_checkpoint, trial, ignore_keys_for_eval)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """Sums the losses of a batch's pairs and divides by the plan's mean batch size.

        Gradients and logged losses are means over processes, so a process's share counts as often as there are some.
        """
        logits = self._logits(model, inputs)
        labels = inputs["labels"]
        weight = self._positive_weights.to(labels.device)[inputs["tasks"]]
        if self.config.loss is LossKind.FOCAL:
            each = focal_loss(logits, labels, weight, gamma=self.config.focal_gamma)
        else:
            each = weighted_cross_entropy(logits, labels, weight, smoothing=self.config.label_smoothing)
        n_own = share_size(
            len(self.plan.batches[self.state.global_step]),
            share=self.processes.rank,
            n_shares=self.processes.count,
        )
        loss = each[:n_own].sum() * self.processes.count / self.plan.pairs_per_batch
        refuse_divergence(
            loss,
            step=self.state.global_step + 1,
            model=self.classifier,
            run=lambda: self._logits(self.classifier, inputs),
            fix="lower learning_rate or new_learning_rate, or raise warmup",
        )
        return (loss, {"logits": logits}) if return_outputs else loss

    def evaluate(self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval") -> Any:  # noqa: ARG002
        """Judges the (averaged) weights on the validation pairs, every threshold chosen on the other half."""
        # In the precision of training: only what is kept in the end is judged in float32.
        averaged = nullcontext() if self.average is None else self.average.in_place()
        with averaged, self.autocast_smart_context_manager():
            judgement = judge_across_halves(self.scores(), n_bootstrap=200)
        metrics = {f"{metric_key_prefix}_f1": judgement.official.f1}
        metrics |= {f"{metric_key_prefix}_{name}_f1": value for name, value in judgement.official.standards.items()}
        for name, report in judgement.tasks.items():
            metrics[f"{metric_key_prefix}_{name}_f1"] = report.f1
            metrics[f"{metric_key_prefix}_{name}_auc"] = float("nan") if report.auc is None else report.auc
        self.log(dict(metrics))
        if self.processes.is_first:
            self._on_evaluation(self.state.global_step, judgement)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def scores(self) -> list[TaskScores]:
        """Scores the validation pairs with the weights as they are; every process must call it, and scores some.

        Returns:
            Labels and logits of each task that has validation pairs.

        Raises:
            InputError: A logit is not finite.
        """
        if self.validation is None:
            return []
        examples = self.validation.examples
        # The rows that others score stay zero here, so that the sum over processes has each row's score.
        logits = torch.zeros(len(examples))
        batches = list(sorted_batches(examples.lengths, max_tokens=2 * self.config.max_tokens))
        model = self.classifier.eval()
        with torch.inference_mode():
            for rows in batches[self.processes.rank :: self.processes.count]:
                inputs = self._prepare_inputs(self.validation(rows))
                logits[rows] = self._logits(model, inputs).float().cpu()
        model.train()
        if self.processes.count > 1:
            logits = self.accelerator.reduce(logits.to(self.args.device), reduction="sum").cpu()
        return examples.by_task(logits.numpy(), self.task_set)

    def finish(self) -> int:
        """Puts the weights to keep into the network: the average, and the best checkpoint where there is patience.

        Returns:
            The step they come from.
        """
        best = self.state.best_model_checkpoint
        if best is not None and self.state.best_global_step != self.state.global_step:
            self.classifier.load_state_dict(load_file(Path(best) / "model.safetensors"))
            if self.average is not None:
                self.average.load(load_file(Path(best) / _AVERAGE))
        if self.average is not None:
            self.average.keep()
        return int(self.state.best_global_step or self.state.global_step)

    def _logits(self, model: Any, inputs: dict[str, Tensor]) -> Tensor:
        batch = TokenBatch(*(inputs[name] for name in _FIELDS))
        states = inputs.get("states")
        logits: Tensor = model(batch, inputs["tasks"], states=states, first_layer=self.frozen_layers)
        return logits

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self.average is not None and self.args.should_save:
            save_file(self.average.values, Path(output_dir) / _AVERAGE)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self.average is not None:
            self.average.load(load_file(Path(checkpoint) / _AVERAGE))
