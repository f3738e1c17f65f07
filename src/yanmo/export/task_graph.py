"""One task of a matcher of any architecture as a graph with the inputs of transformers' sequence classifiers."""

import json
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..atomic import new_folder
from ..errors import InputError
from ..match.architecture import Architecture
from ..match.decisions import Calibration
from ..match.engines.learned_engine import trained_engine
from ..match.engines.torch_engine import TorchEngine
from ..match.folder import ONNX_FILE
from ..match.matcher import Matcher
from ..tokenize import PairLayout
from .folded import FoldedClassifier
from .onnx_export import save_graph, trace
from .sequence_classifier import classifier_config, one_task_only, trained_index
from .stored_weights import store_weights
from .transformers_tokenizer import write_pair_tokenizer
from .weight_plan import WeightPlan

__all__ = ["export_task_graph", "write_task_graph"]

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_task_graph(matcher: Matcher, folder: Path, *, task: str, plan: WeightPlan) -> None:
    """Writes one task as a folder for ``CrossEncoder(folder, backend="onnx")``; all of it or nothing.

    What transformers has no model for (texts that attend to themselves only, heads that compare two sides) is in the
    graph, and how two texts stand in one input is in ``tokenizer.json``, so that nothing of Yanmo is needed.

    Args:
        matcher: A matcher with torch weights.
        folder: A folder that does not exist yet or is empty.
        task: Name of the task.
        plan: The form of each part's weights.

    Raises:
        InputError: There is no such task, the folder holds something, the matcher is an export, or transformers
            cannot read its tokenizer or configuration.
        MissingExtraError: The exporter's packages are not installed.
    """
    with new_folder(folder) as temporary:
        write_task_graph(matcher, temporary, task=task, plan=plan)


def write_task_graph(matcher: Matcher, folder: Path, *, task: str, plan: WeightPlan) -> None:
    """Writes what ``export_task_graph`` writes into a folder that exists; arguments as there."""
    engine = trained_engine(matcher.engine)
    if not isinstance(engine, TorchEngine):
        raise InputError("only a matcher with torch weights can be exported", fix="load the folder it was trained in")
    index, config = trained_index(matcher.matching, task), engine.config
    values = classifier_config(config)
    budget = matcher.matching.task_set.task(task).budget
    write_pair_tokenizer(
        matcher.pair_encoder,
        folder,
        budget=budget,
        limit=config.max_tokens,
        types_are_sides=True,
    )
    folded = FoldedClassifier(engine.classifier)
    store_weights(folded, plan)
    architecture = Architecture.model_validate(matcher.matching.model)
    joint = architecture.layout is PairLayout.JOINT
    model = _OneTask(
        folded,
        index=index,
        calibration=matcher.matching.decision(task).calibration,
        positions_restart=not joint,
        has_types=joint and matcher.pair_encoder.tokenizer.n_between == 1,
    )
    example = (
        torch.zeros(2, 6, dtype=torch.int64),
        torch.ones(2, 6, dtype=torch.int64),
        torch.tensor([[0, 0, 0, 1, 1, 1]] * 2),
    )
    save_graph(trace(model, example, [*_INPUTS], ["logits"]), folder / ONNX_FILE)
    (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    one_task_only(matcher.matching, task).save(folder)


class _OneTask(nn.Module):
    def __init__(
        self,
        folded: FoldedClassifier,
        *,
        index: int,
        calibration: Calibration,
        positions_restart: bool,
        has_types: bool,
    ) -> None:
        super().__init__()
        self.folded = folded
        self.index = index
        self.calibration = calibration
        self.positions_restart = positions_restart
        self.has_types = has_types

    def forward(
        self,
        input_ids: Int[Tensor, "batch seq"],
        attention_mask: Int[Tensor, "batch seq"],
        token_type_ids: Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "batch 1"]:
        side, kept = token_type_ids, attention_mask
        positions = torch.ones_like(input_ids).cumsum(1) - 1
        if self.positions_restart:
            positions = positions - side * (kept * (1 - side)).sum(1, keepdim=True)
        logit = self.folded(
            input_ids,
            side if self.has_types else torch.zeros_like(side),
            # Padding may reach further than the table does.
            positions * kept,
            side,
            kept > 0,
            torch.full_like(input_ids[:, 0], self.index),
        )
        calibrated: Tensor = logit * self.calibration.scale + self.calibration.bias
        return calibrated[:, None]
