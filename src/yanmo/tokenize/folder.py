"""The tokenizer of a Hugging Face folder or of a bare vocabulary file."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend

from ..atomic import replacing
from ..errors import InputError
from .cpm import MODEL_FILES, CpmTokenizer
from .segment import CharacterSegmenter, WordSegmenter
from .surrogates import without_surrogates
from .tokenizer import Encoding, TextTokenizer, Tokenizer
from .vocabulary import Vocabulary
from .word import WordTokenizer

__all__ = ["FolderTokenizer", "load_text_tokenizer", "load_tokenizer"]

# BERT's vocabularies have no token of several Chinese characters; WoBERT's have tens of thousands.
_FEWEST_WORDS = 1000


class FolderTokenizer:
    """A ``tokenizer.json`` run by the ``tokenizers`` library.

    Args:
        backend: The tokenizer.
        cls_token: The token that opens an input.
        sep_token: The token that ends a text.
        pad_token: The token for padding.

    Raises:
        InputError: One of the three tokens is not in the vocabulary.
    """

    def __init__(self, backend: Backend, *, cls_token: str, sep_token: str, pad_token: str) -> None:
        self._backend = backend
        self._backend.no_truncation()
        self._backend.no_padding()
        self._tokens = (cls_token, sep_token, pad_token)
        self.cls_id, self.sep_id, self.pad_id = (_id_of(backend, token) for token in self._tokens)
        joint = backend.encode("", "", add_special_tokens=True).ids
        self.n_between = max(1, joint.count(self.sep_id) - 1)

    def __reduce__(self) -> tuple[Any, ...]:
        cls_token, sep_token, pad_token = self._tokens
        rebuild = partial(FolderTokenizer, cls_token=cls_token, sep_token=sep_token, pad_token=pad_token)
        return rebuild, (self._backend,)

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def id_of(self, token: str) -> int | None:
        """Id of a token as it is spelled in the vocabulary; None where there is none."""
        found: int | None = self._backend.token_to_id(token)
        return found

    def encode(self, text: str) -> Encoding:
        """Encodes one text."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes many texts; a lone surrogate counts as U+FFFD, which is as long."""
        clean = [without_surrogates(text) for text in texts]
        return [
            Encoding(np.array(e.ids, dtype=np.int32), np.array(e.offsets, dtype=np.int32).reshape(-1, 2))
            for e in self._backend.encode_batch(clean, add_special_tokens=False)
        ]

    def save(self, folder: Path) -> None:
        """Writes ``tokenizer.json`` and ``tokenizer_config.json``.

        Args:
            folder: The model folder; made if missing.
        """
        folder.mkdir(parents=True, exist_ok=True)
        values = dict(zip(("cls_token", "sep_token", "pad_token"), self._tokens, strict=True))
        with replacing(folder / "tokenizer.json") as temporary:
            temporary.write_text(self._backend.to_str(pretty=False), encoding="utf-8")
        with replacing(folder / "tokenizer_config.json") as temporary:
            text = json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **values}, indent=2)
            temporary.write_text(text + "\n", encoding="utf-8")


def load_text_tokenizer(path: Path, *, characters: bool = False) -> TextTokenizer:
    """Reads the tokenizer of an encoder or of CPM-LM, whichever it is.

    A file that ends in ``.model`` is CPM-LM's, as is a folder with ``chinese_vocab.model`` or one whose configuration
    names CPM's class; all else is read as by `load_tokenizer`.

    Args:
        path: A vocabulary or sentencepiece file, or a Hugging Face folder.
        characters: Split to characters even where the vocabulary holds words.

    Returns:
        The tokenizer.

    Raises:
        InputError: There is no tokenizer, it is broken, or ``characters`` is asked of a sentencepiece model.
    """
    if not _is_cpm(path):
        return load_tokenizer(path, characters=characters)
    if characters:
        raise InputError("CPM-LM's vocabulary cannot be split to characters", where=path, fix="leave --characters out")
    return CpmTokenizer.load(path)


def load_tokenizer(path: Path, *, characters: bool = False) -> Tokenizer:
    """Reads an encoder's tokenizer.

    A file is a vocabulary. In a folder ``tokenizer.json`` is used unless the folder is a word model (saved by Yanmo
    as one, or RoFormer, whose ``tokenizer.json`` cannot hold jieba); else ``vocab.txt``. A vocabulary with a thousand
    tokens of several Chinese characters is one of words.

    Args:
        path: A vocabulary file or a Hugging Face folder.
        characters: Split to characters even where the vocabulary holds words.

    Returns:
        The tokenizer.

    Raises:
        InputError: There is no tokenizer, or it is broken.
    """
    if _is_cpm(path):
        raise InputError(
            "is CPM-LM's vocabulary, which has no opening token: it is of a language model, not of an encoder",
            where=path,
            fix="name an encoder's vocabulary or folder here",
        )
    if path.is_file() or not path.exists():
        return _from_vocabulary(path, characters=characters, lower_case=True, words=None)
    values = {**_read(path / "special_tokens_map.json"), **_read(path / "tokenizer_config.json")}
    kind, model_type = values.get("yanmo_tokenizer"), _read(path / "config.json").get("model_type")
    words = True if kind == "words" or (kind is None and model_type == "roformer") else None
    vocabulary, fast = path / "vocab.txt", path / "tokenizer.json"
    if fast.is_file() and not words and not (characters and vocabulary.is_file()):
        return _from_json(fast, values)
    if not vocabulary.is_file():
        raise InputError(
            "there is neither vocab.txt nor tokenizer.json", where=path, fix="copy the tokenizer files there"
        )
    lower_case = bool(values.get("do_lower_case", True))
    return _from_vocabulary(
        vocabulary, characters=characters or kind == "characters", lower_case=lower_case, words=words
    )


def _is_cpm(path: Path) -> bool:
    if not path.is_dir():
        return path.suffix == ".model"
    if (path / MODEL_FILES[0]).is_file():
        return True
    values = _read(path / "tokenizer_config.json")
    return str(values.get("tokenizer_class")).startswith("CpmTokenizer") and (path / MODEL_FILES[1]).is_file()


def _from_vocabulary(path: Path, *, characters: bool, lower_case: bool, words: bool | None) -> WordTokenizer:
    vocabulary = Vocabulary.load(path)
    if words is None:
        words = sum(len(t) > 1 and all("一" <= ch <= "龥" for ch in t) for t in vocabulary) >= _FEWEST_WORDS
    segmenter = WordSegmenter() if words and not characters else CharacterSegmenter()
    return WordTokenizer(vocabulary, segmenter=segmenter, lower_case=lower_case)


def _from_json(path: Path, values: dict[str, Any]) -> FolderTokenizer:
    try:
        backend = Backend.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for a broken file
        raise InputError(f"cannot be read as a tokenizer ({error})", where=path, fix="download it again") from error

    def token(name: str, *usual: str) -> str:
        given = values.get(name)
        given = given.get("content") if isinstance(given, dict) else given
        if given is not None:
            return str(given)
        return next((t for t in usual if backend.token_to_id(t) is not None), usual[0])

    return FolderTokenizer(
        backend,
        cls_token=token("cls_token", "[CLS]", "<s>"),
        sep_token=token("sep_token", "[SEP]", "</s>"),
        pad_token=token("pad_token", "[PAD]", "<pad>"),
    )


def _id_of(backend: Backend, token: str) -> int:
    found = backend.token_to_id(token)
    if found is None:
        raise InputError(f"the tokenizer has no token {token!r}", fix="check special_tokens_map.json")
    return found


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not JSON ({error})", where=path, fix="get the file again") from None
    return values if isinstance(values, dict) else {}
