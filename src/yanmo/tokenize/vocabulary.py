"""A vocabulary file: one token a line, its number the token's id."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..atomic import replacing
from ..errors import InputError

__all__ = ["Vocabulary"]

_REQUIRED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class Vocabulary(Mapping[str, int]):
    """Tokens and their ids.

    Args:
        tokens: All tokens in the order of their ids.
        where: The file they came from, for messages.

    Raises:
        InputError: A token stands twice, or a special token is missing.
    """

    def __init__(self, tokens: list[str], *, where: Path | None = None) -> None:
        self.ids = {token: i for i, token in enumerate(tokens)}
        if len(self.ids) < len(tokens):
            seen: dict[str, int] = {}
            for line, token in enumerate(tokens, 1):
                if token in seen:
                    raise InputError(
                        f"the token {token!r} stands in line {seen[token]} and again here",
                        where=where,
                        line=line,
                        fix="delete one of the two if no model was trained with the file, else get the right file",
                    )
                seen[token] = line
        missing = [token for token in _REQUIRED if token not in self.ids]
        if missing:
            raise InputError(f"the vocabulary lacks {', '.join(missing)}", where=where, fix="add the special tokens")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Reads a vocabulary file (UTF-8, with or without a byte order mark, any line ends).

        Args:
            path: The file.

        Returns:
            The vocabulary.

        Raises:
            InputError: The file is missing or not UTF-8, a token stands twice, or a special token is missing.
        """
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            raise InputError("there is no such vocabulary file", where=path, fix="check the path") from None
        except UnicodeDecodeError as error:
            raise InputError(f"is not UTF-8 (byte {error.start})", where=path, fix="convert it to UTF-8") from None
        # Only line feeds end a token: U+2028 and its like are tokens of BERT's own vocabulary.
        lines = text.removesuffix("\n").split("\n")
        return cls([line.removesuffix("\r") for line in lines], where=path)

    def save(self, path: Path) -> None:
        """Writes one token a line."""
        with replacing(path) as temporary:
            temporary.write_bytes("".join(f"{token}\n" for token in self.ids).encode("utf-8"))

    def __getitem__(self, token: str) -> int:
        return self.ids[token]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)
