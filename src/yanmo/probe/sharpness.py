"""How sharply a loss curves: the largest eigenvalue of its Hessian, beside which the learning rate has to be small."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import Optimizer

from ..errors import InputError

__all__ = ["Sharpness", "sharpness"]

_ROUNDING, _TINY = torch.finfo(torch.float32).eps, torch.finfo(torch.float32).tiny


@dataclass(frozen=True, slots=True)
class Sharpness:
    """The largest eigenvalue of a Hessian.

    Attributes:
        value: The eigenvalue, from below; its unit is that of the loss over the parameters' squared.
        residual: ``|H v - value v|`` of the unit vector ``v`` found: an eigenvalue lies within it of ``value``.
        n_products: Products of the Hessian with a vector that it took.
        converged: Whether the residual came down to the tolerance.
    """

    value: float
    residual: float
    n_products: int
    converged: bool

    def rate_product(self, optimizer: Optimizer) -> float:
        """Returns the largest rate of an optimizer times the eigenvalue.

        Plain gradient descent of one rate oscillates along the sharpest direction where it passes 2, and there the
        sharpness stops growing (the edge of stability). With momentum ``beta`` the edge is ``2 + 2 beta``; Adam has
        one of its own, in which the Hessian is preconditioned.

        Args:
            optimizer: Its groups give the rates.

        Returns:
            ``rate * value``.
        """
        return max(float(group["lr"]) for group in optimizer.param_groups) * self.value

    def readings(self) -> dict[str, float]:
        """Returns the numbers under ``sharpness/``, as trackers take them."""
        return {"sharpness/value": self.value, "sharpness/residual": self.residual}


def sharpness(
    loss_fn: Callable[[], Float[Tensor, ""]],
    parameters: Iterable[Tensor],
    *,
    tolerance: float = 1e-3,
    n_products: int = 100,
    seed: int = 0,
) -> Sharpness:
    """Finds the largest eigenvalue of the Hessian of a loss by Lanczos' method.

    The loss is computed once, each product ``H v`` is one more backward pass through its gradient. Lanczos without
    keeping (and so without orthogonalizing against) earlier vectors: memory is that of three vectors beside the graph;
    rounding then only makes copies of eigenvalues that have converged, which the largest does not mind. The number may
    be negative: it is the largest, not that of largest size. On random starts the method misses the largest
    eigenvalue only where the start has no part of its direction, which does not happen by chance.

    Args:
        loss_fn: Computes the loss of the batch that is asked about; dropout keeps its mask during the search.
        parameters: What the Hessian is of; those that learn.
        tolerance: The residual that is small enough, as a share of the eigenvalue.
        n_products: Products of the Hessian with a vector at most.
        seed: Draws the start, without touching torch's generators.

    Returns:
        The eigenvalue and how well it is known.

    Raises:
        InputError: There is no parameter, one does not learn, the tolerance or the number is no positive one, the loss
            is no finite number, does not hang on the parameters, or cannot be differentiated twice.

    Example:
        >>> x = torch.zeros(3, requires_grad=True)
        >>> found = sharpness(lambda: (torch.tensor([1.0, 2.0, 5.0]) * x.square()).sum() / 2, [x])
        >>> round(found.value, 3), found.n_products
        (5.0, 3)

    Source: arXiv:2103.00065 (edge of stability); Paige 1971, for Lanczos without orthogonalization.
    """
    if not (0 < tolerance < 1) or n_products < 1:
        given = f"a tolerance of {tolerance} and {n_products} products were given"
        raise InputError(f"{given}, expected one in (0, 1) and 1 or more", fix="leave them out")
    tensors = _learning(parameters)
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused attention kernels have no second derivative
        loss = loss_fn()
        if loss.numel() != 1 or not bool(torch.isfinite(loss).all()):
            raise InputError("the loss is no finite number", fix="give the mean loss of one batch")
        gradients = _gradients(loss, tensors)

    # What the loss is linear in has a constant gradient, and rows of zeros in the Hessian.
    curved = [i for i, each in enumerate(gradients) if each.requires_grad]

    def product(v: list[Tensor]) -> list[Tensor]:
        found = torch.autograd.grad(
            [gradients[i] for i in curved],
            tensors,
            grad_outputs=[v[i] for i in curved],
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        return list(found)

    generator = torch.Generator().manual_seed(seed)
    start = [torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p) for p in tensors]
    return _lanczos(product, start, tolerance=tolerance, n_products=n_products)


def _lanczos(
    product: Callable[[list[Tensor]], list[Tensor]], start: list[Tensor], *, tolerance: float, n_products: int
) -> Sharpness:
    """``H v_j = beta_{j-1} v_{j-1} + alpha_j v_j + beta_j v_{j+1}``; H's eigenvalues are those of the tridiagonal."""
    size = math.sqrt(_dot(start, start))
    v, before = [each / size for each in start], [torch.zeros_like(each) for each in start]
    alphas: list[float] = []
    betas: list[float] = []
    value, residual, converged = 0.0, 0.0, False
    dimension = sum(each.numel() for each in start)
    while not converged and len(alphas) < n_products:
        w = product(v)
        alphas.append(_dot(w, v))
        beta = betas[-1] if betas else 0.0
        w = [each - alphas[-1] * own - beta * old for each, own, old in zip(w, v, before, strict=True)]
        betas.append(math.sqrt(max(0.0, _dot(w, w))))
        if not math.isfinite(alphas[-1] + betas[-1]):
            raise InputError("a second derivative of the loss is not finite", fix="lower the rate, or use float32")
        tridiagonal = torch.diag(torch.tensor(alphas, dtype=torch.float64))
        beside = torch.tensor(betas[:-1], dtype=torch.float64)
        values, vectors = torch.linalg.eigh(tridiagonal + torch.diag(beside, 1) + torch.diag(beside, -1))
        value, residual = float(values[-1]), betas[-1] * abs(float(vectors[-1, -1]))
        # The vectors so far span all there is where nothing but rounding is left of the next one.
        is_whole = len(alphas) == dimension or betas[-1] <= _ROUNDING * float(values.abs().max())
        converged = is_whole or residual <= tolerance * abs(value)
        before, v = v, [each / max(betas[-1], _TINY) for each in w]
    return Sharpness(value, residual, len(alphas), converged)


def _dot(a: list[Tensor], b: list[Tensor]) -> float:
    return float(torch.stack([(x.double() * y.double()).sum() for x, y in zip(a, b, strict=True)]).sum())


def _gradients(loss: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    if not loss.requires_grad:
        raise InputError("the loss does not hang on the parameters", fix="compute it inside the function, with them")
    found = torch.autograd.grad(loss, tensors, create_graph=True, allow_unused=True, materialize_grads=True)
    if not any(each.requires_grad for each in found):
        raise InputError(
            "the loss has no second derivative with these parameters: it is linear in them, or a part of it cannot be "
            "differentiated twice",
            fix="check the loss; of checkpointing use the form with use_reentrant=False",
        )
    return list(found)


def _learning(parameters: Iterable[Tensor]) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        raise InputError("one tensor was given, a list of tensors was expected", fix="put it into a list")
    once = {id(each): each for each in parameters}
    learning = [each for each in once.values() if each.requires_grad]
    if not learning:
        raise InputError(
            "no parameter that learns was given", fix="hand in model.parameters(); a generator that was read is empty"
        )
    return learning
