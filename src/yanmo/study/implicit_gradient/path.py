"""Many steps of gradient descent beside the three flows, on a loss whose plain flow keeps a quantity."""

from typing import Any

import numpy as np
import torch

from .fields import Flow, asymmetry, descent_field
from .losses import product_loss
from .steps import flow_path

__all__ = ["follow_product"]

_FINE = 4  # points of a flow between two steps


def follow_product(*, rate: float, n_steps: int) -> dict[str, Any]:
    """Descends on ``1/2 (a b - 1)^2`` and follows the flows for the same time.

    Args:
        rate: Of gradient descent.
        n_steps: Steps.

    Returns:
        Positions after each step and, four times as dense, on each flow; the balance ``a^2 - b^2`` there; for each
        flow the farthest that gradient descent was from it at equal time, and how far its field is from a gradient at
        the start.
    """
    example = product_loss()
    field = descent_field(example.loss, rate=rate, flow=Flow.PLAIN)
    points = [example.start]
    for _ in range(n_steps):
        points.append(points[-1] + rate * field(points[-1]))
    descent = torch.stack(points).numpy()
    times = rate * np.arange(_FINE * n_steps + 1) / _FINE
    found: dict[str, Any] = {
        "rate": rate,
        "n_steps": n_steps,
        "descent": descent,
        "balance": {"descent": _balance(descent)},
        "flows": {},
        "farthest": {},
        "asymmetry": {},
    }
    for flow in Flow:
        name = flow.name.lower()
        path = flow_path(example.loss, example.start, rate=rate, flow=flow, times=times)
        found["flows"][name] = path
        found["farthest"][name] = float(np.linalg.norm(path[::_FINE] - descent, axis=1).max())
        found["balance"][name] = _balance(path)
        found["asymmetry"][name] = asymmetry(descent_field(example.loss, rate=rate, flow=flow), example.start)
    return found


def _balance(path: np.ndarray) -> np.ndarray:
    balance: np.ndarray = path[:, 0] ** 2 - path[:, 1] ** 2
    return balance
