"""The states of layers that do not learn, computed once per distinct text and kept in a file.

Below the first joint layer a text's states do not depend on the text beside it. Where these layers are frozen too,
every epoch would compute the same numbers again; here they are read from a float16 file instead.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ..encode import Encoder, EncoderConfig, TokenBatch
from ..errors import InputError
from ..match.torch_engine import sorted_batches
from ..tokenize import EncodedPair

__all__ = ["FrozenStates", "compute_states"]

_BYTES = 2  # of a float16


class FrozenStates:
    """States of texts at one layer, read from a file.

    Args:
        file: float16 states of all texts, one after the other.
        width: Size of the hidden axis.
        places: First token and number of tokens of each text, by the bytes of its token ids.
    """

    def __init__(self, file: Path, *, width: int, places: dict[bytes, tuple[int, int]]) -> None:
        self._places = places
        self._states = np.memmap(file, dtype=np.float16, mode="r").reshape(-1, width)

    def gather(self, pairs: Sequence[EncodedPair]) -> Float[Tensor, "batch seq hidden"]:
        """Puts the states of both sides of each pair where a padded batch has their tokens.

        Args:
            pairs: Pairs whose sides were computed.

        Returns:
            States, [batch, longest pair, hidden]; zero at padding.
        """
        states = torch.zeros(len(pairs), max(map(len, pairs)), self._states.shape[1])
        for row, pair in enumerate(pairs):
            start = 0
            for side in _sides(pair):
                place, n = self._places[side.tobytes()]
                states[row, start : start + n] = torch.from_numpy(self._states[place : place + n].astype(np.float32))
                start += n
        return states


def compute_states(
    encoder: Encoder,
    pairs: Sequence[EncodedPair],
    *,
    config: EncoderConfig,
    n_layers: int,
    folder: Path,
    max_tokens: int = 4096,
    on_progress: Callable[[int, int], None] | None = None,
) -> FrozenStates:
    """Computes the states of every distinct side of the pairs, or goes on where a killed run stopped.

    The file is named by what it depends on (texts, weights, layer), so that another run with the same finds it. Texts
    stand in it in a fixed order and it only grows, so that its size says how far it got.

    Args:
        encoder: The encoder; put in evaluation mode. Its lowest ``n_layers`` must be without condition.
        pairs: Encoded pairs in the layout of separate sides.
        config: Its configuration.
        n_layers: Number of layers to run.
        folder: Where the file goes.
        max_tokens: Computed tokens of a batch.
        on_progress: Told the tokens done and the tokens in all, after every batch.

    Returns:
        The states.

    Raises:
        InputError: The disk has no room for the file.
    """
    distinct = {side.tobytes(): side for pair in pairs for side in _sides(pair)}
    ordered = sorted(distinct.values(), key=lambda side: (len(side), side.tobytes()))
    lengths = np.array([len(side) for side in ordered], dtype=np.int64)
    ends = np.cumsum(lengths)
    total, width = int(ends[-1]), config.width
    places = {
        side.tobytes(): (end - n, n) for side, end, n in zip(ordered, ends.tolist(), lengths.tolist(), strict=True)
    }
    file = folder / f"layer{n_layers}-{_fingerprint(encoder, ordered, n_layers)}.f16"
    folder.mkdir(parents=True, exist_ok=True)
    done_bytes = file.stat().st_size if file.exists() else 0
    needed = total * width * _BYTES - done_bytes
    if needed > shutil.disk_usage(folder).free:
        raise InputError(
            f"the states of the frozen layers need {needed / 1e9:.1f} GB, more than the disk has free",
            where=folder,
            fix="free space, or set frozen_layers to 0",
        )
    encoder.eval()
    with file.open("ab") as out, torch.inference_mode():
        for rows in sorted_batches(lengths.tolist(), max_tokens=max_tokens):
            end = int(ends[rows[-1]]) * width * _BYTES
            if end <= done_bytes:
                continue
            start = int(ends[rows[0]] - lengths[rows[0]]) * width * _BYTES
            out.truncate(start)
            out.write(_run(encoder, [ordered[i] for i in rows], n_layers, config.pad_id).tobytes())
            out.flush()
            done_bytes = end
            if on_progress is not None:
                on_progress(int(ends[rows[-1]]), total)
        os.fsync(out.fileno())
    return FrozenStates(file, width=width, places=places)


def _sides(pair: EncodedPair) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    n = int(np.count_nonzero(pair.side == 0))
    return pair.token_ids[:n], pair.token_ids[n:]


def _run(encoder: Encoder, sides: Sequence[NDArray[np.int32]], n_layers: int, pad_id: int) -> NDArray[np.float16]:
    n, device = max(map(len, sides)), encoder.embedding.word.weight.device
    ids = torch.full((len(sides), n), pad_id)
    mask = torch.zeros(len(sides), n, dtype=torch.bool)
    for row, side in enumerate(sides):
        ids[row, : len(side)] = torch.from_numpy(side.astype(np.int64))
        mask[row, : len(side)] = True
    zeros = torch.zeros_like(ids)
    batch = TokenBatch(ids, zeros, torch.arange(n).expand_as(ids), zeros, mask).to(device)
    x = encoder.run(encoder.embed(batch, None), batch, None, first=0, last=n_layers)
    flat: NDArray[np.float16] = x[batch.mask].to(torch.float16).cpu().numpy()
    return flat


def _fingerprint(encoder: Encoder, sides: Sequence[NDArray[np.int32]], n_layers: int) -> str:
    digest = hashlib.sha256()
    for module in (encoder.embedding, *encoder.blocks[:n_layers]):
        for name, tensor in module.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    for side in sides:
        digest.update(len(side).to_bytes(4, "big"))
        digest.update(side.tobytes())
    return digest.hexdigest()[:16]
