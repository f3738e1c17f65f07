"""The loop of siamese text vectors: transformers' Trainer over planned batches of two views."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback

from ...encode import Encoder, TokenBatch
from ...probe import CollapseAlarm
from ...vectors.byol import Byol
from ...vectors.simsiam import SimSiam
from ...vectors.two_views import TwoViews
from ..loop.averaging import Averaging
from ..loop.diverged import refuse_divergence
from ..loop.planned_trainer import PlannedTrainer
from ..loop.regularized_step import regularized_step
from ..loop.sampler import BatchPlan
from .collapse_watch import CollapseWatch
from .config import VectorConfig
from .network import vector_groups
from .views import ViewMaker

__all__ = ["COLLAPSE_FILE", "VectorTrainer"]

COLLAPSE_FILE = "collapse.jsonl"
"""A line for every reading, in the run's folder."""
_AVERAGE, _WATCH = "average.safetensors", "collapse_watch.json"
_FIELDS = tuple(TokenBatch.__dataclass_fields__)


class VectorTrainer(PlannedTrainer):
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
        super().__init__(
            network,
            settings=config,
            plan=plan,
            collate=batches,
            n_entries=len(batches.texts),
            n_steps=len(plan.batches),
            n_evaluations=0,
            n_checkpoints=config.n_checkpoints,
            regularized=regularized_step(
                config.regularizers, model=network, encoder=encoder, rows_per_batch=plan.pairs_per_batch
            ),
            folder=folder,
            callbacks=callbacks,
        )
        probe = config.collapse
        self.watch = CollapseWatch(
            self,
            source=self._vectors,
            alarm=CollapseAlarm(patience=probe.patience),
            limits=probe.limits,
            action=probe.action,
            every=probe.every,
            slow_factor=probe.slow_factor,
            file=folder / COLLAPSE_FILE,
            say=say,
        )
        self.add_callback(self.watch)
        if isinstance(network, Byol):
            self.add_callback(Averaging(network))

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ARG002
        """Makes AdamW over the groups of ``vector_groups``."""
        if self.optimizer is None:
            groups = vector_groups(self.network, self.config)
            self.optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate, fused=True)
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

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
