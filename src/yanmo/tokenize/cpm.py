"""The tokenizer of CPM-LM: words by jieba, signs for spaces and newlines, pieces by sentencepiece."""

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing
from ..errors import InputError, require_extra
from .hidden_markov import HiddenMarkovSegmenter
from .surrogates import without_surrogates
from .tokenizer import Encoding

__all__ = ["MODEL_FILES", "CpmTokenizer", "Vintage"]

MODEL_FILES = ("chinese_vocab.model", "spiece.model")
"""Names of the sentencepiece file in a folder: the original's and Hugging Face's."""

_SPACE, _NEWLINE = "\u2582", "\u2583"
_TO_SIGNS = str.maketrans({" ": _SPACE, "\n": _NEWLINE})
_FROM_SIGNS = str.maketrans({" ": None, _SPACE: " ", _NEWLINE: "\n"})
_AGAIN = "get the file again, as it came with the checkpoint"


class Vintage(Enum):
    """The two sentencepiece models that CPM's authors published in November 2020."""

    OLDER = "older"
    """A newline is ``<cls>``; U+2583 is no piece."""
    NEWER = "newer"
    """A newline is the piece U+2583, which has the place of ``<cls>``."""


class CpmTokenizer:
    """CPM-LM's tokenizer: the original's token ids, and the position of every token in the text.

    jieba cuts the text, in every word a space becomes U+2582 and a newline U+2583, the words joined by one space go
    through sentencepiece, and in the older vintage the piece U+2583 becomes ``<cls>``. No special token is ever added.
    Ids decode to the text they came from, unless the text holds what the vocabulary cannot say: characters that
    sentencepiece's normal form (NFKC) changes, such as full-width letters and commas; control characters, joiners and
    white space other than spaces and newlines, which are lost; characters without a piece, which become U+2047; the
    signs U+2581 to U+2583 themselves.

    Pickles, so that worker processes can use it.

    Args:
        model: The bytes of the sentencepiece file.
        where: That file, for messages.

    Raises:
        InputError: The bytes are no sentencepiece model, or not CPM-LM's.
        MissingExtraError: sentencepiece is not installed.

    Source: kexue.fm/archives/7912; TsinghuaAI/CPM-1-Generate and bert4keras compute the same.
    """

    def __init__(self, model: bytes, *, where: Path | None = None) -> None:
        library = require_extra("sentencepiece", extra="torch")
        self._model = model
        self._processor = library.SentencePieceProcessor()
        try:
            if not model or not self._processor.LoadFromSerializedProto(model):
                raise RuntimeError("it is empty")
        except RuntimeError as error:
            raise InputError(f"is no sentencepiece model ({error})", where=where, fix=_AGAIN) from None
        pieces = [self._processor.IdToPiece(i) for i in range(len(self._processor))]
        self._ids = {piece: i for i, piece in enumerate(pieces)}
        self.vintage = Vintage.NEWER if _NEWLINE in self._ids else Vintage.OLDER
        """The vintage, as the pieces tell."""
        newline = _NEWLINE if self.vintage is Vintage.NEWER else "<cls>"
        missing = [piece for piece in (_SPACE, newline, "<pad>", "<eod>") if piece not in self._ids]
        if missing:
            raise InputError(
                f"is a sentencepiece model, but not CPM-LM's: the pieces {', '.join(missing)} are missing",
                where=where,
                fix="take the chinese_vocab.model that came with the checkpoint",
            )
        self.newline_id = self._ids[newline]
        """Id of a newline."""
        self.space_id = self._ids[_SPACE]
        """Id of a space."""
        self.pad_id = self._ids["<pad>"]
        """Id of padding."""
        self.eod_id = self._ids["<eod>"]
        """Id of the end of a document."""
        self.unknown_id = int(self._processor.unk_id())
        """Id of a character that no piece holds."""
        self.tokens = list(pieces)
        """The pieces in the order of their ids, as the file spells them."""
        pieces[self.newline_id] = _NEWLINE
        self._spelled = pieces
        self._cut = HiddenMarkovSegmenter()

    def __reduce__(self) -> tuple[Any, ...]:
        return CpmTokenizer, (self._model,)

    @classmethod
    def load(cls, path: Path) -> "CpmTokenizer":
        """Reads a sentencepiece file.

        Args:
            path: The file, or a folder with ``chinese_vocab.model`` or ``spiece.model``.

        Returns:
            The tokenizer; the file's pieces say of which vintage.

        Raises:
            InputError: There is no such file, or it is not CPM-LM's vocabulary.
        """
        if path.is_dir():
            found = next((path / name for name in MODEL_FILES if (path / name).is_file()), None)
            if found is None:
                raise InputError(
                    f"there is neither {' nor '.join(MODEL_FILES)}", where=path, fix="copy CPM-LM's vocabulary there"
                )
            path = found
        try:
            return cls(path.read_bytes(), where=path)
        except FileNotFoundError:
            raise InputError("there is no such vocabulary file", where=path, fix="check the path") from None

    @property
    def start_ids(self) -> tuple[int, ...]:
        """Ids that stand before every text: none."""
        return ()

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return len(self._spelled)

    def id_of(self, token: str) -> int | None:
        """Id of a piece as the file spells it; None where there is none."""
        return self._ids.get(token)

    def encode(self, text: str) -> Encoding:
        """Encodes one text.

        Args:
            text: The text.

        Returns:
            Ids, and where in ``text`` every token stands; a piece that only parts two words stands nowhere (its end is
            its start).
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes many texts; the same as one by one."""
        words = [self._cut(without_surrogates(text)) for text in texts]
        joined = [" ".join(word.translate(_TO_SIGNS) for word in cut) for cut in words]
        found = self._processor.Encode(joined, return_type="offset_mapping", num_threads=1)
        return [self._encoding(tokens, cut) for tokens, cut in zip(found, words, strict=True)]

    def decode(self, token_ids: Sequence[int] | NDArray[np.integer]) -> str:
        """Decodes token ids; the text of two lists joined is the text of the first followed by that of the second.

        Args:
            token_ids: Token ids; special tokens other than the newline's say nothing.

        Returns:
            The text.

        Raises:
            InputError: An id is none of the vocabulary.
        """
        ids = [int(i) for i in token_ids]
        outside = next((i for i in ids if not 0 <= i < self.vocab_size), None)
        if outside is not None:
            raise InputError(
                f"the token id {outside} is none of 0 to {self.vocab_size - 1}",
                fix="decode what the model of this vocabulary gave",
            )
        text: str = self._processor.DecodePieces([self._spelled[i] for i in ids])
        return text.translate(_FROM_SIGNS)

    def save(self, folder: Path) -> None:
        """Writes ``chinese_vocab.model`` and ``tokenizer_config.json``.

        The class named in there is none of transformers': its own CPM tokenizer loses newlines and spaces, and its
        ``AutoTokenizer`` refuses a class that it does not know, which is better than wrong ids.

        Args:
            folder: The model folder; made if missing.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / MODEL_FILES[0]) as temporary:
            temporary.write_bytes(self._model)
        values = {"tokenizer_class": "YanmoCpmTokenizer", "yanmo_tokenizer": "cpm"}
        with replacing(folder / "tokenizer_config.json") as temporary:
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

    def _encoding(self, tokens: dict[str, list[Any]], words: list[str]) -> Encoding:
        lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        # A position in the joined text, less the joining spaces before it, is one in the text.
        is_joint = np.zeros(int(lengths.sum()) + max(len(words), 1), dtype=np.int32)
        is_joint[np.cumsum(lengths + 1)[:-1] - 1] = 1
        origin = np.arange(len(is_joint), dtype=np.int32)
        origin[1:] -= np.cumsum(is_joint, dtype=np.int32)[:-1]
        pairs = zip(tokens["pieces"], tokens["ids"], strict=True)
        token_ids = [self.newline_id if piece == _NEWLINE else i for piece, i in pairs]
        offsets = np.array(tokens["offsets"], dtype=np.int32).reshape(-1, 2)
        return Encoding(np.array(token_ids, dtype=np.int32), origin[offsets])
