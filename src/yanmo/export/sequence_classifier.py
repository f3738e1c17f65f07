"""One task of a matcher as an ordinary sequence classifier of transformers, which loads without Yanmo."""

import json
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import new_folder, replacing
from ..encode import CLASSIFIERS, EncoderConfig, encoder_keymap
from ..errors import InputError
from ..layers import ClassificationHead, PooledHead
from ..match.architecture import Architecture, AttentionKind, HeadKind
from ..match.decisions import Calibration, MatchingFile
from ..match.engines.learned_engine import trained_engine
from ..match.engines.torch_engine import TorchEngine
from ..match.folder import TORCH_FILE
from ..match.matcher import Matcher
from ..match.network.classifier import PairClassifier
from ..tokenize import PairLayout
from .folded import FoldedClassifier
from .transformers_tokenizer import write_pair_tokenizer

__all__ = [
    "classifier_config",
    "export_task",
    "one_task_only",
    "trained_index",
    "unlike_transformers",
    "write_task",
]

# Between the first token's vector and its last map every such classifier has a layer with a tanh, which a pooled head
# has not. tanh(x) = x to float32's last digit where x is this small, and a power of two rounds nothing: the layer gives
# the logit times 2^-14, the last map takes it back.
_SMALL = 2.0**-14


def export_task(matcher: Matcher, folder: Path, *, task: str) -> None:
    """Writes one task as a folder for ``AutoModelForSequenceClassification`` and ``CrossEncoder``; all or nothing.

    The condition is folded into the norms, ``weight + W_g c`` and ``bias + W_b c``, and the calibration into the last
    map, so that the sigmoid of the logit is the calibrated probability, to rounding.

    Args:
        matcher: A matcher with torch weights that attends jointly from the first layer, with a pooled head or the
            classification head of its base.
        folder: A folder that does not exist yet or is empty.
        task: Name of the task.

    Raises:
        InputError: There is no such task, the folder holds something, the matcher is an export, or transformers has
            no model of its architecture; the message names the settings.
    """
    with new_folder(folder) as temporary:
        write_task(matcher, temporary, task=task)


def write_task(matcher: Matcher, folder: Path, *, task: str) -> None:
    """Writes what ``export_task`` writes into a folder that exists; arguments as there."""
    engine = trained_engine(matcher.engine)
    if not isinstance(engine, TorchEngine):
        raise InputError("only a matcher with torch weights can be exported", fix="load the folder it was trained in")
    index, config = trained_index(matcher.matching, task), engine.config
    values = classifier_config(config)
    _refuse_others(
        Architecture.model_validate(matcher.matching.model), config, pad_id=matcher.pair_encoder.tokenizer.pad_id
    )
    calibration = matcher.matching.decision(task).calibration
    tensors = _tensors(engine.classifier, config, index=index, calibration=calibration)
    budget = matcher.matching.task_set.task(task).budget
    write_pair_tokenizer(
        matcher.pair_encoder,
        folder,
        budget=budget,
        limit=config.max_tokens,
        n_types=config.n_types,
    )
    with replacing(folder / TORCH_FILE) as temporary:
        save_file(tensors, temporary, metadata={"format": "pt"})
    with replacing(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    one_task_only(matcher.matching, task).save(folder)


def classifier_config(config: EncoderConfig) -> dict[str, Any]:
    """Gives the ``config.json`` of a sequence classifier with one logit.

    Args:
        config: The encoder's configuration.

    Returns:
        Its fields.

    Raises:
        InputError: transformers has no such classifier.
    """
    if config.model_type not in CLASSIFIERS:
        raise InputError(
            f"transformers has no {config.model_type.value} model",
            fix="export all tasks with yanmo export --onnx, which Yanmo reads, or take another base",
        )
    return config.to_hf() | {
        "architectures": [CLASSIFIERS[config.model_type].name],
        "id2label": {"0": "match"},
        "label2id": {"match": 0},
        "dtype": "float32",
    }


def trained_index(matching: MatchingFile, task: str) -> int:
    """Gives the index of a task whose scores are the network's own.

    Args:
        matching: The matcher's decision file.
        task: Name of the task.

    Returns:
        Its index.

    Raises:
        InputError: There is no such task, or it was learned from a few pairs and is computed from others' scores.
    """
    index = matching.task_set.index(task)
    if task in matching.learned:
        problem = f"'{task}' is learned: it is computed from {' and '.join(matching.learned[task].sources)}"
        raise InputError(problem, fix="export all tasks, without --task; Yanmo takes learned standards along")
    return index


def one_task_only(matching: MatchingFile, task: str) -> MatchingFile:
    """Gives the decision file of a folder whose logits are those of one task, calibrated already.

    Args:
        matching: The matcher's decision file.
        task: Name of the task.

    Returns:
        The task with its threshold; what the calibration was stands under ``training``, so that nobody applies it to
        calibrated logits again.
    """
    decision = matching.decision(task)
    origin = {"exported_task": task, "calibration_in_weights": decision.calibration.model_dump(mode="json")}
    return MatchingFile(
        task_set=matching.task_set.subset([task]),
        decisions={task: decision.model_copy(update={"calibration": Calibration()})},
        training={**(matching.training or {}), **origin},
    )


def unlike_transformers(architecture: Architecture) -> dict[str, tuple[str | int, str | int]]:
    """Says what in a matcher no classifier of transformers has.

    Args:
        architecture: How the matcher is built.

    Returns:
        Of each setting in the way its value and the one it would take, by its name; none for one that can be exported.

    Example:
        >>> unlike_transformers(Architecture())
        {'head': ('interaction', 'pooled')}
    """
    wanted: dict[str, tuple[str | int, str | int]] = {
        "layout": (architecture.layout.value, PairLayout.JOINT.value),
        "joint_from": (architecture.joint_from, 0),
        "attention": (architecture.attention.value, AttentionKind.SOFTMAX.value),
        "head": (architecture.head.value, HeadKind.POOLED.value),
    }
    return {name: values for name, values in wanted.items() if values[0] != values[1]}


def _refuse_others(architecture: Architecture, config: EncoderConfig, *, pad_id: int) -> None:
    other = unlike_transformers(architecture)
    if architecture.head is HeadKind.CLASSIFICATION and CLASSIFIERS[config.model_type].has_tanh:
        del other["head"]
    graph = "add --onnx, which writes any architecture as a graph with the same scores"
    if other:
        problems = " and ".join(f"architecture.{name} is {given}" for name, (given, _) in other.items())
        settings = " ".join(f"--set architecture.{name}={value}" for name, (_, value) in other.items())
        raise InputError(f"transformers has no such model: {problems}", fix=f"{graph}, or train with {settings}")
    if config.model_type.counts_positions_from_padding and pad_id != config.pad_id:
        raise InputError(
            f"in transformers {config.model_type.value} positions leave out pad_token_id {config.pad_id}, "
            f"but the tokenizer's padding is {pad_id}",
            fix=graph,
        )


def _tensors(
    classifier: PairClassifier, config: EncoderConfig, *, index: int, calibration: Calibration
) -> dict[str, Tensor]:
    folded = FoldedClassifier(classifier)
    keymap, tensors = encoder_keymap(config), {}
    widths = {name: parameter.ndim for name, parameter in classifier.encoder.state_dict().items()}
    for name, tensor in folded.encoder.state_dict().items():
        # A folded norm has one row a task where the plain one has one.
        own = tensor[index] if tensor.ndim > widths[name] else tensor
        tensors[keymap.prefix + keymap.to_theirs(name)] = own.contiguous()
    head = folded.head[index] if isinstance(folded.head, torch.nn.ModuleList) else folded.head
    if not isinstance(head, PooledHead | ClassificationHead):
        raise InputError(f"the head is {type(head).__name__}, matching.json says another", fix="get the folder again")
    # In float64, so that calibrating rounds once.
    weight = head.out.weight.double()[0] * calibration.scale
    bias = (head.out.bias.double() + folded.task_bias[index].double()) * calibration.scale + calibration.bias
    form = CLASSIFIERS[config.model_type]
    if isinstance(head, ClassificationHead):
        made = {**head.dense.state_dict(prefix="dense."), "out.weight": weight.float()[None], "out.bias": bias.float()}
    else:
        made = _linear_as_classifier(weight, bias, has_tanh=form.has_tanh)
    return tensors | {theirs: made[ours] for ours, theirs in form.tensor_names(keymap.prefix).items()}


def _linear_as_classifier(
    weight: Float[Tensor, " hidden"], bias: Float[Tensor, " 1"], *, has_tanh: bool
) -> dict[str, Tensor]:
    width = len(weight)
    dense, dense_bias = torch.zeros(width, width), torch.zeros(width)
    out = torch.zeros(1, width)
    if has_tanh:
        dense[0], dense_bias[0], out[0, 0] = weight * _SMALL, bias[0] * _SMALL, 1 / _SMALL
    else:
        # RoFormer's has the activation f of its blocks, and f(x) - f(-x) = x for GELU and ReLU alike.
        dense[:2], dense_bias[:2] = torch.stack([weight, -weight]), torch.stack([bias[0], -bias[0]])
        out[0, 0], out[0, 1] = 1.0, -1.0
    return {"dense.weight": dense, "dense.bias": dense_bias, "out.weight": out, "out.bias": torch.zeros(1)}
