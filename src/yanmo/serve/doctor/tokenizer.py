"""Whether a folder's texts are being split to characters though its vocabulary holds words, and the repair."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from ...atomic import replacing
from ...errors import InputError
from ...match.folder_record import FILES_FILE, write_files
from ...tokenize import CharacterSegmenter, Tokenizer, Vocabulary, WordSegmenter, WordTokenizer, load_tokenizer
from ...tokenize.build import is_word
from ...tokenize.folder import listed_tokens

__all__ = ["examine_tokenizer"]

_SAMPLE = "今天北京天气不错，我们公司的同学下午去公园参加活动。"
_N_SAMPLE_WORDS = 8
# Fewer may be strays in a vocabulary of characters.
_FEWEST_WORDS = 1000
_SUFFIX = ".split"
_MAX_HEADER = 1 << 27


@dataclass(frozen=True)
class _Findings:
    """What a folder holds and how a sample comes out.

    Attributes:
        vocabulary: One of BERT's kind; None where ``tokenizer.json`` is of another kind.
        n_tokens: Token ids.
        words: The vocabulary's words of several Chinese characters.
        lower_case: Whether texts are brought to lower case.
        sample: A text with some of the words.
        elsewhere: The sample as `transformers` and `tokenizers` cut it.
        here: The sample as Yanmo cuts it.
        whole: The sample as the vocabulary allows it to be cut.
    """

    vocabulary: Vocabulary | None
    n_tokens: int
    words: tuple[str, ...]
    lower_case: bool
    sample: str
    elsewhere: tuple[str, ...]
    here: tuple[str, ...]
    whole: tuple[str, ...]

    def is_split(self, pieces: Sequence[str]) -> bool:
        """Whether a cut of the sample has no word whole, though the vocabulary allows some."""
        return any(map(is_word, self.whole)) and not any(map(is_word, pieces))


def examine_tokenizer(folder: Path, *, repair: bool = False) -> Iterator[str]:
    """Says how a folder's tokenizer cuts against what its vocabulary allows.

    The repair writes ``vocab.txt`` (where only ``tokenizer.json`` has the vocabulary) and has ``tokenizer_config.json``
    say that it is one of words; a ``tokenizer.json`` that splits is renamed, never deleted.

    Args:
        folder: A Hugging Face folder.
        repair: Write the right files where texts are being split.

    Yields:
        Lines to print.

    Raises:
        InputError: The tokenizer or the weight file is broken, ``vocab.txt`` and ``tokenizer.json`` disagree, or there
            are more tokens than rows.
    """
    found = _find(folder)
    yield f"词表 vocabulary：{found.n_tokens:,} 个 token，其中多字词 words {len(found.words):,}"
    limits = {"config.json": _values(folder / "config.json").get("vocab_size"), "词向量 embedding": _n_rows(folder)}
    known = {name: size for name, size in limits.items() if size is not None}
    yield "模型 model：" + ("，".join(f"{name} {size:,}" for name, size in known.items()) or "无 none")
    yield f"例句 sample：{found.sample}"
    for name, pieces in (
        ("transformers / tokenizers", found.elsewhere),
        ("Yanmo", found.here),
        ("词表允许 the vocabulary allows", found.whole),
    ):
        yield f"  {name}：{' '.join(pieces)}（每 token {len(found.sample) / max(len(pieces), 1):.2f} 字 characters）"
    yield from _verdict(folder, found, repair=repair)
    if found.n_tokens > min(known.values(), default=found.n_tokens):
        raise InputError(
            f"the vocabulary has {found.n_tokens:,} tokens, the model {min(known.values()):,} rows",
            where=folder,
            fix="put the tokenizer files there that the model was trained with",
        )


def _verdict(folder: Path, found: _Findings, *, repair: bool) -> Iterator[str]:
    if not found.words:
        yield "结论 verdict：字的词表，按字切分是对的 / a vocabulary of characters, rightly cut to characters"
        return
    if not found.is_split(found.elsewhere):
        yield "结论 verdict：没有被拆成字 / words are not being split"
        return
    if found.is_split(found.here):
        yield "结论 verdict：词被拆成了字，Yanmo 也一样 / words are being split to characters, by Yanmo too"
    else:
        yield "结论 verdict：transformers 把词拆成字，Yanmo 不拆 / transformers splits words, Yanmo does not"
    if found.is_split(found.here) and len(found.words) < _FEWEST_WORDS:
        yield (
            f"只有 {len(found.words):,} 个多字词，或许是字模型里的零星条目；确由词预训练才修复 / "
            "so few may be strays in a model of characters: repair only one pretrained on words"
        )
    if repair:
        yield from _repair(folder, found)
    elif found.is_split(found.here) or (folder / "tokenizer.json").is_file():
        yield f"修复 repair：yanmo doctor tokenizer {folder} --repair"
    yield (
        "请用 yanmo.tokenize.load_tokenizer 读取，transformers 没有先切词的分词器 / "
        "load it with yanmo.tokenize.load_tokenizer: transformers has no tokenizer that cuts words first"
    )


def _find(folder: Path) -> _Findings:
    if not folder.is_dir():
        raise InputError("is no folder", where=folder, fix="name a Hugging Face model folder")
    here = load_tokenizer(folder)
    listed, fast = folder / "vocab.txt", folder / "tokenizer.json"
    vocabulary = Vocabulary.load(listed) if listed.is_file() else None
    lower_case = _values(folder / "tokenizer_config.json").get("do_lower_case")
    backend, content = None, _values(fast)
    tokens = list(vocabulary or ())
    if fast.is_file():
        backend = Backend.from_file(str(fast))
        ordered = listed_tokens(backend)
        if content["model"].get("continuing_subword_prefix") == "##":
            if lower_case is None:
                lower_case = (content.get("normalizer") or {}).get("lowercase")
            if tokens and not _same_ids(tokens, ordered):
                raise InputError(
                    f"vocab.txt ({len(tokens):,} tokens) and tokenizer.json ({len(ordered):,}) give different ids",
                    where=folder,
                    fix="keep the one the model was trained with",
                )
            vocabulary = vocabulary or Vocabulary(ordered, where=fast)
        tokens = [token.removeprefix("▁") for token in ordered]
    words = tuple(filter(is_word, tokens))
    sample, lower = _sample(words), True if lower_case is None else bool(lower_case)

    def cut(segmenter: WordSegmenter | CharacterSegmenter) -> tuple[str, ...]:
        if vocabulary is None:
            return _pieces(here, sample)
        return _pieces(WordTokenizer(vocabulary, segmenter=segmenter, lower_case=lower), sample)

    if backend is None:
        # From a bare vocabulary transformers makes BERT's tokenizer, for RoFormer's too.
        elsewhere = cut(CharacterSegmenter())
    else:
        elsewhere = _spelled(backend.encode(sample, add_special_tokens=False).offsets, sample)
    return _Findings(
        vocabulary,
        max(len(tokens), here.vocab_size),
        words,
        lower,
        sample,
        elsewhere,
        _pieces(here, sample),
        cut(WordSegmenter() if words else CharacterSegmenter()),
    )


def _same_ids(listed: Sequence[str], inside: Sequence[str]) -> bool:
    """Whether tokens have the same ids in both, but for those of white space, which transformers does not keep."""
    return len(inside) <= len(listed) and all(
        b.strip() == a.strip() or (b.startswith("[hole ") and not a.strip())
        for a, b in zip_longest(listed, inside, fillvalue="")
    )


def _repair(folder: Path, found: _Findings) -> Iterator[str]:
    fast, settings = folder / "tokenizer.json", folder / "tokenizer_config.json"
    if found.vocabulary is None:
        raise InputError("is no vocabulary of BERT's kind", where=fast, fix="leave the folder as it is")
    # In this order a kill leaves a folder that is as it was, or that Yanmo cuts to words already.
    if not (folder / "vocab.txt").is_file():
        found.vocabulary.save(folder / "vocab.txt")
        yield "已写入 wrote vocab.txt"
    new = {"tokenizer_class": "RoFormerTokenizer", "do_lower_case": found.lower_case, "yanmo_tokenizer": "words"}
    old = _values(settings)
    if old | new != old:
        with replacing(settings) as temporary:
            temporary.write_text(json.dumps(old | new, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        yield "已写入 wrote tokenizer_config.json（yanmo_tokenizer = words）"
    if fast.is_file():
        names = (fast.with_name(f"{fast.name}{_SUFFIX}{n or ''}") for n in range(1000))
        aside = next(path for path in names if not path.exists())
        fast.rename(aside)
        yield f"tokenizer.json 改名为 renamed to {aside.name}"
    if (folder / FILES_FILE).is_file():
        write_files(folder)
        yield f"已重写 wrote {FILES_FILE}"
    now = _pieces(load_tokenizer(folder), found.sample)
    yield f"现在 now：{' '.join(now)}（每 token {len(found.sample) / len(now):.2f} 字 characters）"


def _sample(words: Sequence[str]) -> str:
    """A sentence of everyday words, or where the vocabulary has none of them some of its own."""
    cut, known = WordSegmenter(), set(words)
    if not words or not known.isdisjoint(cut(_SAMPLE)):
        return _SAMPLE
    return "，".join(islice((word for word in words if cut(word) == [word]), _N_SAMPLE_WORDS)) or _SAMPLE


def _pieces(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    return _spelled(tokenizer.encode(text).offsets.tolist(), text)


def _spelled(offsets: Sequence[Sequence[int]], text: str) -> tuple[str, ...]:
    # A piece that is only the mark of a word's start is given the place of the piece after it: the last one counts.
    ends = {start: end for start, end in offsets if end > start}
    return tuple(text[start:end] for start, end in ends.items())


def _n_rows(folder: Path) -> int | None:
    """Rows of the token table, read from the header of a safetensors file; None where there is none."""
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = file.read(size) if size < _MAX_HEADER else b""
        try:
            entries = json.loads(header.decode("utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise InputError("cannot be read as safetensors", where=path, fix="download it again") from None
        for name, entry in entries.items():
            if name.endswith(("word_embeddings.weight", "embedding.word.weight")):
                return int(entry["shape"][0])
    return None


def _values(path: Path) -> dict[str, Any]:
    # Whatever is broken has been named by load_tokenizer, which reads the same files first.
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
