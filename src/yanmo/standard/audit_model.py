"""Out-of-fold probabilities: what a small model that never saw a pair's label says of that pair."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_ridge_logistic", "out_of_fold_logits"]

Floats = NDArray[np.float64]

_N_STEPS = 30


def fit_ridge_logistic(
    columns: Floats,
    labels: NDArray[np.bool_],
    *,
    penalty: Floats,
    offset: Floats,
) -> tuple[Floats, float]:
    """Fits ``p = sigmoid(offset + columns @ w + b)`` by Newton's method with halved steps.

    What is lowered, and is convex, is

    ``sum_i (log(1 + exp(z_i)) - label_i z_i) + 1/2 sum_k penalty_k w_k^2``.

    Own code, so that an audit needs no more than the core: the classification of scikit-learn has one strength for all
    columns, and no penalty for none.

    Args:
        columns: Inputs of about unit size, float64[n, k].
        labels: Whether each row is a match, bool[n].
        penalty: Strength on each column's weight, float64[k]; the constant has none.
        offset: What is known of each row's logit beforehand, float64[n].

    Returns:
        The weights, float64[k], and the constant.
    """
    inputs = np.hstack([columns, np.ones((len(columns), 1))])
    # The trace on the constant keeps it finite where only one class is present.
    strength = np.append(penalty, 1e-3)
    weights = np.zeros(inputs.shape[1])

    def loss(at: Floats) -> float:
        z = inputs @ at + offset
        return float(np.sum(np.logaddexp(0.0, z) - labels * z) + 0.5 * strength @ at**2)

    current = loss(weights)
    for _ in range(_N_STEPS):
        p = np.exp(-np.logaddexp(0.0, -(inputs @ weights + offset)))
        gradient = inputs.T @ (p - labels) + strength * weights
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + np.diag(strength + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-8 and (trial := loss(weights - size * step)) > current:
            size /= 2
        if size <= 1e-8:
            break
        weights, current = weights - size * step, trial
        if np.abs(step).max() < 1e-4:
            break
    return weights[:-1], float(weights[-1])


def out_of_fold_logits(
    columns: Floats,
    labels: NDArray[np.bool_],
    *,
    penalty: Floats,
    group: NDArray[np.int64],
    offset: Floats,
    n_folds: int = 5,
    n_repeats: int = 2,
    seed: int = 0,
) -> Floats:
    """Gives of each row the logit of models that were fitted without it and without the same pair elsewhere.

    Args:
        columns: Inputs, float64[n, k].
        labels: Whether each row is a match, bool[n].
        penalty: As in ``fit_ridge_logistic``.
        group: Rows of one number stay in one fold, int64[n].
        offset: What is known of each row's logit beforehand, float64[n].
        n_folds: Parts, each judged by the model of all others.
        n_repeats: Divisions; the logits are their mean.
        seed: Draws the divisions.

    Returns:
        Logits, float64[n].
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(len(labels))
    for _ in range(n_repeats):
        # Of every class of pairs as many in each fold, else a fold may hold none of a rare class.
        fold = np.zeros(int(group.max()) + 1, dtype=np.int64)
        first = np.unique(group, return_index=True)[1]
        for kind in (False, True):
            chosen = group[first[labels[first] == kind]]
            fold[rng.permutation(chosen)] = np.arange(len(chosen)) % n_folds
        held = fold[group]
        for part in range(n_folds):
            out = held == part
            if out.any():
                fitted, constant = fit_ridge_logistic(columns[~out], labels[~out], penalty=penalty, offset=offset[~out])
                total[out] += offset[out] + columns[out] @ fitted + constant
    return total / n_repeats
