"""Texts encoded by Ray, portion by portion: on this machine, or on the cluster that ``RAY_ADDRESS`` names.

Encoding is nearly all that a collection costs (see docs/methods/collections.md), so that is what is sent away: texts go
out, vectors come back in the portions' order and are put on the disk here, as without Ray. So the result is the same
row for row, and what a kill costs too. Tasks of Ray's core rather than Ray Data, as for ``yanmo predict``: one reader
keeps the order, and the folder has one writer.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError, require_extra
from ..match.named_matcher import open_matcher
from .text_vectors import EncodedTexts, TextVectors
from .vector_folder import Encode

__all__ = ["encoding_on_ray"]

_STORE = 1 << 28


@contextmanager
def encoding_on_ray(model: str, *, task: str, n_workers: int | None = None) -> Iterator[Encode]:
    """Starts or joins Ray for as long as a ``with`` block lasts.

    Args:
        model: The matcher as `open_matcher` names it; every node must find it, and Yanmo, under that name.
        task: The standard.
        n_workers: Portions encoded at a time, one core each; None takes all cores there are.

    Yields:
        What encodes portions.

    Raises:
        InputError: The model is no folder, or the cluster cannot be joined.
        MissingExtraError: Ray is not installed.
    """
    if model != "default":
        if not Path(model).is_dir():
            raise InputError("workers open a matcher from a folder", where=model, fix="download it, name its folder")
        model = str(Path(model).resolve())
    # Ray reports its use to its makers unless told otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray: Any = require_extra("ray", extra="ray")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address := os.environ.get("RAY_ADDRESS"):
        try:
            ray.init(address="auto", **quiet)
        except (ConnectionError, ray.exceptions.RayError) as error:
            raise InputError(f"this Ray cannot be joined ({error})", where=address, fix="check RAY_ADDRESS") from error
    else:
        ray.init(address="local", num_cpus=n_workers, object_store_memory=_STORE, include_dashboard=False, **quiet)
    try:
        n_cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        worker = ray.remote(num_cpus=1)(_encode_by_name)
        # A portion waits beside each one that is encoded.
        n_in_flight = 2 * (n_workers or n_cores)

        def encode(portions: Iterable[Sequence[str]]) -> Iterator[EncodedTexts]:
            waiting: deque[Any] = deque()
            for portion in portions:
                waiting.append(worker.remote(model, task, list(portion)))
                if len(waiting) >= n_in_flight:
                    yield _answer(ray, waiting.popleft())
            while waiting:
                yield _answer(ray, waiting.popleft())

        yield encode
    finally:
        ray.shutdown()


def _answer(ray: Any, reference: Any) -> EncodedTexts:
    try:
        found: EncodedTexts = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().split("\n")[-1]
        fix = "repeat the command, it goes on where it stopped"
        raise InputError(f"a task of Ray failed ({reason})", fix=fix) from error
    return found


def _encode_by_name(model: str, task: str, texts: list[str]) -> EncodedTexts:
    return _opened(model, task).encode(texts)


@lru_cache(maxsize=1)
def _opened(model: str, task: str) -> TextVectors:
    # Read by tokenizers and, when it is imported, by torch.
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    return TextVectors(open_matcher(model, n_threads=1), task)
