"""The loop of siamese text vectors: transformers' Trainer over planned batches of two views."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ..encode import Encoder, TokenBatch
from ..match.byol import Byol
from ..match.simsiam import SimSiam
from ..match.two_views import TwoViews
from ..probe import CollapseAlarm, CollapseLimits
from .checkpoints import EvenSchedule, saying_how_to_go_on
from .collapse_watch import CollapseWatch
from .diverged import refuse_divergence
from .regularized_step import regularized_step
from .sampler import BatchPlan, PlannedBatches
from .siamese_network import vector_groups
from .vectors_config import VectorConfig
from .vectors_texts import ViewMaker

__all__ = ["COLLAPSE_FILE", "VectorTrainer"]

COLLAPSE_FILE = "collapse.jsonl"
"""A line for every reading, in the run's folder."""
_AVERAGE, _WATCH = "average.safetensors", "collapse_watch.json"
_FIELDS = tuple(TokenBatch.__dataclass_fields__)


class VectorTrainer(Trainer):
    """Trains a `SimSiam` or `Byol` on one planned run; one epoch of the Trainer is the whole run.

    Args:
        network: The network; what is frozen does not require a gradient.
        config: The settings.
        encoder: The encoder within the network.
        plan: The batches of the run.
        batches: Makes them.
        folder: Where checkpoints and readings go.
        say: Told about alarms.
        callbacks: More callbacks of transformers.
    """

    def __init__(
        self,
        network: SimSiam | Byol,
        config: VectorConfig,
        *,
        encoder: Encoder,
        plan: BatchPlan,
        batches: ViewMaker,
        folder: Path,
        say: Callable[[str], None],
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        self.network = network
        self.config = config
        self.plan = plan
        self.batches = batches
        self.newest: TwoViews | None = None
        self.regularized = regularized_step(
            config.regularizers, model=network, encoder=encoder, rows_per_batch=plan.pairs_per_batch
        )
        n_steps = len(plan.batches)
        arguments = TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=1,
            learning_rate=config.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=round(n_steps * config.warmup),
            max_grad_norm=config.max_grad_norm,
            seed=config.seed,
            logging_steps=max(1, min(20, n_steps // 10)),
            logging_nan_inf_filter=False,
            save_strategy="steps",
            save_steps=n_steps,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            disable_tqdm=True,
            report_to=list(config.report_to),
        )
        schedule = EvenSchedule(n_steps, n_evaluations=0, n_checkpoints=config.n_checkpoints)
        super().__init__(
            model=network, args=arguments, train_dataset=range(len(batches.texts)), callbacks=[schedule, *callbacks]
        )
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False
        probe = config.collapse
        self.watch = CollapseWatch(
            self,
            source=self._vectors,
            alarm=CollapseAlarm(patience=probe.patience),
            limits=CollapseLimits(std=probe.std, effective_rank=probe.effective_rank),
            action=probe.action,
            every=probe.every,
            slow_factor=probe.slow_factor,
            file=folder / COLLAPSE_FILE,
            say=say,
        )
        self.add_callback(self.watch)
        if isinstance(network, Byol):
            self.add_callback(_Following(network))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ARG002
        """Makes AdamW over the groups of ``vector_groups``."""
        if self.optimizer is None:
            groups = vector_groups(self.network, self.config)
            self.optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate, fused=True)
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Returns the loader whose one pass is the whole run."""
        loader: DataLoader[Any] = self.accelerator.prepare(
            DataLoader(
                _Entries(),  # type: ignore[arg-type]
                batch_sampler=PlannedBatches(self.plan),
                collate_fn=self.batches,
            )
        )
        return loader

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Adds one batch's gradient, bent where the settings say so."""
        if self.regularized is not None:
            return self.regularized(self, model, inputs)
        return super().training_step(model, inputs, num_items_in_batch)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """Compares the batch's views and keeps their vectors for the probe."""
        batch = TokenBatch(*(inputs[name] for name in _FIELDS))
        self.newest = found = model(batch)
        refuse_divergence(
            found.loss,
            step=self.state.global_step + 1,
            model=self.network,
            run=lambda: self.network(batch),
            fix="lower learning_rate or heads.learning_rate, or raise warmup",
        )
        return (found.loss, {}) if return_outputs else found.loss

    def _vectors(self) -> dict[str, tuple[Tensor, Tensor]]:
        found = self.newest
        return {} if found is None else {"vectors": found.vectors, "projections": found.projections}

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with saying_how_to_go_on(self.state.global_step, self.args.output_dir):
            super()._save_checkpoint(model, trial)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        (Path(output_dir) / _WATCH).write_text(json.dumps(self.watch.state()), encoding="utf-8")
        if isinstance(self.network, Byol):
            save_file(self.network.average_values(), Path(output_dir) / _AVERAGE)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        self.watch.load(json.loads((Path(checkpoint) / _WATCH).read_text(encoding="utf-8")))
        if isinstance(self.network, Byol):
            self.network.load_average(load_file(Path(checkpoint) / _AVERAGE))


class _Following(TrainerCallback):
    """Moves BYOL's average after every optimizer step."""

    def __init__(self, network: Byol) -> None:
        self._network = network

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self._network.update(state.global_step)


class _Entries:
    """The plan's entries as a data set: entry ``i`` is ``i`` itself, in whatever epoch."""

    def __getitem__(self, entry: int) -> int:
        return entry
