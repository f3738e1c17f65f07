"""The documents of a corpus: one a line, plain or compressed, one at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError
from .lines import COMPRESSION_SUFFIXES, Flaw, Line, check_encoding, read_lines
from .rejects import RejectFile

__all__ = ["MAX_DOCUMENT", "DocumentReader", "find_corpus", "fingerprint_corpus"]

MAX_DOCUMENT = 50_000
"""Characters of a document; a longer line becomes several."""


def find_corpus(paths: Sequence[Path]) -> list[Path]:
    """Gives the files of a corpus; a folder stands for the text files right in it.

    Args:
        paths: Files and folders.

    Returns:
        Files, in the order given, those of a folder by name.

    Raises:
        InputError: A path does not exist, or a folder has no text file.
    """
    files = []
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file or folder", where=path, fix="check the path")
        if path.is_dir():
            found = [file for file in sorted(path.iterdir()) if file.suffix in (".txt", *COMPRESSION_SUFFIXES)]
            if not found:
                raise InputError("the folder has no .txt, .gz, .zst or .xz file", where=path, fix="name the files")
            files += found
        else:
            files.append(path)
    return files


def fingerprint_corpus(files: Sequence[Path]) -> str:
    """Gives a digest of the files' bytes, in their order.

    Args:
        files: The files.

    Returns:
        64 hexadecimal digits.

    Raises:
        InputError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                one = hashlib.sha256()
                while block := file.read(1 << 20):
                    one.update(block)
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the path") from error
        digest.update(one.digest())
    return digest.hexdigest()


class DocumentReader:
    """Iterates over the documents of some files.

    Args:
        files: The files.
        encoding: Their text encoding.
        rejects: Where bad lines go; None stops at the first.
    """

    def __init__(self, files: Sequence[Path], *, encoding: str = "utf-8", rejects: RejectFile | None = None) -> None:
        self.files = tuple(files)
        self.encoding = check_encoding(encoding)
        self.n_blank = 0
        """Blank lines so far."""
        self.n_bad = 0
        """Lines so far that cannot be used."""
        self.n_split = 0
        """Lines so far that were longer than `MAX_DOCUMENT`."""
        self.file_index = 0
        """Number of the file being read."""
        self._rejects = rejects

    def __iter__(self) -> Iterator[str]:
        """Reads the files one after the other.

        Yields:
            The documents, without the white space around them.

        Raises:
            InputError: A file cannot be read, or a line is bad and there is nowhere to put it.
        """
        for index, path in enumerate(self.files):
            self.file_index = index
            for line in read_lines(path, encoding=self.encoding):
                text = line.text.strip()
                flaw = line.flaw or (_BINARY if "\0" in text else None)
                if flaw is not None:
                    self._turn_down(path, line, flaw)
                elif not text:
                    self.n_blank += 1
                elif len(text) <= MAX_DOCUMENT:
                    yield text
                else:
                    self.n_split += 1
                    yield from (text[start : start + MAX_DOCUMENT] for start in range(0, len(text), MAX_DOCUMENT))

    def _turn_down(self, path: Path, line: Line, flaw: Flaw) -> None:
        self.n_bad += 1
        if self._rejects is None:
            fix = f"{flaw.fix}, or leave bad lines out with --on-bad-line skip"
            raise InputError(flaw.reason, where=path, line=line.number, fix=fix)
        # A binary file may be one line of any size; its beginning tells enough.
        self._rejects.write(str(path), line=line.number, reason=flaw.reason, text=line.text[:1000].rstrip("\r\n"))


_BINARY = Flaw("holds a null byte: it is no text", "take the file out of the corpus or convert it")
