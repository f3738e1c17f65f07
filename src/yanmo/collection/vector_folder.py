"""A folder of texts with their vectors under some standard, which grows by portions and is whole at every moment.

Data stand in files that are only ever added to, and ``index.json`` says how much of each counts. It is replaced after
the data are on the disk: what a killed writer left behind that point is cut off by the next one. The digest in it is a
chain over all that was added, so that two folders with one digest hold the same.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ..atomic import is_temporary, naming, replacing
from ..errors import InputError
from ..match.engines.learned_engine import trained_engine
from ..yaml_file import StrictModel, refusal_of
from .text_vectors import EncodedTexts, TextVectors

try:
    import fcntl
except ImportError:  # Windows, where nothing stops a second writer
    fcntl = None  # type: ignore[assignment]

__all__ = ["INDEX_FILE", "Encode", "VectorFolder", "task_of_index"]

Encode: TypeAlias = Callable[[Iterable[Sequence[str]]], Iterator[EncodedTexts]]
"""Portions of texts to their vectors, in order, wherever they are computed."""


INDEX_FILE = "index.json"
_TEXTS, _LENGTHS, _ENTRIES, _PAIRS = "texts.jsonl", "lengths.i32", "entries.jsonl", "pairs.bin"
# Texts encoded and put on the disk together: what a kill costs.
_PORTION = 512
_FORMAT = 1


class _Manifest(StrictModel):
    format_version: int = _FORMAT
    """Version of the folder's layout."""
    task: str
    """The standard."""
    tasks: tuple[str, ...]
    """It and those it implies, in the order of the pairs' logits."""
    sources: tuple[str, ...]
    """The trained standards the vectors are of, in the order of their files."""
    width: int = Field(gt=0)
    """Size of a vector."""
    model: dict[str, str]
    """What the vectors hang on: weights, tokenizer, and how texts are read."""
    n_texts: int = Field(default=0, ge=0)
    """Different texts."""
    sizes: dict[str, int] = Field(default_factory=dict)
    """Bytes of each file that count."""
    removed: tuple[int, ...] = ()
    """Entries, by number, that were taken out."""
    digest: str = ""
    """SHA-256 over all that was added and removed, in order."""


class VectorFolder:
    """The texts and vectors of one folder; `opened` makes one.

    Args:
        folder: The folder.
        encoder: Texts to vectors.
        manifest: What ``index.json`` says.
    """

    def __init__(self, folder: Path, encoder: TextVectors, manifest: _Manifest) -> None:
        self.folder = folder
        self.encoder = encoder
        self._manifest = manifest
        self.texts: list[str] = [json.loads(line) for line in self._lines(_TEXTS)]
        """The texts, by number."""
        self.numbers: dict[str, int] = {text: number for number, text in enumerate(self.texts)}
        """The number of each text."""
        self.entries: list[dict[str, Any]] = [json.loads(line) for line in self._lines(_ENTRIES)]
        """What was put in under an id: ``id``, ``text`` (its number), ``columns``; those taken out too."""

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, encoder: TextVectors, *, writes: bool = True) -> Iterator["VectorFolder"]:
        """Opens a folder, or makes it, and holds it as the only writer.

        Args:
            folder: The folder.
            encoder: Texts to vectors, by the model and the standard that the folder must be of.
            writes: Whether it will be written to; reading takes no lock, and needs the folder to be there.

        Yields:
            The folder.

        Raises:
            InputError: It is no index, of another model or standard, damaged, or being written.
        """
        path, is_new = folder / INDEX_FILE, not (folder / INDEX_FILE).exists()
        others = (
            [path for path in folder.iterdir() if path.name != "lock" and not is_temporary(path.name)]
            if is_new and folder.exists()
            else []
        )
        if is_new and (not writes or others):
            raise InputError("is no index", where=folder, fix="make one with yanmo index, or name another folder")
        if not writes:
            yield cls(folder, encoder, _load(path, encoder))
            return
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    fix = "wait for it, or name another folder"
                    raise InputError("another process writes this index", where=folder, fix=fix) from error
            manifest = _new(encoder) if is_new else _load(path, encoder)
            opened = cls(folder, encoder, manifest)
            if is_new:
                opened._save(manifest)
            yield opened
        finally:
            os.close(descriptor)

    @property
    def digest(self) -> str:
        """What tells two folders apart: 64 hex digits."""
        return self._manifest.digest

    @property
    def removed(self) -> frozenset[int]:
        """Numbers of the entries that were taken out."""
        return frozenset(self._manifest.removed)

    def vectors(self, place: int = 0) -> NDArray[np.float16]:
        """The vectors of all texts under one of the encoder's sources, mapped from the disk, float16[texts, width]."""
        shape = (self._manifest.n_texts, self._manifest.width)
        return self._mapped(_vector_file(place), np.dtype(np.float16), shape)

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each text, 0 where there is nothing to read, int32[texts]."""
        return self._mapped(_LENGTHS, np.dtype(np.int32), (self._manifest.n_texts,))

    @property
    def pairs(self) -> NDArray[Any]:
        """Pairs scored so far, with the fields ``first``, ``second`` (numbers of texts) and ``logits``."""
        kind = self._pair_type
        return self._mapped(_PAIRS, kind, (self._manifest.sizes.get(_PAIRS, 0) // kind.itemsize,))

    def add(
        self,
        texts: Sequence[str],
        *,
        encode: Encode | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Encodes those texts that are not there yet, portion by portion.

        Args:
            texts: The texts.
            encode: Where they are encoded; None encodes them here.
            on_progress: Told after each portion how many of the new texts are done, and how many there are.

        Returns:
            How many were new.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self.numbers]
        portions = [new[start : start + _PORTION] for start in range(0, len(new), _PORTION)]
        n_done = 0
        for portion, encoded in zip(portions, (encode or self._encode_here)(portions), strict=True):
            data = {_vector_file(i): encoded.vectors[:, i].tobytes() for i in range(len(self.encoder.sources))}
            data |= {_LENGTHS: encoded.lengths.tobytes(), _TEXTS: "".join(map(_line, portion)).encode()}
            self._append(data, n_texts=self._manifest.n_texts + len(portion))
            for text in portion:
                self.numbers[text] = len(self.texts)
                self.texts.append(text)
            if on_progress is not None:
                on_progress(n_done := n_done + len(portion), len(new))
        return len(new)

    def _encode_here(self, portions: Iterable[Sequence[str]]) -> Iterator[EncodedTexts]:
        return map(self.encoder.encode, portions)

    def add_entries(self, entries: Sequence[dict[str, Any]]) -> None:
        """Puts entries in, with their texts' numbers; all of them or none."""
        if entries:
            self._append({_ENTRIES: "".join(map(_line, entries)).encode()})
            self.entries += entries

    def remove_entries(self, numbers: Sequence[int]) -> None:
        """Takes entries out by number; all of them or none. Their texts' vectors stay for the next time."""
        removed = tuple(sorted({*self._manifest.removed, *numbers}))
        digest = _chained(self.digest, b"removed " + json.dumps(sorted(numbers)).encode())
        self._save(self._manifest.model_copy(update={"removed": removed, "digest": digest}))

    def add_pairs(self, first: NDArray[np.integer], second: NDArray[np.integer], logits: NDArray[np.float32]) -> None:
        """Keeps the scores of pairs of texts, so that no later call scores them again.

        Args:
            first: Numbers of the first texts, [n].
            second: Numbers of the second texts.
            logits: Float32[n, tasks].
        """
        made = np.empty(len(first), dtype=self._pair_type)
        made["first"], made["second"], made["logits"] = first, second, logits
        self._append({_PAIRS: made.tobytes()})

    @property
    def _pair_type(self) -> np.dtype[Any]:
        return np.dtype([("first", "<u4"), ("second", "<u4"), ("logits", "<f4", (len(self.encoder.tasks),))])

    def _append(self, data: dict[str, bytes], **changes: Any) -> None:
        digest, sizes = self.digest, dict(self._manifest.sizes)
        for name, content in data.items():
            path = self.folder / name
            with naming(path), path.open("r+b" if path.exists() else "w+b") as file:
                file.truncate(sizes.get(name, 0))
                file.seek(sizes.get(name, 0))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            sizes[name] = sizes.get(name, 0) + len(content)
            digest = _chained(digest, name.encode() + hashlib.sha256(content).digest())
        self._save(self._manifest.model_copy(update={"sizes": sizes, "digest": digest, **changes}))

    def _save(self, manifest: _Manifest) -> None:
        with replacing(self.folder / INDEX_FILE) as temporary:
            temporary.write_text(json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1), "utf-8")
        self._manifest = manifest

    def _mapped(self, name: str, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        if not shape[0]:
            return np.empty(shape, dtype=kind)
        return np.memmap(self.folder / name, dtype=kind, mode="r", shape=shape)

    def _lines(self, name: str) -> list[bytes]:
        size = self._manifest.sizes.get(name, 0)
        if not size:
            return []
        with (self.folder / name).open("rb") as file:
            return file.read(size).splitlines()


def task_of_index(folder: Path) -> str:
    """Gives the standard that an index was made under.

    Args:
        folder: The index.

    Returns:
        Name of the task.

    Raises:
        InputError: The folder is no index.
    """
    path = folder / INDEX_FILE
    if not path.is_file():
        raise InputError("is no index", where=folder, fix="make one with yanmo index, or name another folder")
    return _read(path).task


def _new(encoder: TextVectors) -> _Manifest:
    return _Manifest(
        task=encoder.task,
        tasks=encoder.tasks,
        sources=encoder.sources,
        width=encoder.width,
        model=_model(encoder),
    )


def _read(path: Path) -> _Manifest:
    try:
        manifest = _Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"cannot be read ({refusal_of(error)})", where=path, fix="make the index again") from error
    if manifest.format_version > _FORMAT:
        raise InputError(f"is in format {manifest.format_version}", where=path, fix="update it: pip install -U yanmo")
    return manifest


def _load(path: Path, encoder: TextVectors) -> _Manifest:
    manifest = _read(path)
    if manifest.task != encoder.task:
        problem = f"is an index under '{manifest.task}', not '{encoder.task}'"
        raise InputError(problem, where=path.parent, fix=f"name --task {manifest.task}, or make another index")
    theirs, ours = manifest.model, _model(encoder)
    if theirs != ours or manifest.width != encoder.width:
        key = next((key for key in ours if theirs.get(key) != ours[key]), "width")
        its, own = theirs.get(key, "")[:12], ours.get(key, "")[:12]
        problem = f"is the index of another model: its {key} is {its}, this one's {own}"
        raise InputError(problem, where=path.parent, fix="name the model it was made with, or make it again")
    for name, size in manifest.sizes.items():
        file = path.parent / name
        found = file.stat().st_size if file.is_file() else 0
        if found < size:
            raise InputError(
                f"has {found:,} bytes of {size:,}", where=file, fix="copy the index again, or make it again"
            )
    return manifest


def _model(encoder: TextVectors) -> dict[str, str]:
    """What vectors and scores hang on.

    Neither the engine's version, which moves the last digits only, nor standards that were learned beside this one.
    """
    weights, matching = trained_engine(encoder.matcher.engine).identity().weights, encoder.matcher.matching
    reading = [matching.normalization.model_dump(mode="json"), matching.model.get("prefix", "")]
    conditions = [
        [name, matching.task_set.index(name), matching.task_set.task(name).budget.model_dump(mode="json")]
        for name in (*encoder.tasks, *encoder.sources)
    ]
    said = json.dumps([reading, conditions, encoder.said_of_heads], sort_keys=True, ensure_ascii=False)
    return {
        "weights": weights,
        "tokenizer": encoder.matcher.identity().tokenizer,
        "reading": hashlib.sha256(said.encode()).hexdigest(),
    }


def _vector_file(place: int) -> str:
    return f"vectors.{place}.f16"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n"


def _chained(digest: str, content: bytes) -> str:
    return hashlib.sha256(digest.encode() + content).hexdigest()
