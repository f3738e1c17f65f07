"""The probe beside all eigenvalues of the Hessian, computed densely."""

import time
from typing import Any

import torch
from torch.func import functional_call, grad, jacrev

from ...probe import sharpness
from .descent import FittedDigits

__all__ = ["compare_with_dense"]


def compare_with_dense(digits: FittedDigits) -> dict[str, Any]:
    """Compares the probe with the largest eigenvalue of the whole matrix, in float64.

    Args:
        digits: Network and examples, float64.

    Returns:
        Both values, the relative difference, the seconds and the products it took.
    """
    named = dict(digits.network.named_parameters())
    flat = torch.cat([p.detach().flatten() for p in named.values()])
    sizes = [p.numel() for p in named.values()]

    def loss(x: torch.Tensor) -> torch.Tensor:
        parts = {name: part.view_as(named[name]) for name, part in zip(named, x.split_with_sizes(sizes), strict=True)}
        outputs: torch.Tensor = functional_call(digits.network, parts, (digits.inputs,))
        return (outputs - digits.targets).square().sum(1).mean() / 2

    began = time.perf_counter()
    found = sharpness(digits.loss, digits.network.parameters())
    probed = time.perf_counter()
    dense = float(torch.linalg.eigvalsh(jacrev(grad(loss), chunk_size=256)(flat))[-1])
    return {
        "n_parameters": len(flat),
        "probe": found.value,
        "dense": dense,
        "relative_error": abs(found.value - dense) / abs(dense),
        "residual": found.residual,
        "n_products": found.n_products,
        "probe_seconds": probed - began,
        "dense_seconds": time.perf_counter() - probed,
    }
