"""Starting a run from a trained matcher instead of an encoder: its weights are taken over, task by task by name."""

from pathlib import Path

import torch
from torch import nn

from ...data.tasks import TaskSet
from ...encode import EncoderConfig
from ...errors import InputError
from ...match.architecture import Architecture, read_architecture
from ...match.decisions import MATCHING_FILE, MatchingFile
from ...match.engines.torch_engine import build_classifier, load_classifier
from ...match.folder import TORCH_FILE
from ...match.network.classifier import PairClassifier
from ...tokenize import TextNormalization
from .config import TrainConfig

__all__ = ["known_normalization", "known_tasks", "matcher_for_tasks", "settle_architecture"]


def known_tasks(folder: Path) -> tuple[str, ...]:
    """Gives the names of the tasks that the matcher in a folder was trained on; none if it holds an encoder.

    One task exported for transformers is a cross-encoder as any other.
    """
    if not (folder / MATCHING_FILE).exists():
        return ()
    matching = MatchingFile.load(folder)
    return () if "exported_task" in (matching.training or {}) else matching.task_set.names


def known_normalization(folder: Path) -> TextNormalization | None:
    """Gives the steps by which the matcher in a folder reads texts; None if it holds an encoder."""
    return MatchingFile.load(folder).normalization if (folder / MATCHING_FILE).exists() else None


def settle_architecture(base: Path, config: TrainConfig) -> TrainConfig:
    """Takes over how a matcher that a run starts from is built, where the settings do not say otherwise.

    Args:
        base: Folder of a matcher, or of an encoder, which settles nothing.
        config: The settings as they were made.

    Returns:
        The settings of the run.
    """
    if not known_tasks(base):
        return config
    built = read_architecture(MatchingFile.load(base).model, where=base / MATCHING_FILE)
    asked = {name: getattr(config.architecture, name) for name in config.architecture.model_fields_set}
    # What is not the matcher's is refused where it is loaded.
    return config.model_copy(update={"architecture": built.model_copy(update=asked)})


def matcher_for_tasks(
    folder: Path, architecture: Architecture, *, task_set: TaskSet
) -> tuple[PairClassifier, EncoderConfig]:
    """Loads a trained matcher's network and gives it the tasks it is to learn now.

    A task it knows by name keeps its vector, its bias and, where tasks have heads of their own, its head; the others'
    start as they would around an encoder. All else is as trained.

    Args:
        folder: The matcher's folder, as ``yanmo train`` writes it, or an export of it with ``model.onnx``.
        architecture: What the new run asks for.
        task_set: The new run's tasks.

    Returns:
        The network and its encoder's configuration.

    Raises:
        InputError: The matcher is built in another way, its folder is damaged, or its graph cannot be read back.
    """
    matching = MatchingFile.load(folder)
    built = read_architecture(matching.model, where=folder / MATCHING_FILE)
    for name in Architecture.model_fields:
        was, wanted = getattr(built, name), getattr(architecture, name)
        # What drops out while training is no part of the network.
        if was != wanted and name != "head_dropout_prob":
            as_written = [each.model_dump(mode="json")[name] for each in (built, architecture)]
            raise InputError(
                f"the matcher has architecture.{name} = {as_written[0]}, the settings ask for {as_written[1]}",
                where=folder,
                fix=f"set architecture.{name} to {as_written[0]}",
            )
    known = matching.task_set.names
    if (folder / TORCH_FILE).is_file():
        before, config = load_classifier(folder, built, n_tasks=len(known))
    else:
        from ...match.engines.graph_weights import classifier_of_graph

        before, config = classifier_of_graph(folder, built, n_tasks=len(known))
    model = build_classifier(config, architecture, n_tasks=len(task_set.tasks))
    old, new = before.state_dict(), model.state_dict()
    with torch.no_grad():
        for name, tensor in new.items():
            if name in ("task_bias", "task_vectors.weight", "side_vectors"):
                for index, task in enumerate(task_set.names):
                    if task in known:
                        tensor[index] = old[name][known.index(task)]
            elif isinstance(model.head, nn.ModuleList) and name.startswith("head."):
                _, place, within = name.split(".", 2)
                its = task_set.names[int(place)]
                if its in known:
                    tensor.copy_(old[f"head.{known.index(its)}.{within}"])
            elif name != "is_sided":
                tensor.copy_(old[name])
    return model, config
