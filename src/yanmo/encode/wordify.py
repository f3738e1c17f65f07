"""Vocabulary surgery: an encoder's folder with another vocabulary, every other weight untouched."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import new_folder, replacing
from ..errors import InputError
from ..tokenize import CharacterSegmenter, Vocabulary, WordSegmenter, WordTokenizer
from ..tokenize.build import is_word
from .config import EncoderConfig
from .folder import load_encoder, read_tensors
from .keymap import KeyMap
from .row_sources import Origin, RowSource, RowSources

__all__ = ["WordifyReport", "wordify"]

# What an MLM head has a row a token of, less the whole model's prefix.
_OUTPUT = re.compile(r"(cls\.predictions|lm_head)\.(bias|decoder\.bias|decoder\.weight)")
_ROLES = {
    "pad": "[PAD]",
    "unk": "[UNK]",
    "cls": "[CLS]",
    "bos": "[CLS]",
    "decoder_start": "[CLS]",
    "sep": "[SEP]",
    "eos": "[SEP]",
    "mask": "[MASK]",
}
_N_EXAMPLES = 5


@dataclass(frozen=True)
class WordifyReport:
    """What became of every token.

    Attributes:
        n_tokens: Tokens of the new vocabulary.
        n_kept: Tokens that the base has as well.
        n_by_role: Special tokens that the base spells otherwise.
        n_averaged: Tokens that start as the mean of the base's pieces.
        unknown: Tokens that start as the base's unknown token.
        n_base: Tokens of the base.
        n_spare: Rows of the base's table beyond its tokens.
        pieces_per_token: Mean number of pieces of an averaged token.
        examples: Some averaged words and the base's pieces of them.
        tensors: The tensors that were made anew.
        has_words: Whether the new folder's tokenizer cuts to words; a vocabulary without words gives characters.
        pad_id: Id of ``[PAD]`` in the new folder.
        pad_moved: Whether that is another than in the vocabulary file, because positions are counted from it.
    """

    n_tokens: int
    n_kept: int
    n_by_role: int
    n_averaged: int
    unknown: tuple[str, ...]
    n_base: int
    n_spare: int
    pieces_per_token: float
    examples: tuple[tuple[str, tuple[str, ...]], ...]
    tensors: tuple[str, ...]
    has_words: bool
    pad_id: int
    pad_moved: bool


def wordify(base: Path, vocabulary: Path, *, out: Path) -> WordifyReport:
    """Gives an encoder another vocabulary, such as one of words.

    A token that the base has keeps its row; any other starts as the mean (in float32) of the rows of its pieces under
    the base's tokenizer: ``new[天气] = (old[天] + old[气]) / 2``. The same is done to a masked language model's output
    bias, and to its output matrix where it is stored. All other tensors are copied bit for bit.

    Args:
        base: Hugging Face folder of any encoder that `load_encoder` reads, with its tokenizer.
        vocabulary: The new vocabulary file, or a folder with a ``vocab.txt``.
        out: The folder to make: configuration, weights and a `WordTokenizer`'s files.

    Returns:
        What became of every token.

    Raises:
        InputError: The base is broken, its table has fewer rows than its tokenizer has tokens, the vocabulary is broken
            or lacks ``[MASK]``, or ``out`` is not empty.

    Example:
        ``wordify(Path("bert-base-chinese"), Path("words.txt"), out=Path("wobert"))``

    Source: kexue.fm/archives/7758.
    """
    path = vocabulary / "vocab.txt" if vocabulary.is_dir() else vocabulary
    with new_folder(out) as temporary:
        given = Vocabulary.load(path)
        if "[MASK]" not in given:
            fix = "append the line [MASK], or name another vocabulary"
            raise InputError("the vocabulary lacks [MASK], which pretraining needs", where=path, fix=fix)
        loaded = load_encoder(base)  # refuses whatever is wrong with the base
        config = loaded.config
        tensors, finder = read_tensors(base), RowSources(base)
        wanted = _with_pad_in_place(given, config)
        sources = [finder.of(token) for token in wanted]
        n_base = max(finder.tokenizer.vocab_size, 1 + max(row for source in sources for row in source.rows))
        changed = _changed(base, tensors, config, loaded.keymap, n_base)
        for name in changed:
            tensors[name] = _rows(tensors[name], sources)
        with replacing(temporary / "model.safetensors") as file:  # which gives the file the usual permissions
            save_file(_apart(tensors), file, metadata={"format": "pt"})
        has_words = any(map(is_word, wanted))
        tokenizer = WordTokenizer(
            wanted,
            segmenter=WordSegmenter() if has_words else CharacterSegmenter(),
            # A vocabulary without capitals would leave every one of them unknown.
            lower_case=finder.lower_case or "A" not in wanted,
        )
        tokenizer.save(temporary)
        values = _configuration(json.loads((base / "config.json").read_text(encoding="utf-8")), wanted)
        (temporary / "config.json").write_text(
            json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    origins = [source.origin for source in sources]
    averaged = [(t, source) for t, source in zip(wanted, sources, strict=True) if source.origin is Origin.AVERAGED]
    telling = sorted((t for t, _ in averaged), key=lambda t: not is_word(t))[:_N_EXAMPLES]
    return WordifyReport(
        n_tokens=len(wanted),
        n_kept=origins.count(Origin.KEPT),
        n_by_role=origins.count(Origin.ROLE),
        n_averaged=len(averaged),
        unknown=tuple(t for t, origin in zip(wanted, origins, strict=True) if origin is Origin.UNKNOWN),
        n_base=n_base,
        n_spare=config.vocab_size - n_base,
        pieces_per_token=sum(len(source.rows) for _, source in averaged) / max(len(averaged), 1),
        examples=tuple((t, finder.spell(t)) for t in telling),
        tensors=tuple(changed),
        has_words=has_words,
        pad_id=wanted["[PAD]"],
        pad_moved=wanted["[PAD]"] != given["[PAD]"],
    )


def _with_pad_in_place(wanted: Vocabulary, config: EncoderConfig) -> Vocabulary:
    """RoBERTa counts positions from its padding id on, so there ``[PAD]`` has to take the base's id."""
    there = config.pad_id if config.position_start else wanted["[PAD]"]
    tokens = list(wanted)
    here = wanted["[PAD]"]
    tokens[here], tokens[there] = tokens[there], tokens[here]
    return Vocabulary(tokens)


def _changed(
    base: Path, tensors: Mapping[str, Tensor], config: EncoderConfig, keymap: KeyMap, n_base: int
) -> list[str]:
    if n_base > config.vocab_size:
        raise InputError(
            f"the tokenizer has {n_base:,} tokens, the embedding {config.vocab_size:,} rows",
            where=base,
            fix="put the tokenizer files there that the model was trained with",
        )
    found = []
    for name, tensor in tensors.items():
        is_output = any(map(_OUTPUT.fullmatch, keymap.unwrapped(name)))
        if keymap.to_ours(name) != "embedding.word.weight" and not is_output:
            continue
        if tensor.shape[0] != config.vocab_size:
            raise InputError(
                f"the tensor '{name}' has {tensor.shape[0]:,} rows, the embedding {config.vocab_size:,}",
                where=base,
                fix="the head belongs to another vocabulary; get the folder again, or delete the head",
            )
        found.append(name)
    return found


def _rows(old: Float[Tensor, "old ..."], sources: list[RowSource]) -> Float[Tensor, "new ..."]:
    """``new[i] = mean of old[rows of i]``, in float32; a single row is copied as it is."""
    new = old[torch.tensor([source.rows[0] for source in sources])]
    several = [i for i, source in enumerate(sources) if len(source.rows) > 1]
    if several:
        flat = torch.tensor([row for i in several for row in sources[i].rows])
        starts = torch.tensor([0, *(len(sources[i].rows) for i in several[:-1])]).cumsum(0)
        table = old.float().reshape(len(old), -1)
        means = F.embedding_bag(flat, table, starts, mode="mean")
        new[several] = means.reshape(len(several), *old.shape[1:]).to(old.dtype)
    return new


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share memory (tied ones in a torch file) are copied, as safetensors asks."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.contiguous().clone() if memory in seen else tensor.contiguous()
        seen.add(memory)
    return apart


def _configuration(values: dict[str, Any], wanted: Vocabulary) -> dict[str, Any]:
    new = values | {"vocab_size": len(wanted)}
    for name, value in values.items():
        role = name.removesuffix("_token_id")
        if role != name and value is not None:
            new[name] = wanted[_ROLES[role]] if role in _ROLES else None
    new["pad_token_id"] = wanted["[PAD]"]
    new.pop("tokenizer_class", None)  # the tokenizer's own file names it
    return new
