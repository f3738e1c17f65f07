"""Tables in one style, as `canvas` is one style of figure."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table

__all__ = ["study_table"]


def study_table(title: str, labels: Sequence[str], numbers: Sequence[str] = (), *, wraps: bool = False) -> Table:
    """Makes an empty table: columns of words at the left, of numbers at the right.

    Args:
        title: Stands above it.
        labels: Heads of the first columns, which say what a row is.
        numbers: Heads of the others.
        wraps: Whether a number's column may break its lines where the terminal is narrow.

    Returns:
        The table, without rows.

    Example:
        >>> study_table("minima", ["n"], ["x*", "f(x*)"]).columns[1].justify
        'right'
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)
    for label in labels:
        table.add_column(label, no_wrap=True)
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=not wraps)
    return table
