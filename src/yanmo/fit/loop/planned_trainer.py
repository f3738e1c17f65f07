"""The base class of all trainers here: transformers' Trainer over a run whose batches are planned ahead."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from .checkpoints import EvenSchedule, saying_how_to_go_on
from .precision import Precision, autocast
from .processes import uses_cpu
from .regularized_step import RegularizedStep
from .sampler import BatchPlan, PlannedBatches

__all__ = ["PlannedTrainer", "RunSettings"]


@runtime_checkable
class RunSettings(Protocol):
    """The settings every run has; see their classes."""

    @property
    def learning_rate(self) -> float: ...  # noqa: D102
    @property
    def warmup(self) -> float: ...  # noqa: D102
    @property
    def max_grad_norm(self) -> float: ...  # noqa: D102
    @property
    def precision(self) -> Precision: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def report_to(self) -> tuple[str, ...]: ...  # noqa: D102


class PlannedTrainer(Trainer):
    """The Trainer over one planned run; one epoch is the whole run, its evaluations and checkpoints evenly spread.

    Of several processes each takes, step by step, the next of the plan's batches or, where a batch has shares, its
    share of the same batch.

    Args:
        model: The network.
        settings: Rates, seed, precision, trackers.
        plan: The batches of the run.
        collate: Makes a batch of the plan's entries.
        n_entries: How many different entries there are.
        n_steps: Optimizer steps of the run.
        n_evaluations: How often ``evaluate`` is called; 0 never.
        n_checkpoints: How often the run is saved.
        regularized: Takes the place of the training step; None for the plain one.
        folder: Where checkpoints go.
        callbacks: More callbacks of transformers.
        n_shares: Shares every batch is cut into: 1, or the number of processes.
        **more: Further fields of ``TrainingArguments``.
    """

    def __init__(
        self,
        model: Any,
        *,
        settings: RunSettings,
        plan: BatchPlan,
        collate: Callable[[Any], Any],
        n_entries: int,
        n_steps: int,
        n_evaluations: int,
        n_checkpoints: int,
        regularized: RegularizedStep | None,
        folder: Path,
        callbacks: Sequence[TrainerCallback],
        n_shares: int = 1,
        **more: Any,
    ) -> None:
        self.regularized = regularized
        self._precision = settings.precision
        self._batches = PlannedBatches(plan, n_shares=n_shares)
        self._collate = collate
        self._entries = _Entries(n_entries)
        arguments = TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=1,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=round(n_steps * settings.warmup),
            max_grad_norm=settings.max_grad_norm,
            seed=settings.seed,
            logging_steps=max(1, min(20, n_steps // 10)),
            logging_nan_inf_filter=False,
            eval_strategy="steps" if n_evaluations else "no",
            eval_steps=n_steps,
            save_strategy="steps",
            save_steps=n_steps,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            disable_tqdm=True,
            report_to=list(settings.report_to),
            use_cpu=uses_cpu(),
            ddp_find_unused_parameters=False,
            # The plan has as many batches for each process, and none may be made up from others.
            accelerator_config={"even_batches": False},
            **more,
        )
        schedule = EvenSchedule(n_steps, n_evaluations=n_evaluations, n_checkpoints=n_checkpoints)
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=range(n_entries),
            eval_dataset=range(1) if n_evaluations else None,
            callbacks=[schedule, *callbacks],
        )
        autocast(self._precision, self.args.device)  # refuses now what the hardware lacks
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Returns the loader whose one pass is the whole run."""
        loader: DataLoader[Any] = self.accelerator.prepare(
            DataLoader(
                self._entries,  # type: ignore[arg-type]
                batch_sampler=self._batches,
                collate_fn=self._collate,
            )
        )
        return loader

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:  # noqa: ARG002
        """Returns the context that losses are computed in."""
        return autocast(self._precision, self.args.device)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Adds one batch's gradient, bent where the settings say so."""
        if self.regularized is not None:
            return self.regularized(self, model, inputs)
        return super().training_step(model, inputs, num_items_in_batch)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with saying_how_to_go_on(self.state.global_step, self.args.output_dir):
            super()._save_checkpoint(model, trial)
        # Every process writes its own random state; only then may the checkpoint count as whole.
        self.accelerator.wait_for_everyone()


class _Entries:
    """The plan's entries as a data set: entry ``i`` is ``i`` itself, in whatever epoch."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, entry: int) -> int:
        return entry
