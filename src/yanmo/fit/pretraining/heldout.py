"""Held-out documents and the characters hidden in them: chosen on the text alone, so alike for every vocabulary."""

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...tokenize import WordSegmenter

__all__ = ["HeldoutChoice", "HeldoutDraw", "Passage", "choose_passages"]


@dataclass(frozen=True)
class HeldoutChoice:
    """Which documents are kept from training.

    Attributes:
        share: At most this share of all documents.
        limit: At most so many distinct documents.
        min_characters: Shorter documents are never held out; they say too little to predict from.
        seed: Seed of the choice.
    """

    share: float
    limit: int
    min_characters: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Gives the fields for a JSON file."""
        return asdict(self)


class HeldoutDraw:
    """Chooses documents while they stream by: those with the smallest hashes of their text.

    Equal texts have equal hashes, so a text that is held out is held out wherever it stands in the corpus.

    Args:
        choice: How many, and the seed.
    """

    def __init__(self, choice: HeldoutChoice) -> None:
        self._choice = choice
        self._heap: list[int] = []  # negated hashes, so that the largest is at hand
        self._texts: dict[int, str] = {}

    def offer(self, text: str) -> int:
        """Shows the draw one document.

        Args:
            text: The document.

        Returns:
            Its hash, in 64 bits.
        """
        digest = hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=8, key=str(self._choice.seed).encode()
        ).digest()
        key = int.from_bytes(digest, "little")
        if len(text) >= self._choice.min_characters and key not in self._texts and self._choice.limit:
            if len(self._heap) < self._choice.limit:
                heapq.heappush(self._heap, -key)
                self._texts[key] = text
            elif key < -self._heap[0]:
                del self._texts[-heapq.heapreplace(self._heap, -key)]
                self._texts[key] = text
        return key

    def close(self, n_documents: int) -> dict[int, str]:
        """Ends the draw.

        Args:
            n_documents: How many documents there were.

        Returns:
            Hash and text of every held-out document, by hash; one at least unless the share is 0.
        """
        n = 0 if not self._choice.share else max(1, int(self._choice.share * n_documents))
        return {key: self._texts[key] for key in sorted(self._texts)[:n]}


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a held-out document with words to hide.

    Attributes:
        text: The piece.
        hidden: Start and end of every hidden word in it, in characters, in order.
    """

    text: str
    hidden: tuple[tuple[int, int], ...]


def choose_passages(texts: Sequence[str], *, n_characters: int, share: float, seed: int) -> list[Passage]:
    """Takes one passage out of each document and chooses the words to hide.

    Words are jieba's of the original text, whatever the vocabulary of the model to judge; they are taken in random
    order until the hidden characters reach the share. White space is never hidden.

    Args:
        texts: The documents.
        n_characters: Longest passage; of a longer document a piece that begins at a random word.
        share: Share of the passage's characters to hide; at least one word is.
        seed: Seed of place and words.

    Returns:
        The passages; a document without any word but white space gives none.
    """
    segmenter, passages = WordSegmenter(), []
    for text in texts:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        rng = np.random.default_rng([seed, int.from_bytes(digest, "little")])
        ends = np.cumsum([len(word) for word in segmenter(text)])
        begins = np.concatenate([[0], ends[:-1]])
        possible = begins[begins + n_characters <= len(text)]
        start = int(rng.choice(possible)) if len(possible) else 0
        inside = (begins >= start) & (ends <= start + n_characters)
        words = list(zip((begins[inside] - start).tolist(), (ends[inside] - start).tolist(), strict=True))
        if not words:  # one word longer than the passage
            words = [(0, min(len(text), n_characters))]
        piece = text[start : start + words[-1][1]]
        hidden: list[tuple[int, int]] = []
        n_hidden, wanted = 0, share * len(piece)
        for i in rng.permutation(len(words)).tolist():
            low, high = words[i]
            if piece[low:high].isspace():
                continue
            if not hidden or n_hidden + (high - low) <= max(wanted, 1):
                hidden.append((low, high))
                n_hidden += high - low
            if n_hidden >= wanted:
                break
        if hidden:
            passages.append(Passage(piece, tuple(sorted(hidden))))
    return passages
