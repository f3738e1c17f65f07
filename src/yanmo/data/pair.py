"""One pair, and the rule by which the values of a row become one or are turned down."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .columns import Columns, listing, plain_name
from .labels import label_key
from .lines import Flaw
from .tasks import Task

__all__ = ["Pair", "PairRule"]

_FIX = "correct the row, or leave bad rows out with --on-bad-line skip"
_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts as they stood in a file."""

    text0: str
    """The first text."""
    text1: str
    """The second text."""
    label: int | float | None
    """1 match, 0 no match, between them where a teacher says how likely a match is, None where none was asked for."""
    id: str | None
    """The row's id, if it has one."""
    line: int
    """Number of the physical line the row begins on, from 1."""
    source: str
    """The file."""
    row: int = field(default=0, compare=False, repr=False)
    """Number of the row, from 1, a header not counted and bad rows counted; 0 where it was never read from rows."""
    grade: float | None = field(default=None, compare=False, repr=False)
    """The label as a number, where the task's labels are graded."""
    kept: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    """Other values of the row by column, where some were asked for."""

    @property
    def name(self) -> str:
        """Its id; the number of its row where it has none."""
        return str(self.row or self.line) if self.id is None else self.id


@dataclass(frozen=True, slots=True)
class PairRule:
    """Makes pairs of the rows of one file.

    Example:
        >>> rule = PairRule("a.jsonl", Columns("a", "b", label="label"), task=Task(name="news"))
        >>> rule.apply({"a": "甲", "b": "乙", "label": 1.0}, line=3)
        Pair(text0='甲', text1='乙', label=1, id=None, line=3, source='a.jsonl')
        >>> rule.apply({"a": "甲", "b": "乙", "label": "2"}, line=4).reason
        "label '2' is not among those of task 'news': 1 (match) or 0 (no match)"
    """

    source: str
    """The file."""
    columns: Columns
    """Its columns; ``first`` and ``second`` are set."""
    task: Task | None = None
    """Whose labels to read; None reads none, and lets empty texts through."""
    id_required: bool = False
    """Whether every row must have an id."""
    other_labels: tuple[str, ...] = ()
    """Label columns of other tasks sharing the file."""
    spells_numbers: bool = False
    """Whether a number where a text is meant is that text, as in a sheet."""

    def apply(self, values: Mapping[str, object], *, line: int, row: int = 0) -> Pair | Flaw | None:
        """Judges one row.

        Args:
            values: The row's values by column.
            line: Number of its first line.
            row: Number of the row.

        Returns:
            The pair, or the flaw of the row, or None if the row is labelled for other tasks only.
        """
        label = grade = None
        if self.task is not None:
            value = values.get(str(self.columns.label))
            if label_key(value) is None and any(label_key(values.get(name)) for name in self.other_labels):
                return None
            label = self.task.label_of(value)
            if label is None:
                return self._label_flaw(values, self.task)
            grade = self.task.grade_of(value)
        text0, text1 = self._text(values, self.columns.first), self._text(values, self.columns.second)
        if not isinstance(text0, str) or not isinstance(text1, str):
            wrong = self.columns.second if isinstance(text0, str) else self.columns.first
            return self._kind_flaw(values, str(wrong))
        if self.task is not None and not (text0.strip() and text1.strip()):
            wrong = self.columns.second if text0.strip() else self.columns.first
            return Flaw(f"the text '{wrong}' is empty", _FIX)
        if not (_is_unicode(text0) and _is_unicode(text1)):
            wrong = self.columns.second if _is_unicode(text0) else self.columns.first
            return Flaw(f"the text '{wrong}' holds half a surrogate pair (\\ud800 to \\udfff)", _FIX)
        name = self._id_of(values)
        if isinstance(name, Flaw):
            return name
        if name is None and self.id_required:
            return Flaw(f"there is no id in '{self.columns.id}'", _FIX)
        return Pair(text0, text1, label, name, line, self.source, row, grade)

    def _text(self, values: Mapping[str, object], column: str | None) -> object:
        value = values.get(str(column))
        is_number = self.spells_numbers and isinstance(value, int | float) and not isinstance(value, bool)
        return str(value) if is_number else value

    def _id_of(self, values: Mapping[str, object]) -> str | Flaw | None:
        column = self.columns.id
        if column is None:
            return None
        if column not in values:  # of JSON lines each has its own keys
            column = next((key for key in values if plain_name(key) == plain_name(column)), column)
        value = values.get(column)
        if isinstance(value, list | dict):
            return Flaw(f"the id '{column}' is {_KINDS[type(value)]}, not a text or a number", _FIX)
        name = "" if value is None else str(value)
        if not _is_unicode(name):
            return Flaw(f"the id '{column}' holds half a surrogate pair (\\ud800 to \\udfff)", _FIX)
        # An empty cell names nothing.
        return name if name.strip() else None

    def _label_flaw(self, values: Mapping[str, object], task: Task) -> Flaw:
        column = str(self.columns.label)
        if column not in values:
            fix = f"correct 'column' in the task file, or give the row a '{column}'"
            return Flaw(f"there is no label '{column}' ({listing(tuple(values))})", fix)
        if label_key(values[column]) is None:
            return Flaw(f"the label '{column}' is empty", _FIX)
        shown = str(values[column])
        shown = shown if len(shown) <= 40 else shown[:39] + "…"
        return Flaw(
            f"label '{shown}' is not among those of task '{task.name}': {task.known_labels}",
            "correct it, or add it to 'positive' or 'negative' in the task file",
        )

    def _kind_flaw(self, values: Mapping[str, object], column: str) -> Flaw:
        if column not in values:
            return Flaw(f"there is no text '{column}' ({listing(tuple(values))})", _FIX)
        return Flaw(f"the text '{column}' is {_KINDS.get(type(values[column]), 'no text')}, not text", _FIX)


def _is_unicode(text: str) -> bool:
    """JSON can spell half a surrogate pair; no tokenizer takes it, and it cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
