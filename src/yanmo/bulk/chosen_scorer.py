"""Where pairs are judged: in this process, unless workers or Ray are asked for."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from ..errors import InputError
from ..match import Matcher
from .pair_chunks import ChunkScorer, ScorerHere

__all__ = ["choose_scorer"]


def choose_scorer(
    matcher: Matcher, model: str | None, *, n_workers: int | None, on_ray: bool, device: str | None = None
) -> AbstractContextManager[ChunkScorer]:
    """Says where pairs are judged.

    Args:
        matcher: The matcher, open in this process.
        model: Its name, as `open_matcher` takes it; None where it has none.
        n_workers: How many processes, or cores of Ray; None judges in this process.
        on_ray: Whether by Ray.
        device: Where torch runs.

    Returns:
        The place, as long as it is entered.

    Raises:
        InputError: Workers have no folder to open the matcher from, or are asked to compute elsewhere than on the CPU.
        MissingExtraError: Ray is not installed.
    """
    if n_workers is None and not on_ray:
        return nullcontext(ScorerHere(matcher))
    if device not in (None, "cpu"):
        raise InputError(f"workers compute on one thread of the CPU each, not on '{device}'", fix="leave one out")
    if model is None:
        raise InputError("workers open a matcher by its name", fix="give its folder")
    if model != "default":
        if not Path(model).is_dir():
            raise InputError("workers open a matcher from a folder", where=model, fix="download it, name its folder")
        model = str(Path(model).resolve())
    if on_ray:
        from .ray_scorer import RayScorer

        return RayScorer(model, matching=matcher.matching, identity=matcher.identity(), n_workers=n_workers)
    from .worker_pool import WorkerPool

    return WorkerPool(
        model, matching=matcher.matching, identity=matcher.identity(), n_workers=1 if n_workers is None else n_workers
    )
