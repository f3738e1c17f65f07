"""The verbs ``yanmo vocab build`` and ``yanmo wordify``."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ...data import OnBadLine, RejectFile
from ...errors import InputError, require_extra

if TYPE_CHECKING:
    from ...tokenize.build import BuiltVocabulary
    from ...tokenize.coverage import Coverage

__all__ = ["vocab_app", "vocab_build", "wordify"]

vocab_app = typer.Typer(no_args_is_help=True, help="词表 / vocabularies.")

_N_WORDS = 20_000
_N_SHOWN = 8


@vocab_app.callback()
def _vocabularies() -> None:
    """Keeps the verb visible even where there is only one."""


@vocab_app.command("build")
def vocab_build(
    out: Annotated[Path, typer.Option(help="写到哪里 / where the vocabulary goes")],
    base: Annotated[
        Path | None, typer.Option(help="BERT 的 vocab.txt 或目录，去掉冗余条目 / BERT's, less its redundant entries")
    ] = None,
    add_to: Annotated[
        Path | None, typer.Option(help="已有词表，只在末尾加词，原 id 不变 / append to this one, ids unchanged")
    ] = None,
    words: Annotated[
        Path | None, typer.Option(help="词表文件，每行一词，可带词频 / a word a line, or word count")
    ] = None,
    corpus: Annotated[
        list[Path] | None, typer.Option(help="从语料数词，可多次给出 / count words in files or folders, repeatable")
    ] = None,
    n_words: Annotated[
        int | None, typer.Option(min=1, help="加多少词；默认 20000，给 --words 则全部 / how many; all of --words")
    ] = None,
    report_on: Annotated[
        list[Path] | None, typer.Option(help="在这些文本上比较新旧词表 / compare old and new on these texts")
    ] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Make a vocabulary of words: BERT's, and the frequent words of jieba's dictionary, a corpus or a list.

    Example: yanmo vocab build --base bert-base-chinese --corpus news.txt.xz --n-words 20000 --out vocab.txt
    """
    from ...tokenize import CharacterSegmenter, Vocabulary, WordSegmenter, WordTokenizer
    from ...tokenize.build import add_words, build_vocabulary
    from ...tokenize.coverage import measure_coverage
    from ...tokenize.word_list import frequent_words, jieba_words

    if (base is None) == (add_to is None):
        raise InputError("name one vocabulary", fix="--base VOCAB to make a new one, or --add-to VOCAB to append to it")
    if words is not None and corpus:
        raise InputError("words come from a list or a corpus, not both", fix="leave out --words or --corpus")
    given = base or add_to or Path()
    path = given / "vocab.txt" if given.is_dir() else given
    old = Vocabulary.load(path)
    console, working = Console(), Console(stderr=True)
    skip = on_bad_line is OnBadLine.SKIP
    with RejectFile(out.with_name(f"{out.name}.rejects.jsonl")) if skip else nullcontext() as rejects:
        with working.status("取词 collecting words"):
            if words is not None:
                ranked = _words_of(words, encoding)
            elif corpus:
                ranked = frequent_words(_texts(corpus, encoding, rejects))
            else:
                ranked = jieba_words()
        wanted = n_words if n_words is not None or words is not None else _N_WORDS
        make = build_vocabulary if base is not None else add_words
        built = make(old, ranked, n_words=wanted, where=path)
        built.vocabulary.save(out)
        _say(console, _built_lines(built, out))
        if report_on:
            before = WordTokenizer(old, segmenter=CharacterSegmenter() if base is not None else WordSegmenter())
            after = WordTokenizer(built.vocabulary, segmenter=WordSegmenter())
            for name, tokenizer in (("原词表 before", before), ("新词表 after", after)):
                with working.status("切分 tokenizing"):
                    fit = measure_coverage(_texts(report_on, encoding, rejects), tokenizer)
                _say(console, [_coverage_line(name, fit, report_on)])


def wordify(
    base: Annotated[Path, typer.Argument(help="编码器的 Hugging Face 目录 / the encoder's folder")],
    vocab: Annotated[Path, typer.Option(help="新词表 / the new vocab.txt, or a folder with one")],
    out: Annotated[Path, typer.Option(help="新目录 / the folder to make")],
) -> None:
    """Give an encoder another vocabulary; a new word starts as the mean of its pieces, all else stays as it is.

    Example: yanmo wordify bert-base-chinese --vocab vocab.txt --out wobert
    """
    require_extra("torch", extra="torch")
    from ...encode.wordify import wordify as run

    with Console(stderr=True).status("换词表 exchanging the vocabulary"):
        done = run(base, vocab, out=out)
    lines = [
        f"{out}：{done.n_tokens:,} 个 token（原有 base {done.n_base:,}），"
        f"按{'词 words' if done.has_words else '字 characters'}切分",
        f"  沿用 kept {done.n_kept:,} · 同职 by role {done.n_by_role} · 取平均 averaged {done.n_averaged:,}"
        f"（平均 {done.pieces_per_token:.2f} 片 pieces）· 未知 unknown {len(done.unknown):,}",
        f"  重排的张量 tensors：{', '.join(done.tensors)}；其余原样 all others untouched",
    ]
    if done.examples:
        lines.append("  例 examples：" + "  ".join(f"{word} ← {' + '.join(pieces)}" for word, pieces in done.examples))
    if done.unknown:
        lines.append(f"  从 [UNK] 起步 start as unknown：{_some(done.unknown)}")
    if done.n_spare:
        lines.append(f"  原词向量多出 {done.n_spare:,} 行，未用 / rows beyond the base's tokens, left out")
    if done.pad_moved:
        lines.append(f"  [PAD] 移到 id {done.pad_id}，因位置从它数起 / moved, positions are counted from it")
    _say(Console(), lines)


def _words_of(path: Path, encoding: str) -> list[str]:
    from ...data.lines import read_lines
    from ...tokenize.word_list import listed_words

    def lines() -> Iterator[tuple[int, str]]:
        for line in read_lines(path, encoding=encoding):
            if line.flaw is not None:
                raise InputError(line.flaw.reason, where=path, line=line.number, fix=line.flaw.fix)
            yield line.number, line.text

    return listed_words(lines(), where=path)


def _texts(paths: Sequence[Path], encoding: str, rejects: RejectFile | None) -> Iterator[str]:
    """The texts of some files, one a line; a JSON object (as in pair files) gives its values."""
    from ...data.documents import DocumentReader, find_corpus

    for document in DocumentReader(find_corpus(paths), encoding=encoding, rejects=rejects):
        values = _json_object(document) if document.startswith("{") else None
        if values is None:
            yield document
        else:
            # Labels and ids are no texts; they have no letter.
            yield from (v for v in values.values() if isinstance(v, str) and any(map(str.isalpha, v)))


def _json_object(line: str) -> dict[str, object] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _built_lines(built: "BuiltVocabulary", out: Path) -> Iterator[str]:
    yield f"{out}：{len(built.vocabulary):,} 个 token"
    yield (
        f"  保留 kept {built.n_kept:,} · 去掉 dropped {len(built.dropped):,} · 新增 added {len(built.added):,}"
        f"（{_some(built.added)}）"
    )
    if built.dropped:
        yield f"  去掉的例子 dropped：{_some(built.dropped[:: max(1, len(built.dropped) // _N_SHOWN)])}"
    if built.unreachable:
        yield (
            f"  略过 passed over {len(built.unreachable):,}：jieba 从不整个切出 jieba never gives them whole"
            f"（{_some(built.unreachable)}）"
        )


def _coverage_line(name: str, fit: "Coverage", paths: Sequence[Path]) -> str:
    if not fit.n_tokens:
        raise InputError("there is no text in it", where=paths[0], fix="name files with text, one a line")
    return (
        f"  {name}：每 token {fit.characters_per_token:.3f} 字 characters · [UNK] {fit.unknown_share:.2%} · "
        f"整词 whole words {fit.word_share:.1%}（{fit.n_texts:,} 段 texts，{fit.n_characters:,} 字）"
    )


def _some(tokens: Sequence[str]) -> str:
    more = " …" if len(tokens) > _N_SHOWN else ""
    return " ".join(token if token.isprintable() else ascii(token)[1:-1] for token in tokens[:_N_SHOWN]) + more


def _say(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
