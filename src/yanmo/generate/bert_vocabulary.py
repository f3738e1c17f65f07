"""BERT's vocabulary as that of a language model: most Chinese GPT-2 folders have one."""

import unicodedata
from collections.abc import Sequence

from ..errors import InputError
from ..tokenize import Encoding, Tokenizer
from ..tokenize.folder import FolderTokenizer
from ..tokenize.word import WordTokenizer

__all__ = ["BertVocabulary"]

# As CPM-LM's tokenizer writes a character that no piece holds.
_UNKNOWN = "\u2047"
_SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")


class BertVocabulary:
    """BERT's tokens in a GPT-2: ``[CLS]`` before a text, ``[SEP]`` behind it.

    Ids are those of BERT's tokenizer, without special tokens. What BERT reads is not all of a text: it takes off white
    space and, in most folders, case; so texts that are decoded have a space between two words of letters or digits and
    nowhere else, no newline, and U+2047 for ``[UNK]``.

    Args:
        tokenizer: An encoder's tokenizer, of word pieces.
        start: Token that stands before every text; empty for none.
        end: Token that ends a document.

    Raises:
        InputError: The tokenizer has no word pieces, or not these tokens.

    Example:
        >>> from yanmo.tokenize import CharacterSegmenter, Vocabulary
        >>> listed = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "你", "好", "gp", "##t", "2"])
        >>> model_s = BertVocabulary(WordTokenizer(listed, segmenter=CharacterSegmenter()))
        >>> model_s.decode(model_s.encode("你好 GPT 2").token_ids.tolist())
        '你好gpt 2'
    """

    def __init__(self, tokenizer: Tokenizer, *, start: str = "[CLS]", end: str = "[SEP]") -> None:
        if isinstance(tokenizer, WordTokenizer):
            tokens = list(tokenizer.vocabulary)
        elif isinstance(tokenizer, FolderTokenizer) and tokenizer.definition["model"]["type"] == "WordPiece":
            tokens = tokenizer.tokens
        else:
            raise InputError(
                "the vocabulary is neither BERT's (word pieces) nor CPM-LM's",
                fix="give a tokenizer with encode and decode: load_language_model(folder, tokenizer=...)",
            )
        self._tokenizer = tokenizer
        ids = {token: i for i, token in enumerate(tokens)}
        for token in (start, end, "[UNK]"):
            if token and token not in ids:
                raise InputError(f"the vocabulary has no token '{token}'", fix="name one of its tokens, such as [CLS]")
        self.tokens = tokens
        self.vocab_size = len(tokens)
        self.pad_id = tokenizer.pad_id
        self.unknown_id = ids["[UNK]"]
        self.eod_id = ids[end]
        self.start_ids = (ids[start],) if start else ()
        silent = {*_SPECIAL, start, end}
        self._spelled = [_UNKNOWN if token == "[UNK]" else "" if token in silent else token for token in tokens]

    def encode(self, text: str) -> Encoding:
        """Encodes one text."""
        return self._tokenizer.encode(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Gives the text of some ids; more ids only add to it."""
        parts: list[str] = []
        for token in token_ids:
            piece = self._spelled[int(token)]
            if piece.startswith("##") and len(piece) > 2:
                parts.append(piece[2:])
            elif piece:
                is_next_word = bool(parts) and _is_letter(parts[-1][-1]) and _is_letter(piece[0])
                parts.append(f" {piece}" if is_next_word else piece)
        return "".join(parts)


def _is_letter(character: str) -> bool:
    """Whether words of such characters are written with spaces between them: letters and digits other than Chinese."""
    is_word = unicodedata.category(character)[0] in "LN"
    return is_word and not unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA"))
