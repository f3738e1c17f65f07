"""The torch engine: encoded pairs to logits, and a matcher's weights to and from a folder."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from ...atomic import replacing
from ...encode import (
    ConditionPlan,
    Encoder,
    EncoderConfig,
    KeyMap,
    TokenBatch,
    build_encoder,
    encoder_keymap,
    read_config,
    read_tensors,
)
from ...encode.strict_state import Says, account
from ...errors import InputError
from ...layers import (
    AlignmentHead,
    AttentionKernel,
    ClassificationHead,
    ConditionalLayerNorm,
    InteractionHead,
    LayerNorm,
    LinearTaylorAttention,
    MeanHead,
    PooledHead,
    TaylorAttention,
    mean_pool,
)
from ...tokenize import EncodedPair
from ...tokenize.batches import pad_pairs, sorted_batches
from ..architecture import Architecture, AttentionKind, HeadKind
from ..folder import TORCH_FILE, TORCH_FILES
from ..network.classifier import Head, PairClassifier
from ..network.staged_classifier import StagedClassifier
from .identity import EngineIdentity

__all__ = [
    "TorchEngine",
    "attention_kernel",
    "build_classifier",
    "classifier_around",
    "collate",
    "condition_plan",
    "load_classifier",
]

# Pairs of vectors scored at a time.
_VECTOR_PAIRS = 4096
# What the matcher adds to a base keeps its own names behind this prefix, beside the encoder's Hugging Face names.
_OWN = "matching."
_ONE_MODEL = "matching.json and weights must be of one model"
_SAYS = Says("this matcher", missing=_ONE_MODEL, unknown=_ONE_MODEL, misshapen=_ONE_MODEL, sizes="matching.json")


def build_classifier(config: EncoderConfig, architecture: Architecture, *, n_tasks: int) -> PairClassifier:
    """Builds a matcher's network with random weights.

    Args:
        config: The encoder's sizes and kinds.
        architecture: What is built around it.
        n_tasks: Number of tasks.

    Returns:
        The network.
    """
    encoder = build_encoder(
        config,
        condition=condition_plan(architecture),
        joint_from=architecture.joint_from,
        within=attention_kernel(architecture),
    )
    return classifier_around(encoder, config, architecture, n_tasks=n_tasks)


def condition_plan(architecture: Architecture) -> ConditionPlan | None:
    """Says which of an encoder's norms take the task's vector; None for a matcher without conditions."""
    first = architecture.conditional_from
    return None if first is None else ConditionPlan(architecture.condition_width, first_layer=first)


def attention_kernel(architecture: Architecture) -> AttentionKernel | None:
    """Gives the attention function that replaces softmax attention in every layer; None keeps softmax."""
    kind = architecture.attention
    if kind is AttentionKind.SOFTMAX:
        return None
    if kind is AttentionKind.LINEAR_TAYLOR:
        return LinearTaylorAttention()
    return TaylorAttention({AttentionKind.TAYLOR_2: 2, AttentionKind.TAYLOR_4: 4, AttentionKind.TAYLOR_6: 6}[kind])


def classifier_around(
    encoder: Encoder, config: EncoderConfig, architecture: Architecture, *, n_tasks: int
) -> PairClassifier:
    """Builds a matcher's network around an encoder that was built by the same architecture; the rest is random.

    Args:
        encoder: The encoder.
        config: Its sizes and kinds.
        architecture: What is built around it.
        n_tasks: Number of tasks.

    Returns:
        The network.
    """
    width = None if architecture.conditional_from is None else architecture.condition_width

    def head() -> Head:
        dropout_prob, inner = architecture.head_dropout_prob, architecture.head_width
        if architecture.head is HeadKind.POOLED:
            return PooledHead(config.width, dropout_prob=dropout_prob)
        if architecture.head is HeadKind.CLASSIFICATION:
            return ClassificationHead(config.width, dropout_prob=dropout_prob)
        if architecture.head is HeadKind.MEAN:
            return MeanHead(config.width, dropout_prob=dropout_prob)
        plain = width is None or architecture.separate_heads
        norm = LayerNorm(inner) if plain else ConditionalLayerNorm(inner, condition_width=architecture.condition_width)
        compares = AlignmentHead if architecture.head is HeadKind.ALIGNMENT else InteractionHead
        return compares(config.width, inner_width=inner, norm=norm, dropout_prob=dropout_prob)

    heads = [head() for _ in range(n_tasks)] if architecture.separate_heads else head()
    side_width = config.width if architecture.side_vectors else None
    return PairClassifier(encoder, heads, n_tasks=n_tasks, condition_width=width, side_width=side_width)


def load_classifier(folder: Path, architecture: Architecture, *, n_tasks: int) -> tuple[PairClassifier, EncoderConfig]:
    """Loads a matcher's network, strictly.

    Args:
        folder: Folder written by ``TorchEngine.save``.
        architecture: What its ``matching.json`` says.
        n_tasks: Number of tasks there.

    Returns:
        The network and its encoder's configuration.

    Raises:
        InputError: A tensor is missing, unknown, misshapen or not finite.
    """
    config = read_config(folder)
    keymap = encoder_keymap(config)
    with torch.device("meta"):
        model = build_classifier(config, architecture, n_tasks=n_tasks)
    ours = model.state_dict()
    named = {_name_in_folder(name, keymap): name for name in ours}
    tensors = read_tensors(folder)
    if architecture.head is HeadKind.ALIGNMENT:
        # Such heads had no distance beside the perceptron at first: none is a weight of zero.
        of_distance = [name for name in named if name.endswith("distance.weight")]
        tensors = {name: torch.zeros(1, 1) for name in of_distance} | tensors
    account(tensors, {name: ours[own] for name, own in named.items()}, where=folder, says=_SAYS)
    state = {own: tensors[name].to(torch.float32) for name, own in named.items()}
    model.load_state_dict(state, strict=True, assign=True)
    model.requires_grad_(True)
    return model, config


def collate(pairs: Sequence[EncodedPair], *, pad_id: int) -> TokenBatch:
    """Pads encoded pairs to one batch.

    Args:
        pairs: At least one pair.
        pad_id: Token id of padding.

    Returns:
        The batch, [batch, longest pair].
    """
    return TokenBatch(**{name: torch.from_numpy(field) for name, field in pad_pairs(pairs, pad_id=pad_id).items()})


class TorchEngine:
    """Scores encoded pairs with torch; on a CPU without padding and every distinct text and pair once.

    Args:
        classifier: The network; put in evaluation mode.
        config: Its encoder's configuration.
        device: Where to run; None leaves the network where it is.
        max_tokens: Largest number of rows times longest row in a batch.
    """

    files_in_folder = TORCH_FILES
    """Patterns of the files that hold its weights."""

    def __init__(
        self,
        classifier: PairClassifier,
        config: EncoderConfig,
        *,
        device: torch.device | str | None = None,
        max_tokens: int = 2048,
    ) -> None:
        self.classifier = classifier.eval() if device is None else classifier.eval().to(device)
        self.config = config
        self.max_tokens = max_tokens
        self._staged = StagedClassifier(self.classifier, max_tokens=max_tokens)

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """Scores pairs; each score is the same alone or in any company, to rounding.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each pair.

        Returns:
            One logit a pair in the given order, float32[n].

        Raises:
            InputError: A pair has more tokens than the encoder has positions.
        """
        self._check_length(pairs)
        device = self.classifier.task_bias.device
        if device.type == "cpu":
            return self._staged.logits(pairs, task_indices)
        # Elsewhere many small calls cost more than padding does.
        scores = np.empty(len(pairs), dtype=np.float32)
        with torch.inference_mode():
            for rows in sorted_batches([len(pair) for pair in pairs], max_tokens=self.max_tokens):
                batch = collate([pairs[i] for i in rows], pad_id=self.config.pad_id).to(device)
                tasks = torch.tensor([task_indices[i] for i in rows], device=device)
                scores[rows] = self.classifier(batch, tasks).float().cpu().numpy()
        return scores

    @property
    def has_vectors(self) -> bool:
        """Whether there are mean vectors of texts: a head that reads the first token only has none."""
        return not self.classifier.reads_first_token

    def logits_and_vectors(
        self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores pairs, and gives the mean vector of each text of each pair under its task.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each pair.

        Returns:
            One logit a pair and its texts' vectors in the given order, float32[n] and float32[n, 2, hidden].

        Raises:
            InputError: The head reads the first token only, so that there are no vectors of texts; or as ``logits``.
        """
        self._check_length(pairs)
        if self.classifier.reads_first_token:
            raise InputError(
                "this matcher's head reads the first token, and gives no vectors of texts", fix="learn from logits"
            )
        device = self.classifier.task_bias.device
        if device.type == "cpu":
            return self._staged.logits_and_vectors(pairs, task_indices)
        network, encoder = self.classifier, self.classifier.encoder
        scores = np.empty(len(pairs), dtype=np.float32)
        vectors = np.empty((len(pairs), 2, self.config.width), dtype=np.float32)
        with torch.inference_mode():
            for rows in sorted_batches([len(pair) for pair in pairs], max_tokens=self.max_tokens):
                batch = collate([pairs[i] for i in rows], pad_id=self.config.pad_id).to(device)
                tasks = torch.tensor([task_indices[i] for i in rows], device=device)
                condition = None if network.task_vectors is None else network.task_vectors(tasks)
                x = encoder.run(encoder.embed(batch, condition), batch, condition, first=0, last=len(encoder.blocks))
                logits = network.score_states(x, tasks, side=batch.side, mask=batch.mask)
                scores[rows] = logits.float().cpu().numpy()
                pooled = [mean_pool(x, batch.mask & (batch.side == i)) for i in (0, 1)]
                vectors[rows] = torch.stack(pooled, 1).float().cpu().numpy()
        return scores, vectors

    def _check_length(self, pairs: Sequence[EncodedPair]) -> None:
        limit = self.config.max_tokens
        longest = max((int(pair.position_ids.max()) + 1 for pair in pairs), default=0)
        if limit is not None and longest > limit:
            raise InputError(f"a pair has {longest} positions, the encoder {limit}", fix="lower the task's budget")

    def keep(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> int:
        """Runs the layers that see single texts over the texts of some pairs and keeps the results for later calls.

        Args:
            pairs: Encoded pairs; only their texts matter.
            task_indices: Task of each.

        Returns:
            Bytes kept altogether.

        Raises:
            InputError: The network is not on a CPU.
        """
        device = self.classifier.task_bias.device
        if device.type != "cpu":
            raise InputError(f"texts are kept on a CPU, the matcher is on {device}", fix="load it without a device")
        return self._staged.keep(pairs, task_indices)

    def vectors(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """Gives the mean vector of each text of each pair under its task.

        Args:
            pairs: Encoded pairs.
            task_indices: Task of each pair.

        Returns:
            The vectors in the given order, float32[n, 2, hidden].

        Raises:
            InputError: As ``logits_and_vectors``.
        """
        return self.logits_and_vectors(pairs, task_indices)[1]

    def score_vectors(
        self, first: NDArray[np.floating], second: NDArray[np.floating], task_indices: Sequence[int]
    ) -> NDArray[np.float32]:
        """Scores pairs by the vectors of their texts, as texts of one token each that the encoder has seen.

        Args:
            first: Vectors of the first texts, [n, hidden].
            second: Those of the second texts.
            task_indices: Task of each pair.

        Returns:
            One logit a pair, float32[n].

        Raises:
            InputError: The head reads more of the texts than their mean vectors.
        """
        head = self.classifier.head
        heads = head if isinstance(head, torch.nn.ModuleList) else [head]
        if not all(isinstance(each, InteractionHead) for each in heads):
            raise InputError(
                "the head reads more of two texts than a vector of each",
                fix="take a matcher with the interaction head, such as default",
            )
        device = self.classifier.task_bias.device
        logits = [np.empty(0, dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(task_indices), _VECTOR_PAIRS):
                part = slice(start, start + _VECTOR_PAIRS)
                both = np.stack([first[part], second[part]], 1).astype(np.float32)
                x, tasks = torch.from_numpy(both).to(device), torch.tensor(list(task_indices[part]), device=device)
                side = torch.tensor([[0, 1]], device=device).expand(len(x), 2)
                scored = self.classifier.score_states(x, tasks, side=side, mask=torch.ones_like(side, dtype=torch.bool))
                logits.append(scored.float().cpu().numpy())
        return np.concatenate(logits)

    def forget(self) -> None:
        """Frees the results that ``keep`` stored."""
        self._staged.forget()

    def identity(self) -> EngineIdentity:
        """Says which torch computes with which weights, whatever folder they came from."""
        digest = hashlib.sha256(json.dumps(self.config.to_hf(), sort_keys=True).encode())
        for name, tensor in sorted(self.classifier.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return EngineIdentity(f"torch {torch.__version__}", digest.hexdigest())

    def save(self, folder: Path) -> None:
        """Writes ``model.safetensors`` and ``config.json``; the encoder's tensors under their Hugging Face names.

        Args:
            folder: An existing folder.
        """
        keymap = encoder_keymap(self.config)
        tensors = {}
        for name, tensor in self.classifier.state_dict().items():
            tensors[_name_in_folder(name, keymap)] = tensor.detach().cpu().contiguous()
        with replacing(folder / TORCH_FILE) as temporary:
            save_file(tensors, temporary, metadata={"format": "pt"})
        with replacing(folder / "config.json") as temporary:
            temporary.write_text(json.dumps(self.config.to_hf(), indent=2) + "\n", encoding="utf-8")


def _name_in_folder(name: str, keymap: KeyMap) -> str:
    within = name.removeprefix("encoder.")
    return keymap.to_theirs(within) if within != name else f"{_OWN}{name}"
