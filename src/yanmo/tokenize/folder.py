"""The tokenizer of a Hugging Face folder or of a bare vocabulary file."""

import json
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers, processors

from ..atomic import replacing
from ..errors import InputError
from ..json_file import read_json
from .cpm import MODEL_FILES, CpmTokenizer
from .foreign_folder import missing_file
from .segment import CharacterSegmenter, WordSegmenter
from .special_as_text import without_special_tokens
from .surrogates import without_surrogates
from .tokenizer import Encoding, TextTokenizer, Tokenizer
from .vocabulary import Vocabulary
from .word import WordTokenizer

__all__ = ["FolderTokenizer", "listed_tokens", "load_text_tokenizer", "load_tokenizer"]

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
    def definition(self) -> dict[str, Any]:
        """What stands in its ``tokenizer.json``."""
        return dict(json.loads(self._backend.to_str()))

    @property
    def tokens(self) -> list[str]:
        """The tokens in the order of their ids, as `listed_tokens` gives them."""
        return listed_tokens(self._backend)

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
        return _encodings(self._backend, texts)

    def encode_batch_as_text(self, texts: Sequence[str]) -> list[Encoding]:
        """Encodes many texts as ``encode_batch``, but special tokens spelled in them are text like any other.

        Args:
            texts: The texts.

        Returns:
            Ids and offsets of each.

        Raises:
            InputError: The tokenizer finds its special tokens in any text.
        """
        return _encodings(self._without_special_tokens, texts)

    @cached_property
    def _without_special_tokens(self) -> Backend:
        return without_special_tokens(self._backend, always=self._tokens)

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


def _encodings(backend: Backend, texts: Sequence[str]) -> list[Encoding]:
    clean = [without_surrogates(text) for text in texts]
    return [
        Encoding(np.array(e.ids, dtype=np.int32), np.array(e.offsets, dtype=np.int32).reshape(-1, 2))
        for e in backend.encode_batch(clean, add_special_tokens=False)
    ]


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
    as one, or RoFormer with words, whose ``tokenizer.json`` cannot hold jieba); else ``vocab.txt``. A vocabulary with
    a thousand tokens of several Chinese characters is one of words, and RoFormer's with any, unless its
    ``tokenizer_class`` is BERT's. ``do_lower_case``, ``strip_accents`` and ``tokenize_chinese_chars`` of
    ``tokenizer_config.json`` mean what they do for BERT's tokenizer in transformers, and go before ``tokenizer.json``.

    Args:
        path: A vocabulary file or a Hugging Face folder.
        characters: Split to characters even where the vocabulary holds words.

    Returns:
        The tokenizer.

    Raises:
        InputError: There is no tokenizer, it is broken, or it has a setting that a vocabulary of words cannot honor.
    """
    if _is_cpm(path):
        raise InputError(
            "is CPM-LM's vocabulary, which has no opening token: it is of a language model, not of an encoder",
            where=path,
            fix="name an encoder's vocabulary or folder here",
        )
    if path.is_file() or not path.exists():
        vocabulary = Vocabulary.load(path)
        words = _n_words(vocabulary) >= _FEWEST_WORDS and not characters
        return WordTokenizer(vocabulary, segmenter=WordSegmenter() if words else CharacterSegmenter())
    values = {**_read(path / "special_tokens_map.json"), **_read(path / "tokenizer_config.json")}
    kind, is_roformer = values.get("yanmo_tokenizer"), _read(path / "config.json").get("model_type") == "roformer"
    listed, fast = path / "vocab.txt", path / "tokenizer.json"
    may_have_words = kind == "words" or (kind is None and is_roformer)
    if fast.is_file() and not may_have_words and not (characters and listed.is_file()):
        return _from_json(fast, values)
    if listed.is_file():
        vocabulary = Vocabulary.load(listed)
    elif fast.is_file():
        vocabulary = Vocabulary(listed_tokens(_backend(fast)), where=fast)
    else:
        raise _without_tokenizer(path)
    if kind is None:
        n_words, is_bert = _n_words(vocabulary), str(values.get("tokenizer_class")).startswith("Bert")
        has_words = n_words >= _FEWEST_WORDS or (is_roformer and n_words > 0 and not is_bert)
    else:
        has_words = kind == "words"
    if fast.is_file() and not has_words and not characters:
        return _from_json(fast, values)
    return _from_vocabulary(vocabulary, values, words=has_words and not characters, where=path)


def listed_tokens(backend: Backend) -> list[str]:
    """The tokens of a ``tokenizer.json`` in the order of their ids.

    transformers reads a vocabulary file with the white space of each line taken off: of several tokens that are white
    space (BERT's U+2028 is one) the last is left, spelled as nothing, and nobody has the ids of the others.

    Args:
        backend: The tokenizer.

    Returns:
        A token an id; ``[hole 7]`` where nobody has the id 7.
    """
    ids = backend.get_vocab(with_added_tokens=True)
    by_id = {i: token for token, i in ids.items()}
    return [by_id.get(i, f"[hole {i}]") for i in range(max(by_id, default=-1) + 1)]


def _is_cpm(path: Path) -> bool:
    if not path.is_dir():
        return path.suffix == ".model"
    if (path / MODEL_FILES[0]).is_file():
        return True
    values = _read(path / "tokenizer_config.json")
    return str(values.get("tokenizer_class")).startswith("CpmTokenizer") and (path / MODEL_FILES[1]).is_file()


def _without_tokenizer(path: Path) -> InputError:
    problem = "there is neither vocab.txt nor tokenizer.json"
    for pattern, what in (("*.model", "a sentencepiece model"), ("merges.txt", "a vocabulary of byte pairs")):
        found = next(iter(sorted(path.glob(pattern))), None)
        if found is not None:
            return InputError(
                f"{problem}, only {what} ({found.name})",
                where=path,
                fix="let transformers write tokenizer.json: "
                f"AutoTokenizer.from_pretrained('{path}').save_pretrained('{path}')",
            )
    return missing_file(problem, folder=path, where=path, fix="copy the tokenizer files there")


def _n_words(tokens: Vocabulary) -> int:
    return sum(len(t) > 1 and all("一" <= ch <= "龥" for ch in t) for t in tokens)


def _from_vocabulary(vocabulary: Vocabulary, values: dict[str, Any], *, words: bool, where: Path) -> Tokenizer:
    lower_case = _switch(values, "do_lower_case", True, where)
    strip_accents = _switch(values, "strip_accents", None, where)
    chinese = _switch(values, "tokenize_chinese_chars", True, where)
    # Accents go with case unless the folder says otherwise; then it takes the library that has all combinations.
    others = {
        "strip_accents": strip_accents not in (None, lower_case),
        "tokenize_chinese_chars": chinese is False,
    }
    if not any(others.values()):
        segmenter = WordSegmenter() if words else CharacterSegmenter()
        return WordTokenizer(vocabulary, segmenter=segmenter, lower_case=bool(lower_case))
    if words:
        name = next(name for name, is_other in others.items() if is_other)
        raise InputError(
            f"{name} is {values[name]!r}, which a vocabulary of words has no place for",
            where=where / "tokenizer_config.json",
            fix=f"delete {name} if the model was trained with the original WoBERT's tokenizer, else name another base",
        )
    backend = Backend(models.WordPiece(vocab=dict(vocabulary.ids), unk_token="[UNK]", max_input_chars_per_word=100))
    backend.normalizer = normalizers.BertNormalizer(
        lowercase=bool(lower_case), strip_accents=strip_accents, handle_chinese_chars=bool(chinese)
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    return FolderTokenizer(backend, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")


def _switch(values: dict[str, Any], name: str, otherwise: bool | None, where: Path) -> bool | None:
    given = values.get(name, otherwise)
    if given is None or isinstance(given, bool):
        return given if given is not None else otherwise
    raise InputError(
        f"{name} is {given!r}, neither true nor false", where=where / "tokenizer_config.json", fix="write true or false"
    )


def _backend(path: Path) -> Backend:
    try:
        return Backend.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for a broken file
        raise InputError(f"cannot be read as a tokenizer ({error})", where=path, fix="download it again") from error


def _from_json(path: Path, values: dict[str, Any]) -> FolderTokenizer:
    backend = _backend(path)
    old = backend.normalizer
    # transformers builds BERT's normalizer from the settings; a class of no model takes the file as it is.
    if isinstance(old, normalizers.BertNormalizer) and values.get("tokenizer_class") != "PreTrainedTokenizerFast":
        backend.normalizer = normalizers.BertNormalizer(
            clean_text=old.clean_text,
            lowercase=bool(_switch(values, "do_lower_case", old.lowercase, path.parent)),
            strip_accents=_switch(values, "strip_accents", old.strip_accents, path.parent),
            handle_chinese_chars=bool(_switch(values, "tokenize_chinese_chars", old.handle_chinese_chars, path.parent)),
        )

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
    return dict(read_json(path))
