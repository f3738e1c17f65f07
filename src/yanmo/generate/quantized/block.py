"""A layer of a quantized GPT-2: one token by compiled steps, anything else as transformers computes it."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import Cache, DynamicCache, GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

from .growing_cache import GrowingLayer, growing_layer
from .one_token import OneToken

__all__ = ["QuantizedBlock"]


class QuantizedBlock(GPT2Block):  # type: ignore[no-untyped-call]
    """GPT-2's layer with its parts under the same names.

    One new token after others costs dozens of small operations beside the four products, and each takes far longer than
    its arithmetic: the weights that stream by drive everything else out of the caches. So it goes through `OneToken`.
    The parts of the layer are not called then, and hooks on them see nothing; under a mask, as with padding or where
    attentions are asked for, in training, or with another activation, they are called.

    Args:
        config: The model's sizes.
        layer_idx: Which layer.
    """

    def __init__(self, config: GPT2Config, layer_idx: int) -> None:
        super().__init__(config, layer_idx)  # type: ignore[no-untyped-call]
        self._one_token: OneToken | None = None
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]

    def forward(  # type: ignore[override]
        self,
        hidden_states: Float[Tensor, "batch seq hidden"],
        past_key_values: Cache | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        **kwargs: Any,
    ) -> Float[Tensor, "batch seq hidden"]:
        """Computes the layer.

        Args:
            hidden_states: What comes from the layer below.
            past_key_values: Keys and values of earlier tokens; those of these tokens are added.
            attention_mask: What is added to attention scores.
            encoder_hidden_states: None, unless the model attends to an encoder, which this one does not.
            **kwargs: Handed on to transformers' layer.

        Returns:
            Hidden states.
        """
        known = None
        if isinstance(past_key_values, DynamicCache):
            known = growing_layer(past_key_values, self.attn.layer_idx)
        is_one = hidden_states.shape[:2] == (1, 1) and attention_mask is None and encoder_hidden_states is None
        is_plain = isinstance(self.mlp.act, nn.GELU) and not (self.training or hidden_states.requires_grad)
        if known is not None and is_one and is_plain:
            return self._step(hidden_states, known)
        hidden: Tensor = super().forward(
            hidden_states,  # type: ignore[arg-type]
            past_key_values,
            attention_mask,
            encoder_hidden_states,
            **kwargs,
        )
        return hidden

    def _step(self, hidden_states: Tensor, known: GrowingLayer) -> Tensor:
        if self._one_token is None:
            self._one_token = OneToken(self)
        x = hidden_states.flatten().numpy().copy()
        like = hidden_states.view(1, self.attn.num_heads, 1, self.attn.head_dim)[:, :, :0]
        keys, values = known.extend(like, 1)
        self._one_token(x, keys[0].numpy(), values[0].numpy(), known.get_seq_length())
        return torch.from_numpy(x).view_as(hidden_states)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "QuantizedBlock":
        _forget(self)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _forget(block: QuantizedBlock, _keys: object = None) -> None:
    """Drops the compiled steps of the layer, whose weights have changed or will."""
    block._one_token = None
