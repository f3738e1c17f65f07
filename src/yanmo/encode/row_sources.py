"""Which rows of a base's token table a token of another vocabulary starts from."""

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError
from ..tokenize import FolderTokenizer, WordTokenizer, find_special_ids, load_tokenizer

__all__ = ["Origin", "PieceStyle", "RowSource", "RowSources"]


class Origin(Enum):
    """Where a token's row comes from."""

    KEPT = "kept"
    """The same token of the base."""
    ROLE = "role"
    """The base's token with the same role, such as ``<s>`` for ``[CLS]``."""
    AVERAGED = "averaged"
    """The mean of the base's pieces of the token."""
    UNKNOWN = "unknown"
    """The base's unknown token: the base knows no piece of the token, or the token stands for no text."""


class PieceStyle(Enum):
    """How the base's vocabulary spells a piece that begins a word and one that goes on."""

    WORD_PIECE = "word piece"
    """``play``, ``##ing``."""
    SENTENCE_PIECE = "sentence piece"
    """``▁play``, ``ing``."""
    BYTES = "bytes"
    """``Ġplay``, ``ing``, every byte written as a letter, so that names of other than ASCII say nothing."""

    @property
    def start_mark(self) -> str:
        """What stands before the pieces that begin a word."""
        return {PieceStyle.WORD_PIECE: "", PieceStyle.SENTENCE_PIECE: "▁", PieceStyle.BYTES: "Ġ"}[self]


class RowSource(NamedTuple):
    """Where one token's row comes from."""

    origin: Origin
    """The kind of source."""
    rows: tuple[int, ...]
    """Rows of the base's table; the token's is their mean."""


class RowSources:
    """Finds the rows of a base for the tokens of a vocabulary of BERT's kind (``##`` goes on with a word).

    Args:
        base: The base's folder.

    Raises:
        InputError: The folder has no tokenizer, or one without an unknown token.
    """

    def __init__(self, base: Path) -> None:
        tokenizer = load_tokenizer(base)
        if not isinstance(tokenizer, (FolderTokenizer, WordTokenizer)):
            raise InputError("the base's tokenizer cannot look tokens up", where=base, fix="name another base")
        self.tokenizer = tokenizer
        """The base's tokenizer."""
        self.style, self.lower_case = PieceStyle.WORD_PIECE, True
        """The spelling of the base's pieces; whether the base knows no capitals."""
        if isinstance(tokenizer, WordTokenizer):
            self.lower_case = tokenizer.lower_case
        else:
            self.style, self.lower_case = _style_of(tokenizer.definition)
        special = find_special_ids(tokenizer)
        self._unknown = special.unknown
        self._lone_mark = tokenizer.id_of(self.style.start_mark) if self.style.start_mark else None
        self._roles = {
            "[PAD]": tokenizer.pad_id,
            "[UNK]": special.unknown,
            "[CLS]": tokenizer.cls_id,
            "[SEP]": tokenizer.sep_id,
        }
        if special.has_mask:
            self._roles["[MASK]"] = special.mask

    def of(self, token: str) -> RowSource:
        """Finds the rows of one token.

        Args:
            token: A token of the new vocabulary.

        Returns:
            Its source.
        """
        role = self._roles.get(token)
        if role is not None:
            return RowSource(Origin.KEPT if self.tokenizer.id_of(token) == role else Origin.ROLE, (role,))
        own = self._own(token)
        if own is not None:
            return RowSource(Origin.KEPT, (own,))
        # [unused7] and [MASK] stand for no text: their letters would say nothing.
        rows = () if len(token) > 2 and token[0] == "[" and token[-1] == "]" else tuple(self._pieces(token))
        return RowSource(Origin.AVERAGED, rows) if rows else RowSource(Origin.UNKNOWN, (self._unknown,))

    def spell(self, token: str) -> tuple[str, ...]:
        """Gives the text of every piece that a token has under the base's tokenizer."""
        text, _ = _text_of(token)
        return tuple(text[start:end] for _, start, end in self._known_pieces(text))

    def _own(self, token: str) -> int | None:
        """The base's token of the same text in the same place of a word."""
        if self.style is PieceStyle.WORD_PIECE:
            return self.tokenizer.id_of(token)
        if self.style is PieceStyle.BYTES:
            return None
        text, goes_on = _text_of(token)
        inside = self.tokenizer.id_of(text)
        if goes_on:
            return inside
        beginning = self.tokenizer.id_of(self.style.start_mark + text)
        first, second = (inside, beginning) if _runs_on(text) else (beginning, inside)
        return second if first is None else first

    def _pieces(self, token: str) -> Iterator[int]:
        text, goes_on = _text_of(token)
        for piece, start, end in self._known_pieces(text):
            yield piece if start else self._placed(piece, text[start:end], goes_on)

    def _known_pieces(self, text: str) -> Iterator[tuple[int, int, int]]:
        encoding = self.tokenizer.encode(text)
        for piece, (start, end) in zip(encoding.token_ids.tolist(), encoding.offsets.tolist(), strict=True):
            # A mark alone only says that a word begins; it is no part of the text.
            if piece not in (self._unknown, self._lone_mark):
                yield piece, start, end

    def _placed(self, piece: int, text: str, goes_on: bool) -> int:
        """The form that the first piece has in the place of a word that the token stands for."""
        if self.style is PieceStyle.SENTENCE_PIECE and (goes_on or _runs_on(text)):
            marked, wanted = self.style.start_mark + text, text
        elif self.style is PieceStyle.WORD_PIECE and goes_on:
            marked, wanted = text, f"##{text}"
        else:
            return piece
        other = self.tokenizer.id_of(wanted)
        return other if other is not None and self.tokenizer.id_of(marked) == piece else piece


def _text_of(token: str) -> tuple[str, bool]:
    """A token's text, and whether it goes on with a word."""
    return (token[2:], True) if len(token) > 2 and token.startswith("##") else (token, False)


def _runs_on(text: str) -> bool:
    """Whether a text begins in a script without capitals, or with a digit or sign.

    These mostly stand without a space before them, so that the base has met their pieces without a mark.
    """
    return text[:1].lower() == text[:1].upper()


def _style_of(values: dict[str, Any]) -> tuple[PieceStyle, bool]:
    normalizer = values.get("normalizer") or {}
    lower_case = bool(normalizer.get("lowercase", False))
    if values["model"].get("continuing_subword_prefix") == "##":
        return PieceStyle.WORD_PIECE, lower_case
    if "ByteLevel" in json.dumps(values.get("pre_tokenizer")):
        return PieceStyle.BYTES, lower_case
    return PieceStyle.SENTENCE_PIECE, lower_case
