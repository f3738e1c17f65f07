"""What a vocabulary lacks, spelled in letters that it has: a model tells unknown pieces apart that were one token."""

import unicodedata
from base64 import b32encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import groupby

from ..tokenizer import Encoding
from .traced import TracedText

__all__ = ["UnknownSpelling"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_N_BYTES = 5  # forty bits, eight letters

Encode = Callable[[Sequence[str]], list[Encoding]]


class UnknownSpelling:
    """Spells the pieces of texts that a vocabulary lacks.

    A tokenizer makes one and the same token of everything its vocabulary lacks, so that 张䶮 and 张𤩽 are the same
    input. Here such a piece is spelled by eight letters, the digest of its characters: wherever it stands it is spelled
    alike, and two pieces are spelled alike by chance once in ``2 ** 40``. The letters say whether two pieces are the
    same and nothing of what they mean.

    Args:
        encode: Texts to tokens.
        unknown_id: Id of the token that stands for what the vocabulary lacks.
    """

    def __init__(self, encode: Encode, *, unknown_id: int) -> None:
        self._encode = encode
        self._unknown_id = unknown_id
        self._lacks: dict[str, bool] = {}
        words = encode([letter * 2 * _N_BYTES for letter in _LETTERS])
        self.can_spell = not any((word.token_ids == unknown_id).any() for word in words)
        """Whether the vocabulary has the letters; without them unknown pieces stay one and the same."""

    def spelled(
        self, texts: Sequence[TracedText], encodings: Sequence[Encoding], *, start: int = 0
    ) -> list[TracedText]:
        """Spells what is unknown in texts.

        Of a piece that holds characters the vocabulary has, only the others are spelled, those beside each other as
        one; a piece of which every single character is known (a word too long for its algorithm) is spelled as a whole.

        Args:
            texts: The texts.
            encodings: What each is to the tokenizer; the offsets count from ``start`` characters before the text.
            start: Where in the offsets the texts begin.

        Returns:
            The texts with letters for what is unknown; traced to the same originals.
        """
        pieces = [self._pieces(encoding, start) for encoding in encodings]
        self._learn(
            character
            for text, its in zip(texts, pieces, strict=True)
            for begin, end in its
            for character in text.text[begin:end]
        )
        return [self._replaced(text, its) for text, its in zip(texts, pieces, strict=True)]

    def _pieces(self, encoding: Encoding, start: int) -> list[tuple[int, int]]:
        spans = encoding.offsets[encoding.token_ids == self._unknown_id] - start
        return [(begin, end) for begin, end in spans.tolist() if 0 <= begin < end]

    def _learn(self, characters: Iterable[str]) -> None:
        """Finds out which characters the vocabulary lacks."""
        new = [character for character in dict.fromkeys(characters) if character not in self._lacks]
        for character, encoding in zip(new, self._encode(new) if new else (), strict=True):
            is_unknown = bool((encoding.token_ids == self._unknown_id).any())
            self._lacks[character] = is_unknown and not character.isspace()

    def _replaced(self, text: TracedText, pieces: Iterable[tuple[int, int]]) -> TracedText:
        runs: list[tuple[int, int]] = []
        for begin, end in sorted(run for piece in pieces for run in self._runs(text.text, *piece)):
            # One character may be several pieces, and a segmenter may part what stands together.
            if runs and begin <= runs[-1][1]:
                runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
            else:
                runs.append((begin, end))
        return text.replaced([(begin, end, _spelling(text.text[begin:end])) for begin, end in runs])

    def _runs(self, text: str, begin: int, end: int) -> list[tuple[int, int]]:
        """What of a piece is spelled: places in the text, in order."""
        runs: list[tuple[int, int]] = []
        for lacks, places in groupby(range(begin, end), key=lambda place: self._lacks[text[place]]):
            if lacks:
                run = list(places)
                runs.append((run[0], run[-1] + 1))
        return runs or ([(begin, end)] if text[begin:end].strip() else [])


def _spelling(piece: str) -> str:
    # Characters that Unicode calls equivalent are spelled alike; spaces keep the letters apart from others.
    digest = sha256(unicodedata.normalize("NFKC", piece).encode()).digest()
    return f" {b32encode(digest[:_N_BYTES]).decode().lower()} "
