"""A cache of keys and values with spare room, so that old ones are not copied at every new token."""

from jaxtyping import Float
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["GrowingLayer", "growing_layer"]

# Tokens there is room for beyond those known: so many, and at least this share.
_MORE, _SHARE = 64, 0.5


class GrowingLayer(DynamicLayer):
    """A layer of transformers' dynamic cache with spare memory, into which new keys and values are written.

    What was handed out earlier keeps its values until the layer is cropped and filled again.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._room: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *_args: object, **_kwargs: object
    ) -> tuple[Float[Tensor, "batch heads seq head"], Float[Tensor, "batch heads seq head"]]:
        """Appends keys and values.

        Args:
            key_states: New keys [batch, heads, new, head].
            value_states: New values, of the same shape.
            *_args: Not used; other layers of transformers take more.
            **_kwargs: Likewise.

        Returns:
            All keys and values.
        """
        n_new = key_states.shape[-2]
        n_all = self.get_seq_length() + n_new
        key_room, value_room = self.extend(key_states[..., :0, :], n_new)
        key_room[..., n_all - n_new : n_all, :] = key_states
        value_room[..., n_all - n_new : n_all, :] = value_states
        return key_room[..., :n_all, :], value_room[..., :n_all, :]

    def extend(
        self, like: Float[Tensor, "batch heads 0 head"], n_new: int
    ) -> tuple[Float[Tensor, "batch heads room head"], Float[Tensor, "batch heads room head"]]:
        """Counts new tokens among those known; the caller writes their keys and values.

        Args:
            like: What keys look like, in all but their number.
            n_new: So many tokens.

        Returns:
            The memory of keys and of values, of which the known tokens are the first.
        """
        if not self.is_initialized:
            self.lazy_initialization(like, like)
        n_known = self.get_seq_length()
        n_all = n_known + n_new
        room = self._room
        if room is None or not self._fits(room[0], like, n_all):
            n_room = n_all + max(_MORE, int(_SHARE * n_all))
            shape = (*like.shape[:2], n_room, like.shape[3])
            room = self._room = like.new_empty(shape), like.new_empty(shape)
            if n_known and self.keys is not None and self.values is not None:
                room[0][..., :n_known, :], room[1][..., :n_known, :] = self.keys, self.values
        self.keys, self.values = room[0][..., :n_all, :], room[1][..., :n_all, :]
        return room

    def _fits(self, room: Tensor, like: Tensor, n_all: int) -> bool:
        # Keys are elsewhere after they were put in another order, as beam search does.
        known = self.keys
        at_home = known is None or known.numel() == 0 or known.data_ptr() == room.data_ptr()
        return at_home and room.shape[0] == like.shape[0] and n_all <= room.shape[2]


def growing_layer(cache: DynamicCache, index: int) -> GrowingLayer | None:
    """Gives a layer of a cache; a plain dynamic one is replaced by one that grows.

    Args:
        cache: The cache.
        index: The layer.

    Returns:
        The layer; None where the cache keeps its layers otherwise.
    """
    if type(cache) is not DynamicCache or cache.offloading:
        return None
    while len(cache.layers) <= index:
        cache.layers.append(GrowingLayer())
    layer = cache.layers[index]
    if type(layer) is DynamicLayer:
        grown = GrowingLayer()
        if layer.keys is not None and layer.values is not None and layer.keys.numel():
            grown.update(layer.keys, layer.values)
        cache.layers[index] = layer = grown
    return layer if isinstance(layer, GrowingLayer) else None
