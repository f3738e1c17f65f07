"""Tables in one style, as `canvas` is one style of figure."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table

__all__ = ["study_table"]


def study_table(title: str, labels: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    """Makes an empty table: columns of words at the left, of numbers at the right.

    Where a terminal is narrow, what does not fit goes on in the next line: no digit is lost.

    Args:
        title: Stands above it.
        labels: Heads of the first columns, which say what a row is.
        numbers: Heads of the others.

    Returns:
        The table, without rows.

    Example:
        >>> study_table("minima", ["n"], ["x*", "f(x*)"]).columns[1].justify
        'right'
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)
    for label in labels:
        table.add_column(label, overflow="fold")
    for number in numbers:
        table.add_column(number, justify="right", overflow="fold")
    return table
