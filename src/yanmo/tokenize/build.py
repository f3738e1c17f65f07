"""Vocabularies of words: BERT's less its redundant entries plus frequent words, or an existing one with words added."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .plain_form import plain_form
from .segment import Segmenter, WordSegmenter
from .vocabulary import Vocabulary
from .wordpiece import pieces_of

__all__ = ["BuiltVocabulary", "add_words", "build_vocabulary", "is_word"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class BuiltVocabulary:
    """A vocabulary that was built from another one, with the entries that were dropped and added.

    Attributes:
        vocabulary: Entries kept, in their old order, then words by rank.
        dropped: Entries of the base that are gone.
        added: Words that are new.
        n_known: Words of the ranks looked at that the base has already.
        unreachable: Words of these ranks that were passed over: the segmenter never gives them as one piece.
    """

    vocabulary: Vocabulary
    dropped: tuple[str, ...]
    added: tuple[str, ...]
    n_known: int
    unreachable: tuple[str, ...]

    @property
    def n_kept(self) -> int:
        """Number of entries of the base vocabulary that were kept."""
        return len(self.vocabulary) - len(self.added)


def is_word(token: str) -> bool:
    """Whether a token is a word of several Chinese characters, which only a word tokenizer gives whole.

    Args:
        token: The token as the vocabulary spells it.

    Returns:
        True for such a word.

    Example:
        >>> is_word("天气"), is_word("天"), is_word("##ing"), is_word("t恤")
        (True, False, False, False)
    """
    return len(token) > 1 and all("一" <= ch <= "龥" for ch in token)


def build_vocabulary(
    base: Vocabulary,
    words: Iterable[str],
    *,
    n_words: int | None = None,
    segmenter: Segmenter | None = None,
    where: Path | None = None,
) -> BuiltVocabulary:
    """Makes a vocabulary of words out of BERT's.

    BERT's own algorithm parts every Chinese character and punctuation mark from its neighbors, so an entry of several
    characters with one of these in it (``##中``, ``##,``, ``...``, ``[unused7]``) is never looked up: it is dropped.
    Special tokens and single characters stay. (Words that the base has are dropped too and come back by their rank;
    `add_words` keeps them.)

    Args:
        base: BERT's Chinese vocabulary.
        words: Words by rank, the most frequent first. They are brought to the tokenizer's plain form (lower case, no
            combining marks).
        n_words: So many words that are not in the base are added; None adds all.
        segmenter: Cuts the texts that the vocabulary is for; None is jieba's dictionary.
        where: The base's file, for messages.

    Returns:
        The vocabulary and its history.

    Raises:
        InputError: The base has no ``[MASK]``, there are no words, or fewer usable ones than asked for.

    Example:
        >>> base = Vocabulary(["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "天", "##天", "a", "##b"])
        >>> list(build_vocabulary(base, ["天", "天气", "公园"], n_words=1).vocabulary)
        ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '天', 'a', '##b', '天气']

    Source: kexue.fm/archives/7758; the entries dropped are those of bert4keras (``load_vocab``, ``simplified``).
    """
    kept = [token for token in base if not _is_redundant(token)]
    return _extend(base, kept, words, n_words, segmenter or WordSegmenter(), where)


def add_words(
    base: Vocabulary,
    words: Iterable[str],
    *,
    n_words: int | None = None,
    segmenter: Segmenter | None = None,
    where: Path | None = None,
) -> BuiltVocabulary:
    """Appends words, such as those of a domain, to a vocabulary whose ids stay as they are.

    Args:
        base: Any vocabulary of BERT's kind, with words already or without.
        words: As for `build_vocabulary`.
        n_words: So many words that are not in the base are added; None adds all.
        segmenter: Cuts the texts that the vocabulary is for; None is jieba's dictionary.
        where: The base's file, for messages.

    Returns:
        The vocabulary and its history.

    Raises:
        InputError: As for `build_vocabulary`.

    Example:
        >>> base = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "冠", "心", "病"])
        >>> add_words(base, ["冠心病"]).vocabulary["冠心病"]
        8
    """
    return _extend(base, list(base), words, n_words, segmenter or WordSegmenter(), where)


def _extend(
    base: Vocabulary,
    kept: list[str],
    words: Iterable[str],
    n_words: int | None,
    segmenter: Segmenter,
    where: Path | None,
) -> BuiltVocabulary:
    if n_words is not None and n_words < 1:
        raise InputError(f"{n_words} words were asked for", fix="ask for at least 1")
    if "[MASK]" not in base:
        fix = "append the line [MASK], or name another base"
        raise InputError("the vocabulary lacks [MASK], which pretraining needs", where=where, fix=fix)
    known, n_known = set(kept), 0
    seen: set[str] = set()
    added: list[str] = []
    unreachable: list[str] = []
    for spelled in words:
        if len(added) == n_words:
            break
        word = plain_form(spelled)
        if not word or word in seen:  # of two spellings with one plain form the first gives the rank
            continue
        seen.add(word)
        if word in known:
            n_known += 1
        # jieba's cut is the likeliest of all: a word that loses against its own parts alone loses in every text.
        elif segmenter(word) == [word]:
            added.append(word)
        else:
            unreachable.append(word)
    if not seen:
        raise InputError("the word list is empty", fix="give it at least one word")
    if not added or len(added) < (n_words or 0):
        raise InputError(
            f"{'new' if n_words is None else f'{n_words:,} new'} words were asked for, and of {len(seen):,} given "
            f"{len(added):,} can be added ({n_known:,} are in the vocabulary already, jieba never gives "
            f"{len(unreachable):,} whole)",
            where=where,
            fix=f"ask for {len(added)} words at most, or give more" if added else "give other words",
        )
    dropped = tuple(token for token in base if token not in known)
    return BuiltVocabulary(Vocabulary([*kept, *added], where=where), dropped, tuple(added), n_known, tuple(unreachable))


def _is_redundant(token: str) -> bool:
    if len(token) == 1 or token in _SPECIAL:
        return False
    # Between two letters the entry must stay one piece; what is parted there is parted everywhere.
    between = f"x{token.removeprefix('##') or token}x"
    return len(pieces_of(between, ids={}, unknown=0)) > 1
