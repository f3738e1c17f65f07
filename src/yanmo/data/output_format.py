"""What a file of rows is, told by its name."""

from enum import Enum
from pathlib import Path

from ..errors import InputError

__all__ = ["OutputFormat"]


class OutputFormat(str, Enum):
    """What a file of rows is."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    XLSX = "xlsx"
    PARQUET = "parquet"

    @classmethod
    def of(cls, path: Path) -> "OutputFormat":
        """Tells the form by a file's suffix.

        Args:
            path: The output.

        Returns:
            The form.

        Raises:
            InputError: The suffix is none of those known.
        """
        suffix = path.suffix.lower().removeprefix(".")
        if suffix == "ndjson":
            return cls.JSONL
        if suffix not in {member.value for member in cls}:
            raise InputError(
                "the form of the output is told by its suffix",
                where=path,
                fix="name a file that ends in .csv, .tsv, .jsonl, .xlsx or .parquet",
            )
        return cls(suffix)

    @property
    def is_delimited(self) -> bool:
        """Whether it is lines of cells under a header."""
        return self in (OutputFormat.CSV, OutputFormat.TSV)

    @property
    def is_whole(self) -> bool:
        """Whether it can only be written when all rows are known."""
        return self in (OutputFormat.XLSX, OutputFormat.PARQUET)
