"""A corpus as token ids on disk: written once, read through the page cache, in any order."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from ...atomic import new_folder
from ...data.documents import DocumentReader, fingerprint_corpus
from ...data.lines import check_encoding
from ...data.rejects import OnBadLine, RejectFile
from ...errors import InputError, chosen
from ...tokenize import Tokenizer, WordSegmenter
from .heldout import HeldoutChoice, HeldoutDraw
from .whole_words import word_starts

__all__ = ["TokenCache", "build_cache", "fingerprint_tokenizer"]

_FORMAT = 1
_BATCH = 256
_REJECTED = "rejected.jsonl"


@dataclass(frozen=True, eq=False)
class TokenCache:
    """The token ids of all documents, one after the other, and what belongs to them.

    Attributes:
        tokens: Token ids without special tokens, uint16 or uint32[n_tokens], in the file.
        starts: 1 where a token begins a word of the original text, uint8[n_tokens], in the file.
        offsets: First token of each document, and at the end the number of tokens, int64[n_documents + 1].
        is_heldout: Whether a document is kept from training, bool[n_documents].
        counts: How often each token occurs outside the held-out documents, int64[vocab].
        heldout: Texts of the held-out documents, each once.
        rejected: JSON lines of the bad lines left out; None where there were none.
        notes: What was read: ``corpus`` and ``tokenizer`` fingerprints, ``n_characters``, ``n_bad`` and so on.
    """

    tokens: NDArray[np.uint16] | NDArray[np.uint32]
    starts: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    is_heldout: NDArray[np.bool_]
    counts: NDArray[np.int64]
    heldout: tuple[str, ...]
    rejected: Path | None
    notes: dict[str, Any]


def build_cache(
    files: Sequence[Path],
    tokenizer: Tokenizer,
    *,
    folder: Path,
    choice: HeldoutChoice,
    encoding: str = "utf-8",
    on_bad_line: OnBadLine | str = OnBadLine.ERROR,
    on_progress: Callable[[int, int], None] | None = None,
) -> TokenCache:
    """Tokenizes a corpus into a folder, or opens what an earlier call with the same arguments wrote there.

    The cache's name is a digest of the corpus' bytes, the tokenizer's files and the held-out choice; it appears by a
    rename when it is whole. Memory stays flat but for 16 bytes a document and the held-out texts.

    Args:
        files: The corpus, one document a line.
        tokenizer: Text to token ids.
        folder: Where caches are kept.
        choice: Which documents are held out.
        encoding: Text encoding of the files.
        on_bad_line: Whether a bad line stops everything or is left out and kept in ``rejected``.
        on_progress: Told the bytes of the corpus done and in all, every few hundred documents.

    Returns:
        The cache.

    Raises:
        InputError: The corpus has no document, a line is bad, or the disk is full.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    identity = {
        "format": _FORMAT,
        "corpus": fingerprint_corpus(files),
        "encoding": check_encoding(encoding),
        "on_bad_line": on_bad_line.value,
        "tokenizer": fingerprint_tokenizer(tokenizer),
        "heldout": choice.as_json(),
    }
    place = folder / hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{place.name}.lock"):  # a second process of the same run waits, then finds it made
        if not place.exists():
            for torn in folder.glob(f".{place.name}.*"):  # left by a kill
                shutil.rmtree(torn)
            skip = on_bad_line is OnBadLine.SKIP
            try:
                with (
                    new_folder(place) as temporary,
                    RejectFile(temporary / _REJECTED) if skip else nullcontext() as rejects,
                ):
                    reader = DocumentReader(files, encoding=encoding, rejects=rejects)
                    _write(temporary, reader, tokenizer, identity, HeldoutDraw(choice), on_progress)
            except OSError as error:
                raise InputError(
                    f"the token cache could not be written ({error.strerror})", where=folder, fix="free space"
                ) from error
    return _open(place)


def fingerprint_tokenizer(tokenizer: Tokenizer) -> str:
    """Gives a digest of the files that a tokenizer saves.

    Args:
        tokenizer: Any tokenizer.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as name:
        tokenizer.save(Path(name))
        for file in sorted(Path(name).iterdir()):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _write(
    folder: Path,
    reader: DocumentReader,
    tokenizer: Tokenizer,
    identity: dict[str, Any],
    draw: HeldoutDraw,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    dtype = np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32
    lengths: list[NDArray[np.int64]] = []
    hashes: list[NDArray[np.uint64]] = []
    segmenter, n_characters, n_wordless = WordSegmenter(), 0, 0
    position = _Position(reader)
    with (folder / "tokens.bin").open("wb") as tokens, (folder / "starts.bin").open("wb") as starts:
        for texts in _batched(iter(reader)):
            n_tokens, drawn = [], []
            for text, encoding in zip(texts, tokenizer.encode_batch(texts), strict=True):
                if not len(encoding.token_ids):
                    n_wordless += 1
                    continue
                n_characters += len(text)
                n_tokens.append(len(encoding.token_ids))
                drawn.append(draw.offer(text))
                tokens.write(encoding.token_ids.astype(dtype).tobytes())
                starts.write(word_starts(encoding, segmenter(text)).tobytes())
            lengths.append(np.array(n_tokens, dtype=np.int64))
            hashes.append(np.array(drawn, dtype=np.uint64))
            if on_progress is not None:
                on_progress(*position.after(texts))
    length = np.concatenate(lengths) if lengths else np.empty(0, dtype=np.int64)
    if not len(length):
        raise InputError(
            f"no document in it: {reader.n_blank} blank and {reader.n_bad} bad lines",
            where=reader.files[0] if reader.files else None,
            fix="give text files with one document a line",
        )
    held = draw.close(len(length))
    is_heldout = np.isin(np.concatenate(hashes), np.array(list(held), dtype=np.uint64))
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "is_heldout.npy", is_heldout)
    np.save(folder / "counts.npy", _count(folder / "tokens.bin", dtype, offsets, is_heldout, tokenizer.vocab_size))
    notes = identity | {
        "dtype": np.dtype(dtype).name,
        "n_documents": len(length),
        "n_tokens": int(offsets[-1]),
        "n_characters": n_characters,
        "n_blank": reader.n_blank + n_wordless,
        "n_bad": reader.n_bad,
        "n_split": reader.n_split,
        "n_heldout": int(is_heldout.sum()),
    }
    (folder / "heldout.json").write_text(json.dumps(list(held.values()), ensure_ascii=False), encoding="utf-8")
    (folder / "notes.json").write_text(json.dumps(notes, indent=2), encoding="utf-8")


def _open(folder: Path) -> TokenCache:
    try:
        notes = json.loads((folder / "notes.json").read_text(encoding="utf-8"))
        cache = TokenCache(
            np.memmap(folder / "tokens.bin", dtype=notes["dtype"], mode="r"),
            np.memmap(folder / "starts.bin", dtype=np.uint8, mode="r"),
            np.load(folder / "offsets.npy"),
            np.load(folder / "is_heldout.npy"),
            np.load(folder / "counts.npy"),
            tuple(json.loads((folder / "heldout.json").read_text(encoding="utf-8"))),
            folder / _REJECTED if (folder / _REJECTED).exists() else None,
            notes,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the token cache is damaged ({error})", where=folder, fix="delete the folder") from error
    if not len(cache.tokens) == len(cache.starts) == cache.offsets[-1]:
        raise InputError("the token cache is damaged (files of different lengths)", where=folder, fix="delete it")
    return cache


def _count(
    file: Path, dtype: type[np.unsignedinteger[Any]], offsets: NDArray[np.int64], heldout: NDArray[np.bool_], n: int
) -> NDArray[np.int64]:
    tokens = np.memmap(file, dtype=dtype, mode="r")
    counts = np.zeros(n, dtype=np.int64)
    for start in range(0, len(tokens), 1 << 22):
        counts += np.bincount(tokens[start : start + (1 << 22)], minlength=n)
    for i in np.flatnonzero(heldout).tolist():
        counts -= np.bincount(tokens[offsets[i] : offsets[i + 1]], minlength=n)
    return counts


def _batched(documents: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(documents, _BATCH)):
        yield batch


class _Position:
    """Bytes of the corpus behind us; within a compressed file a guess that never passes its end."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader
        self._sizes = [path.stat().st_size for path in reader.files]
        self._ratio = [3 if path.suffix in (".gz", ".zst", ".xz") else 1 for path in reader.files]
        self._file, self._seen = 0, 0

    def after(self, texts: list[str]) -> tuple[int, int]:
        index = self._reader.file_index
        if index != self._file:
            self._file, self._seen = index, 0
        self._seen += sum(map(len, texts)) * 3  # bytes of a Chinese character
        within = min(self._seen // self._ratio[index], self._sizes[index])
        return sum(self._sizes[:index]) + within, sum(self._sizes)
