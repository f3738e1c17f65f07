"""How a matcher joins two texts, as a ``tokenizer.json`` that transformers reads: layout and prefix become data."""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers, processors

from ..atomic import replacing
from ..data.tasks import Budget
from ..errors import InputError
from ..tokenize import CharacterSegmenter, PairBudget, PairEncoder, PairLayout, Tokenizer, WordTokenizer

__all__ = ["write_pair_tokenizer"]

# What a template calls the prefix; no text can spell it, as it is no token.
_PREFIX = "prefix"
_LONGEST_WORD = 200
# Empty, spaces, digits, Latin, full width, marks, rare and joined characters: where two tokenizers come apart first.
_PROBES = (
    ("巴萨获胜", "巴塞罗那赢球"),
    ("", "空"),
    ("  iPhone 17　Pro 发布！", "ＡＢＣ１２３，café naïve"),
    ("降准0.5个百分点（约1万亿元）", "——“研墨”…\n换行\t制表"),
    ("𠮷野家㐂龘", "👨‍👩‍👧 ①②㈱ ﬁne"),
)


def write_pair_tokenizer(
    encoder: PairEncoder,
    folder: Path,
    *,
    budget: Budget,
    limit: int | None,
    n_types: int = 2,
    types_are_sides: bool = False,
) -> None:
    """Writes ``tokenizer.json`` and ``tokenizer_config.json``, and makes sure that they give the same ids and types.

    Pairs within the budget become the same tokens, but for the encoder's steps of normalization. A longer pair is cut
    to the same number of them, but the cut text keeps its beginning only: transformers cannot keep an end as well.

    Args:
        encoder: Texts to encoded pairs.
        folder: An existing folder.
        budget: Tokens of the two texts.
        limit: Tokens the encoder's positions allow; None where there is no end.
        n_types: Rows of the encoder's type table; with one row all types are 0.
        types_are_sides: Have types tell the two texts apart whatever the encoder's own types are, for a graph that
            looks its types up by itself.

    Raises:
        InputError: The tokenizer cuts by jieba, for which the format has no place, or the prefix melts into what
            follows it, or the written tokenizer gives other tokens.
    """
    tokenizer = encoder.tokenizer
    backend, splits_special = _backend(tokenizer, folder)
    cls, sep, pad = (_token(backend, i) for i in (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id))
    prefix = _prefix_ids(encoder)
    own_types = encoder.layout is PairLayout.JOINT and tokenizer.n_between == 1 and n_types > 1
    backend.post_processor = _template(
        encoder,
        cls=(cls, tokenizer.cls_id),
        sep=(sep, tokenizer.sep_id),
        prefix=prefix,
        second_type=int(types_are_sides or own_types),
    )
    backend.no_truncation()
    backend.no_padding()
    n_tokens = budget.left + budget.right if limit is None else min(budget.left + budget.right, limit)
    unknown = next((token for token in ("[UNK]", "<unk>") if backend.token_to_id(token) is not None), sep)
    values = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "cls_token": cls,
        "sep_token": sep,
        "pad_token": pad,
        "unk_token": unknown,
        "model_max_length": n_tokens,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "padding_side": "right",
        "truncation_side": "right",
        "split_special_tokens": splits_special,
    }
    with replacing(folder / "tokenizer.json") as temporary:
        temporary.write_text(backend.to_str(pretty=False), encoding="utf-8")
    with replacing(folder / "tokenizer_config.json") as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    written = Backend.from_file(str(folder / "tokenizer.json"))
    _check(encoder, written, folder, n_types=n_types, types_are_sides=types_are_sides)


def _backend(tokenizer: Tokenizer, folder: Path) -> tuple[Backend, bool]:
    """The tokenizer as the library's own, and whether special tokens spelled in a text are ordinary text to it."""
    if not isinstance(tokenizer, WordTokenizer):
        tokenizer.save(folder)
        return Backend.from_file(str(folder / "tokenizer.json")), False
    if not isinstance(tokenizer.segmenter, CharacterSegmenter):
        raise InputError(
            "the tokenizer cuts words by jieba, which transformers cannot load from a folder",
            fix="export all tasks with yanmo export --onnx, or train on a base whose vocabulary has characters",
        )
    backend = Backend(
        models.WordPiece(
            vocab=dict(tokenizer.vocabulary.ids), unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD
        )
    )
    backend.normalizer = normalizers.BertNormalizer(lowercase=tokenizer.lower_case)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return backend, True


def _token(backend: Backend, number: int) -> str:
    return str(backend.id_to_token(number))


def _prefix_ids(encoder: PairEncoder) -> list[int]:
    if not encoder.prefix:
        return []
    prefix: list[int] = encoder.tokenizer.encode(encoder.prefix).token_ids.tolist()
    for text in (text for pair in _PROBES for text in pair):
        whole = encoder.tokenizer.encode(encoder.prefix + text).token_ids.tolist()
        if whole != prefix + encoder.tokenizer.encode(text).token_ids.tolist():
            raise InputError(
                f"the tokenizer melts the prefix {encoder.prefix!r} into the text '{text}' that follows it",
                fix="train with another prefix: --set architecture.prefix=''",
            )
    return prefix


def _template(
    encoder: PairEncoder, *, cls: tuple[str, int], sep: tuple[str, int], prefix: list[int], second_type: int
) -> processors.TemplateProcessing:
    joint = encoder.layout is PairLayout.JOINT
    opening = [sep[0]] * (encoder.tokenizer.n_between - 1) if joint else [cls[0]]
    before = [_PREFIX] if prefix else []
    left = [f"{part}:0" for part in (cls[0], *before, "$A", sep[0])]
    right = [f"{part}:{second_type}" for part in (*opening, *before, "$B", sep[0])]
    special: list[object] = [cls, sep]
    if prefix:
        names = [str(number) for number in prefix]
        special.append({"id": _PREFIX, "ids": prefix, "tokens": names})
    return processors.TemplateProcessing(single=left, pair=left + right, special_tokens=special)


def _check(encoder: PairEncoder, backend: Backend, folder: Path, *, n_types: int, types_are_sides: bool) -> None:
    found = backend.encode_batch(list(_PROBES))
    # Steps of normalization have no place in the format, which the card says; the tokens have to be the same.
    plain = PairEncoder(encoder.tokenizer, layout=encoder.layout, prefix=encoder.prefix)
    for pair, ours, theirs in zip(
        _PROBES, plain.encode_batch(_PROBES, budgets=PairBudget(1000, 1000)), found, strict=True
    ):
        types = ours.side if types_are_sides else ours.type_ids * (n_types > 1)
        if (ours.token_ids.tolist(), types.tolist()) != (theirs.ids, theirs.type_ids):
            raise InputError(
                f"the pair {pair} becomes {_first_difference(ours.token_ids.tolist(), theirs.ids)} by tokenizer.json",
                where=folder,
                fix="export all tasks with yanmo export --onnx, which keeps this tokenizer",
            )


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> str:
    for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if a != b:
            return f"the token {b} at place {i} instead of {a}"
    return f"{len(theirs)} tokens instead of {len(ours)}" if len(ours) != len(theirs) else "tokens of other types"
