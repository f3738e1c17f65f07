"""An index of texts under a standard, and the texts in it that match a query."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..match import Matcher
from .neighbors import NeighborSearch
from .text_vectors import TextVectors
from .texts import GivenTexts, read_texts
from .vector_folder import Encode, VectorFolder

__all__ = ["Hit", "TextIndex", "search"]

_CANDIDATES = 200
# To build a graph takes as long as thousands of exact searches, so that only a very large index is worth it.
_EXACT_BELOW = 1_000_000
Progress = Callable[[int, int], None]
"""Told how many texts are encoded, and how many there are."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One text that was found."""

    id: str
    """Its id."""
    text: str
    """The text."""
    probability: float
    """Of a match with the query."""
    is_match: bool
    """The standard's decision."""
    columns: dict[str, str]
    """The row's other columns."""


class TextIndex:
    """Texts with ids in a folder; `opened` opens or makes one.

    Args:
        store: The folder's texts and vectors.

    Example:
        ``with TextIndex.opened("idx", matcher, task="question") as index: index.add("faq.csv")``
    """

    def __init__(self, store: VectorFolder) -> None:
        self._store = store
        self._nearest: NeighborSearch | None = None
        self._refresh()

    @classmethod
    @contextmanager
    def opened(cls, folder: str | Path, matcher: Matcher, *, task: str, writes: bool = True) -> Iterator["TextIndex"]:
        """Opens an index, or makes one, under a standard of a matcher.

        Args:
            folder: The folder.
            matcher: Knows the standard.
            task: Name of the standard.
            writes: Whether texts will be added or removed; one process at a time may.

        Yields:
            The index.

        Raises:
            InputError: The folder is no index, of another model or standard, or being written.
        """
        with VectorFolder.opened(Path(folder), TextVectors(matcher, task), writes=writes) as store:
            yield cls(store)

    @property
    def digest(self) -> str:
        """What tells two indexes apart: 64 hex digits."""
        return self._store.digest

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._by_id

    def add(
        self,
        data: GivenTexts,
        *,
        column: str | None = None,
        id_column: str | None = None,
        encoding: str = "auto",
        encode: Encode | None = None,
        on_progress: Progress | None = None,
    ) -> int:
        """Adds rows; a row whose id and text are there already is passed over.

        Encoded texts are on the disk portion by portion, so that the same call goes on after a kill; the rows appear
        all at once, at the end.

        Args:
            data: A path, a data frame, a list of texts or of dicts. Rows without ids are numbered from 1, so that a
                second file without ids cannot be added.
            column: Column of the texts.
            id_column: Column of the ids.
            encoding: Of the file.
            encode: Where texts are encoded; None encodes them here.
            on_progress: Told of the encoding.

        Returns:
            How many rows are new.

        Raises:
            InputError: The data cannot be read, or an id is there with another text.
        """
        table = read_texts(data, column=column, id_column=id_column, encoding=encoding)
        new = []
        for name, text, row in zip(table.ids, table.texts, table.rows, strict=True):
            entry = self._by_id.get(name)
            if entry is None:
                others = {key: value for key, value in row.items() if key not in (table.column, "id")}
                new.append((name, text, others))
            elif self._store.texts[self._store.entries[entry]["text"]] != text:
                fix = "remove the row first, or give ids of their own"
                raise InputError(f"the id '{name}' is in the index with another text", where=table.where, fix=fix)
        self._store.add([text for _, text, _ in new], encode=encode, on_progress=on_progress)
        self._store.add_entries(
            [{"id": name, "text": self._store.numbers[text], "columns": others} for name, text, others in new]
        )
        self._refresh()
        return len(new)

    def remove(self, ids: Sequence[str]) -> None:
        """Takes rows out, all of them or none.

        Args:
            ids: Their ids.

        Raises:
            InputError: An id is not in the index.
        """
        missing = [name for name in ids if name not in self._by_id]
        if missing:
            raise InputError(
                f"the id '{missing[0]}' is not in the index", where=self._store.folder, fix="check the ids"
            )
        self._store.remove_entries([self._by_id[name] for name in ids])
        self._refresh()

    def search(self, queries: Sequence[str], *, top: int = 10, candidates: int = _CANDIDATES) -> list[list[Hit]]:
        """Finds the best texts for each query.

        Args:
            queries: The queries; under a standard that is not symmetric they are the first texts.
            top: Texts of each at most, matches or not.
            candidates: Nearest texts that are scored.

        Returns:
            Of each query the texts, highest probability first.

        Raises:
            InputError: A number is below 1, or a query is no text.
        """
        if isinstance(queries, str) or not all(isinstance(query, str) for query in queries):
            raise InputError("the queries are no list of texts", fix="give a list such as ['怎么退款']")
        for name, value in (("top", top), ("candidates", candidates)):
            if value < 1:
                raise InputError(f"{name} is {value}, expected 1 or more")
        if not queries or not self._by_id:
            return [[] for _ in queries]
        encoder = self._store.encoder
        encoded = encoder.encode(queries)
        if self._nearest is None:  # who only adds rows needs none
            vectors = np.asarray(self._store.vectors()[self._numbers])
            self._nearest = NeighborSearch(vectors, exact_below=_EXACT_BELOW)
        found = self._nearest(encoded.vectors[:, 0], max(top, candidates))
        return [
            self._hits(query, encoded.vectors[i], int(encoded.lengths[i]), self._numbers[found[i][found[i] >= 0]], top)
            for i, query in enumerate(queries)
        ]

    def _hits(
        self, query: str, vectors: NDArray[np.float16], length: int, numbers: NDArray[np.int64], top: int
    ) -> list[Hit]:
        store, encoder = self._store, self._store.encoder
        lengths = np.asarray(store.lengths[numbers])
        logits = np.empty((len(numbers), len(encoder.tasks)), dtype=np.float32)
        fits = encoder.fits(np.full(len(numbers), length, dtype=np.int32), lengths)
        theirs = np.stack([store.vectors(place)[numbers[fits]] for place in range(len(encoder.sources))], 1)
        logits[fits] = encoder.logits(np.broadcast_to(vectors, theirs.shape), theirs)
        logits[~fits] = encoder.text_logits([(query, store.texts[number]) for number in numbers[~fits]])
        verdict = encoder.verdict(
            logits, is_blank=(lengths == 0) & (length == 0), texts_of=lambda at: (query, store.texts[int(numbers[at])])
        )
        hits: list[Hit] = []
        for at in np.argsort(-verdict.probabilities, kind="stable").tolist():
            number = int(numbers[at])
            for entry in self._entries_of[number]:
                row = store.entries[entry]
                p, yes = round(float(verdict.probabilities[at]), 6), bool(verdict.accepted[at])
                hits.append(Hit(row["id"], store.texts[number], p, yes, row["columns"]))
            if len(hits) >= top:
                break
        return hits[:top]

    def _refresh(self) -> None:
        removed = self._store.removed
        self._by_id: dict[str, int] = {}
        self._entries_of: dict[int, list[int]] = {}
        for number, entry in enumerate(self._store.entries):
            if number not in removed:
                self._by_id[entry["id"]] = number
                self._entries_of.setdefault(entry["text"], []).append(number)
        self._numbers = np.array(sorted(self._entries_of), dtype=np.int64)
        self._nearest = None


def search(index: str | Path, queries: Sequence[str], *, matcher: Matcher, task: str, top: int = 10) -> list[list[Hit]]:
    """Finds in the index of a folder the best texts for each query; see `TextIndex`.

    Args:
        index: The folder.
        queries: The queries.
        matcher: The matcher that the index was made with.
        task: The standard it was made under.
        top: Texts of each at most.

    Returns:
        Of each query the texts, highest probability first.
    """
    with TextIndex.opened(index, matcher, task=task, writes=False) as opened:
        return opened.search(queries, top=top)
