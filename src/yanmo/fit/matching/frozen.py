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
from filelock import FileLock, Timeout
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ...encode import Encoder, EncoderConfig, TokenBatch
from ...errors import InputError, chosen
from ...tokenize import EncodedPair
from ...tokenize.batches import sorted_batches
from ..loop.precision import Precision, autocast

__all__ = ["FrozenStates", "compute_states"]

_BYTES = 2  # of a float16
# One text of the index: the digest of its token ids, and their number. Its states stand in the same order.
_ENTRY = np.dtype([("digest", "V16"), ("length", "<u4")])


class FrozenStates:
    """States of texts at one layer, read from a file.

    Args:
        file: float16 states of all texts, one after the other.
        width: Size of the hidden axis.
        places: First token and number of tokens of each text, by the digest of its token ids.
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
                place, n = self._places[_digest(side)]
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
    precision: Precision | str = Precision.FLOAT32,
    max_tokens: int = 4096,
    on_progress: Callable[[int, int], None] | None = None,
) -> FrozenStates:
    """Computes the states of every distinct side of the pairs that is not in the folder yet.

    The folder holds one file of states and one index for each combination of weights and layer. Both only grow, so
    that a killed run goes on where it stopped, and another run with the same base finds the texts it shares.

    Args:
        encoder: The encoder; put in evaluation mode. Its lowest ``n_layers`` must be without condition.
        pairs: Encoded pairs in the layout of separate sides.
        config: Its configuration.
        n_layers: Number of layers to run.
        folder: Where the files go; states of another precision are files of their own.
        precision: What the layers multiply in.
        max_tokens: Computed tokens of a batch.
        on_progress: Told the tokens done and the tokens in all, after every batch.

    Returns:
        The states.

    Raises:
        InputError: The disk has no room for the file, another run is writing to it, or the hardware has no units for
            the precision.
    """
    precision = chosen(Precision, precision, name="precision")
    if precision is not Precision.FLOAT32:
        folder = folder / precision.value
    folder.mkdir(parents=True, exist_ok=True)
    name = f"layer{n_layers}-{_fingerprint(encoder, n_layers)}"
    file = folder / f"{name}.f16"
    distinct = {_digest(side): side for pair in pairs for side in _sides(pair)}
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            places = _known_places(file, width=config.width)
            missing = [side for key, side in distinct.items() if key not in places]
            _check_room(folder, sum(map(len, missing)) * config.width * _BYTES)
            total, done = sum(map(len, distinct.values())), sum(map(len, distinct.values())) - sum(map(len, missing))
            missing.sort(key=lambda side: (len(side), side.tobytes()))
            encoder.eval()
            precise = autocast(precision, encoder.embedding.word.weight.device)
            with file.open("ab") as states, file.with_suffix(".index").open("ab") as index:
                for rows in sorted_batches([len(side) for side in missing], max_tokens=max_tokens):
                    sides = [missing[i] for i in rows]
                    with precise:
                        made = _run(encoder, sides, n_layers, config.pad_id)
                    states.write(made.tobytes())
                    states.flush()
                    index.write(np.array([(_digest(side), len(side)) for side in sides], dtype=_ENTRY).tobytes())
                    index.flush()
                    done += sum(map(len, sides))
                    if on_progress is not None:
                        on_progress(done, total)
            places = _known_places(file, width=config.width)
    except Timeout as error:
        raise InputError(
            "another run is computing states here", where=folder, fix="wait for it, or name another frozen cache"
        ) from error
    return FrozenStates(file, width=config.width, places=places)


def _known_places(file: Path, *, width: int) -> dict[bytes, tuple[int, int]]:
    """Reads the index, cuts off what a kill left half-written in either file, and says where each text's states are."""
    index = file.with_suffix(".index")
    for path in (file, index):
        path.touch()
    entries = np.fromfile(index, dtype=_ENTRY, count=index.stat().st_size // _ENTRY.itemsize)
    ends = np.cumsum(entries["length"], dtype=np.int64)
    n_whole = int(np.searchsorted(ends, file.stat().st_size // (width * _BYTES), side="right"))
    os.truncate(index, n_whole * _ENTRY.itemsize)
    os.truncate(file, int(ends[n_whole - 1]) * width * _BYTES if n_whole else 0)
    return {
        digest.tobytes(): (end - n, n)
        for digest, n, end in zip(
            entries["digest"][:n_whole],
            entries["length"][:n_whole].tolist(),
            ends[:n_whole].tolist(),
            strict=True,
        )
    }


def _check_room(folder: Path, n_bytes: int) -> None:
    if n_bytes > shutil.disk_usage(folder).free:
        raise InputError(
            f"the states of the frozen layers need {n_bytes / 1e9:.1f} GB, more than the disk has free",
            where=folder,
            fix="free space, or set frozen_layers to 0",
        )


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
    with torch.inference_mode():
        x = encoder.run(encoder.embed(batch, None), batch, None, first=0, last=n_layers)
    flat: NDArray[np.float16] = x[batch.mask].to(torch.float16).cpu().numpy()
    return flat


def _digest(side: NDArray[np.int32]) -> bytes:
    return hashlib.sha256(side.astype("<i4").tobytes()).digest()[:16]


def _fingerprint(encoder: Encoder, n_layers: int) -> str:
    digest = hashlib.sha256()
    for module in (encoder.embedding, *encoder.blocks[:n_layers]):
        for name, tensor in module.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
