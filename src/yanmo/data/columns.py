"""Which columns hold the two texts, the label and the id: as named, as the task set says, or as is customary."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import InputError
from .labels import label_key

__all__ = ["KNOWN_PAIRS", "Columns", "find_columns", "find_header", "listing", "plain_name", "spelled"]

KNOWN_PAIRS = (
    ("source", "target"),
    ("text0", "text1"),
    ("text1", "text2"),
    ("sentence1", "sentence2"),
    ("text_a", "text_b"),
    ("sentence_a", "sentence_b"),
    ("query", "title"),
    ("query", "passage"),
    ("query", "document"),
    ("query1", "query2"),
    ("question1", "question2"),
    ("q1", "q2"),
    ("s1", "s2"),
    ("sent1", "sent2"),
    ("premise", "hypothesis"),
    ("文本1", "文本2"),
    ("文本一", "文本二"),
    ("句子1", "句子2"),
)
"""Column names of the first and second text that are taken without being named."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns (or JSON keys) of a file. In a table without a header they are called 1, 2, 3 and so on.

    Raises:
        InputError: Only one of the two texts is named, or both are the same.
    """

    first: str | None = None
    """The first text; None if it is to be found."""
    second: str | None = None
    """The second text."""
    label: str | None = None
    """The label; None if it is that of the task."""
    id: str | None = None
    """The row's id; None if it is that of the task set, where there is one."""

    def __post_init__(self) -> None:
        if (self.first is None) != (self.second is None):
            raise InputError("only one of the two text columns is named", fix="name both, with --first and --second")
        if self.first is not None and self.first == self.second:
            raise InputError(f"both texts are to come from the column '{self.first}'", fix="name two columns")


def find_columns(found: Sequence[str], *, named: Columns, expected: Columns) -> Columns:
    """Chooses the columns of a file.

    The order is: what the user named (it must be there); what the task set expects; the one pair of `KNOWN_PAIRS`
    that is there. Capitals and full-width letters matter in what the user named only.

    Args:
        found: Columns the file has.
        named: Columns the user named.
        expected: Columns the task set names; ``label`` is None where no label is wanted.

    Returns:
        The columns to read. ``id`` is None if there is none; ``label`` may be missing from `found`, since rows of one
        file may be labelled for different tasks.

    Raises:
        InputError: A named column is missing, or none or several known pairs are there.

    Example:
        >>> find_columns(["idx", "Sentence1", "Sentence2"], named=Columns(), expected=Columns("source", "target"))
        Columns(first='Sentence1', second='Sentence2', label=None, id=None)
    """
    for name in (named.first, named.second, named.id):
        if name is not None and name not in found:
            raise InputError(f"there is no column '{name}' ({listing(found)})", fix="name one that is there")
    first, second = named.first, named.second
    if first is None or second is None:
        first, second = _find_texts(found, expected)
    label = expected.label and (named.label or spelled(expected.label, found) or expected.label)
    if label == "label" and named.label is None and label not in found and "score" in found:
        label = "score"
    return Columns(first, second, label, named.id or (expected.id and spelled(expected.id, found)))


def spelled(name: str, found: Iterable[str]) -> str | None:
    """Gives the spelling in which a column is there: its own, else the one that differs in capitals or width only.

    Args:
        name: The column looked for.
        found: Columns there are.

    Returns:
        Its spelling; None if it is not there.

    Raises:
        InputError: Several columns differ from it in that only.

    Example:
        >>> spelled("id", ["ID", "Text1"])
        'ID'
    """
    alike = [column for column in found if plain_name(column) == plain_name(name)]
    if name in alike:
        return name
    if len(set(alike)) > 1:
        problem = f"several columns may be '{name}': {', '.join(sorted(set(alike)))}"
        raise InputError(problem, fix="give each a name of its own")
    return alike[0] if alike else None


def plain_name(name: str) -> str:
    """Gives the spelling under which names that differ in capitals, width or space around them are equal.

    Args:
        name: Name of a column.

    Returns:
        The plain form.

    Example:
        >>> plain_name("ＩＤ "), plain_name("文本１")
        ('id', '文本1')
    """
    return unicodedata.normalize("NFKC", name).strip().casefold()


def find_header(cells: Sequence[str], *, named: Columns, expected: Columns) -> tuple[list[str], bool, Columns]:
    """Decides whether the first row of a table is its header, and chooses the columns.

    It is the header if it holds the columns named, expected or known. Without a header the columns are called 1, 2,
    3: so they can be named, and three columns of which the third is a number are taken as text, text, label.

    Args:
        cells: The first row.
        named: Columns the user named.
        expected: Columns the task set names.

    Returns:
        The names of the columns, whether the row is a header, and the columns to read.

    Raises:
        InputError: The columns named are not there, or nothing is named and nothing known is there.

    Example:
        >>> find_header(["今天下雨吗", "今天有雨吗", "1"], named=Columns(), expected=Columns(label="label"))
        (['1', '2', '3'], False, Columns(first='1', second='2', label='3', id=None))
    """
    names = [cell.strip() for cell in cells]
    numbers = [str(number) for number in range(1, len(cells) + 1)]
    wanted = [name for name in (named.first, named.second, named.label, named.id) if name is not None]
    if wanted and not set(wanted) <= set(names) and set(wanted) <= set(numbers):
        is_header = len(_known_pairs(names, expected)) > 0
        return numbers, is_header, find_columns(numbers, named=named, expected=expected)
    if named.first is None and not _known_pairs(names, expected) and _is_bare_triple(names):
        label = expected.label and (named.label or "3")
        return numbers, False, replace(named, first="1", second="2", label=label)
    columns = find_columns(names, named=named, expected=expected)
    chosen = (columns.first, columns.second, columns.label, columns.id)
    repeated = [name for name in chosen if name is not None and names.count(name) > 1]
    if repeated:
        raise InputError(f"the header names the column '{repeated[0]}' twice", fix="give each column its own name")
    return names, True, columns


def _find_texts(found: Sequence[str], expected: Columns) -> tuple[str, str]:
    pairs = _known_pairs(found, expected)
    if len(pairs) == 1:
        return pairs[0]
    fix = "name the columns of the two texts with --first and --second (1, 2, 3 in a table without a header)"
    if not pairs:
        raise InputError(f"no columns that are known to hold two texts ({listing(found)})", fix=fix)
    several = " and ".join("/".join(pair) for pair in pairs)
    raise InputError(f"several pairs of columns may hold the two texts: {several}", fix=fix)


def _known_pairs(found: Sequence[str], expected: Columns) -> list[tuple[str, str]]:
    if expected.first in found and expected.second in found:
        return [(str(expected.first), str(expected.second))]
    folded = {plain_name(name): name for name in reversed(found)}
    own = (plain_name(str(expected.first)), plain_name(str(expected.second)))
    if expected.first is not None and own[0] in folded and own[1] in folded:
        return [(folded[own[0]], folded[own[1]])]
    return [(folded[a], folded[b]) for a, b in KNOWN_PAIRS if a in folded and b in folded]


def _is_bare_triple(cells: Sequence[str]) -> bool:
    if len(cells) != 3 or cells[0].isdecimal():
        return False
    try:
        float(label_key(cells[2]) or "")
    except ValueError:
        return False
    return True


def listing(found: Sequence[str]) -> str:
    """Shows the columns of a file as error messages do, cut to what can be read at a glance."""
    shown = [name if len(name) <= 30 else name[:29] + "…" for name in found[:20]]
    more = f" and {len(found) - 20} more" if len(found) > 20 else ""
    return f"columns found: {', '.join(shown)}{more}" if shown else "no columns found"
