"""Tables of words that edits change, each a file beside this one."""

from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, RootModel, field_validator

from ....yaml_file import read_yaml

__all__ = [
    "Companies",
    "Conditions",
    "Details",
    "Negations",
    "Opposites",
    "People",
    "Places",
    "Roles",
    "Units",
    "read_table",
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Units(_Table):
    """Units behind numbers, and what each may be changed for."""

    counted: frozenset[str]
    digits_only: frozenset[str]
    scale: frozenset[str]
    swaps: dict[str, list[str]]
    magnitudes: dict[str, str]
    not_counts: list[str]
    same: list[list[str]]
    plain: frozenset[str]
    holds: dict[str, tuple[Decimal, str]]


class Opposites(_Table):
    """Pairs of words that mean the opposite: in both directions, or from left to right alone."""

    both: list[tuple[str, str]]
    one_way: list[tuple[str, str]]


class Places(_Table):
    """Places by kind, the suffixes each kind may bear, and words behind which a place is part of another name."""

    municipalities: list[str]
    provinces: list[str]
    regions: list[str]
    cities: list[str]
    countries: list[str]
    suffixes: dict[str, list[str]]
    part_of_name: frozenset[str]

    def kinds(self) -> dict[str, list[str]]:
        """The places of each kind."""
        return {kind: getattr(self, kind) for kind in self.suffixes}


class People(_Table):
    """Surnames, given names, words around names, and well-known people by group."""

    surnames: frozenset[str]
    double_surnames: list[str]
    given: frozenset[str]
    before: list[str]
    after: list[str]
    new_surnames: str
    new_given: list[str]
    known: dict[str, list[str]]

    @field_validator("surnames", "given", mode="before")
    @classmethod
    def _characters(cls, value: object) -> object:
        return frozenset(value) if isinstance(value, str) else value


class Companies(RootModel[dict[str, list[str]]]):
    """Companies by trade."""


class Conditions(_Table):
    """Conditions with the words they stand before, and clauses of their own."""

    removed: dict[str, list[str]]
    added: dict[str, list[str]]
    added_behind: frozenset[str]
    added_not_before: frozenset[str]
    clauses: dict[str, list[str]]


class Negations(_Table):
    """Words with their negations, and neighbors that make them something else."""

    pairs: list[tuple[str, str]]
    not_behind: frozenset[str]
    not_before: frozenset[str]


class Details(_Table):
    """What denies, and what stands between two sides that may or may not change places."""

    negations: tuple[str, ...]
    deny_nothing: frozenset[str]
    not_behind: tuple[str, ...]
    not_before: tuple[str, ...]
    spelled: dict[str, str]
    both_ways: frozenset[str]
    one_way: frozenset[str]


class Roles(_Table):
    """Verbs with two unlike sides, nouns for people and firms, and what may stand around."""

    verbs: frozenset[str]
    nouns: list[str]
    ways: frozenset[str]
    same_both_ways: list[str]
    before: frozenset[str]
    after: frozenset[str]


Table = TypeVar("Table", bound=BaseModel)


def read_table(model: type[Table]) -> Table:
    """Reads the table of a class.

    Args:
        model: One of the classes of this file; the table is the file of its name.

    Returns:
        The table.

    Raises:
        InputError: The file does not fit the class.
    """
    return read_yaml(Path(__file__).with_name(f"{model.__name__.lower()}.yaml"), model)
