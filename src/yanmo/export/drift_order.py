"""Which matrices of a matcher suffer most from rounding: a first-order estimate for all of them in one pass."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError
from ..match.engines.learned_engine import trained_engine
from ..match.engines.torch_engine import TorchEngine, collate
from ..match.matcher import Matcher
from ..tokenize import EncodedPair, PairBudget
from ..tokenize.batches import sorted_batches
from .block_weights import quantize_blocks, restore_blocks
from .channel_int8 import CHANNEL_LIMIT
from .folded import FoldedClassifier
from .row_int8 import ROW_LIMIT, quantize_channels, round_tokens
from .stored_weights import rounded_linears
from .weight_plan import WeightForm, WeightPlan

__all__ = ["linears_by_drift"]

# Tokens of a batch: every layer's error and gradient are held at once.
_MAX_TOKENS = 1024
# Forms with one scale an output channel and one a token, and their largest weight.
_BY_CHANNEL = {
    WeightForm.INT8_ROWS: ROW_LIMIT,
    WeightForm.INT4_ROWS: ROW_LIMIT,
    WeightForm.INT8_CHANNELS: CHANNEL_LIMIT,
}


def linears_by_drift(
    matcher: Matcher, texts: Mapping[str, Sequence[tuple[str, str]]], *, plan: WeightPlan
) -> list[tuple[str, float]]:
    """Orders the linear layers that a plan rounds by how far each alone moves the logits.

    With ``y`` a layer's output and ``y'`` its output by rounded weights and activations, the logit moves by
    ``<d logit / d y, y' - y>`` to first order: one pass forward and back tells it for every layer at once.

    Args:
        matcher: A matcher with torch weights; left as it is.
        texts: Some pairs under each task, by its name; a few dozen show the order.
        plan: The form of each part.

    Returns:
        Name within ``FoldedClassifier`` and mean absolute change of the logit, the largest first.

    Raises:
        InputError: The matcher is an export.
    """
    engine = trained_engine(matcher.engine)
    if not isinstance(engine, TorchEngine):
        raise InputError("only a matcher with torch weights can be exported", fix="load the folder it was trained in")
    model = FoldedClassifier(engine.classifier)
    watched = {name: _Watched(layer, form) for name, (layer, form) in rounded_linears(model, plan).items()}
    if not watched:
        return []
    sums = dict.fromkeys(watched, 0.0)
    pairs, indices = _encode(matcher, texts)
    for rows in sorted_batches([len(pair) for pair in pairs], max_tokens=_MAX_TOKENS):
        batch = collate([pairs[i] for i in rows], pad_id=engine.config.pad_id)
        tasks = torch.tensor([indices[i] for i in rows])
        fields = (batch.token_ids, batch.type_ids, batch.position_ids, batch.side, batch.mask)
        model(*fields, tasks).sum().backward()
        for name, each in watched.items():
            sums[name] += each.moved()
    found = [(name, total / max(len(pairs), 1)) for name, total in sums.items()]
    return sorted(found, key=lambda entry: -entry[1])


def _encode(matcher: Matcher, texts: Mapping[str, Sequence[tuple[str, str]]]) -> tuple[list[EncodedPair], list[int]]:
    pairs, indices = [], []
    for name, chosen in texts.items():
        budget = matcher.matching.task_set.task(name).budget
        limits = PairBudget(budget.left, budget.right, head=budget.head)
        pairs += matcher.pair_encoder.encode_batch(chosen, budgets=limits)
        how = matcher.matching.learned.get(name)
        # Of a learned standard the network computes its sources.
        index = matcher.matching.task_set.index(name if how is None else how.sources[0])
        indices += [index] * len(chosen)
    return pairs, indices


class _Watched:
    """One layer's rounding error, and a place for the gradient at its output."""

    def __init__(self, layer: nn.Linear, form: WeightForm) -> None:
        self._form = form
        self._weight = _rounded_weight(layer, form)
        self._error = self._probe = torch.zeros(())
        layer.register_forward_hook(self._watch)

    def _watch(self, layer: nn.Linear, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        with torch.no_grad():
            exact = nn.functional.linear(_rounded_input(inputs[0], self._form), self._weight, layer.bias)
            self._error = exact - output
        self._probe = torch.zeros_like(output, requires_grad=True)
        return output + self._probe

    def moved(self) -> float:
        """Sum over the batch's pairs of what the error moves the logit by."""
        gradient = self._probe.grad
        if gradient is None:
            return 0.0
        return float((gradient * self._error).flatten(1).sum(-1).abs().sum())


def _rounded_weight(layer: nn.Linear, form: WeightForm) -> Float[Tensor, "out in"]:
    weight: Tensor = layer.weight
    if form not in _BY_CHANNEL or form is WeightForm.INT4_ROWS:
        of_blocks = WeightForm.INT4 if form is WeightForm.INT4_ROWS else form
        weight = restore_blocks(*quantize_blocks(weight, of_blocks), of_blocks, n_columns=layer.in_features)
    if form not in _BY_CHANNEL:
        return weight
    codes, scales = quantize_channels(weight, limit=_BY_CHANNEL[form])
    return codes.to(torch.float32) * scales[:, None]


def _rounded_input(x: Tensor, form: WeightForm) -> Tensor:
    if form in _BY_CHANNEL:
        tokens, scale = round_tokens(x)
        return tokens * scale
    n_columns = x.shape[-1]
    blocks = nn.functional.pad(x, (0, -n_columns % form.block)).reshape(*x.shape[:-1], -1, form.block)
    tokens, scale = round_tokens(blocks)
    return (tokens * scale).flatten(-2)[..., :n_columns]
