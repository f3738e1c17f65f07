"""A base that scores pairs by itself, a cross-encoder: the settings under which a matcher starts from its scores."""

import json
from pathlib import Path

from ...encode import classifier_form, declared_labels, read_config, read_config_values
from ...errors import InputError
from ...match.architecture import AttentionKind, HeadKind
from ...tokenize import PairLayout
from .config import TrainConfig
from .start_from_matcher import known_tasks

__all__ = ["settle_head"]

_ALONE = "--set architecture.head=interaction to start from its encoder alone"


def settle_head(base: Path, config: TrainConfig) -> tuple[TrainConfig, str]:
    """Takes over the base's own head, where it has one and the settings name no other.

    A folder whose ``config.json`` names a sequence classifier has such a head. It reads both texts in one input, in
    sight of each other from the first layer: settings that were not made choose that, others are refused.

    Args:
        base: Hugging Face folder of an encoder or a cross-encoder, or a matcher's, which settles nothing.
        config: The settings as they were made.

    Returns:
        The settings of the run, and in one sentence what became of the base's head; empty where it has none.

    Raises:
        InputError: The head has several logits or a form that Yanmo does not know, the settings do not fit it, or they
            ask for one that the base has not.
    """
    if known_tasks(base):
        return config, ""
    own = config.architecture
    wanted = own.head is HeadKind.CLASSIFICATION
    values = read_config_values(base)
    labels = declared_labels(values)
    if labels is None:
        if wanted:
            raise InputError(
                f"architecture.head is classification, but config.json names no sequence classifier "
                f"({', '.join(values.get('architectures') or ['no architecture'])})",
                where=base,
                fix="--set architecture.head=pooled makes a new head for the first token",
            )
        return config, ""
    if "head" in own.model_fields_set and not wanted:
        return config, f"底座自带的打分头没有用上，因为 architecture.head={own.head.value}：底座的分数不是起点"
    model_type = read_config(base).model_type
    try:
        form = classifier_form(model_type, where=base)
    except InputError as error:
        raise InputError(error.problem, where=base, fix=f"{error.fix}, or {_ALONE}") from None
    if len(labels) != 1:
        named = ", ".join(labels[:5]) + (", …" if len(labels) > 5 else "")
        raise InputError(
            f"its classifier has {len(labels)} logits ({named}), and which of them is a match is not known",
            where=base,
            fix=f"{_ALONE}; to start from one of them, keep its row of {form.out}.weight and {form.out}.bias and its "
            "entry of id2label",
        )
    needed = {
        "n_layers": (config.n_layers, None),
        "architecture.layout": (own.layout.value, PairLayout.JOINT.value),
        "architecture.joint_from": (own.joint_from, 0),
        "architecture.attention": (own.attention.value, AttentionKind.SOFTMAX.value),
        "architecture.side_vectors": (own.side_vectors, False),
    }
    other = {name: values for name, values in needed.items() if values[0] != values[1]}
    if other:
        given = " and ".join(f"{name} is {_yaml(value)}" for name, (value, _) in other.items())
        settings = " ".join(f"--set {name}={_yaml(value)}" for name, (_, value) in other.items())
        raise InputError(
            f"its head ({form.name}) reads both texts in one input through all layers, but {given}",
            where=base,
            fix=f"{settings}, or {_ALONE}",
        )
    settled = own.model_copy(update={"head": HeadKind.CLASSIFICATION})
    note = f"每个任务从底座自己的分数开始（{form.name}，一个 logit）"
    return config.model_copy(update={"architecture": settled}), note


def _yaml(value: object) -> str:
    return json.dumps(value).strip('"')
