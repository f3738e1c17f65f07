"""One-to-one: of all weighted pairs those with the largest sum in which no row stands twice."""

from collections.abc import Sequence

import numpy as np

from ..errors import require_extra

__all__ = ["assign_one_to_one"]


def assign_one_to_one(edges: Sequence[tuple[int, int, float]]) -> dict[int, int]:
    """Chooses among weighted pairs; each connected part is solved on its own, exactly, by scipy.

    Args:
        edges: Row of the first list, row of the second, weight above 0.

    Returns:
        The partner of each row of the first list that has one.

    Raises:
        MissingExtraError: scipy is not installed.

    Example:
        >>> assign_one_to_one([(0, 0, 0.9), (0, 1, 0.8), (1, 0, 0.8)])
        {0: 1, 1: 0}
    """
    if not edges:
        return {}
    require_extra("scipy", extra="collection")
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.array([e[0] for e in edges]), np.array([e[1] for e in edges])
    weights = np.array([e[2] for e in edges])
    n_a, n = int(a.max()) + 1, int(a.max()) + 2 + int(b.max())
    _, part = connected_components(coo_array((np.ones(len(a)), (a, b + n_a)), shape=(n, n)), directed=False)
    order = np.argsort(part[a], kind="stable")
    partner: dict[int, int] = {}
    for edge_numbers in np.split(order, np.flatnonzero(np.diff(part[a][order])) + 1):
        rows, row_at = np.unique(a[edge_numbers], return_inverse=True)
        columns, column_at = np.unique(b[edge_numbers], return_inverse=True)
        table = np.zeros((len(rows), len(columns)))
        table[row_at, column_at] = weights[edge_numbers]
        for i, j in zip(*linear_sum_assignment(table, maximize=True), strict=True):
            if table[i, j] > 0:
                partner[int(rows[i])] = int(columns[j])
    return dict(sorted(partner.items()))
