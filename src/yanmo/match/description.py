"""A matcher in one line: its standards, its base, what computes it, and how large it is."""

from pathlib import Path
from typing import Any

from .decisions import MatchingFile
from .engines.graph_engine import GraphEngine
from .engines.learned_engine import trained_engine

__all__ = ["describe"]

_SHOWN = 6


def describe(matching: MatchingFile, engine: Any) -> str:
    """Says what a matcher is; nothing is computed and no weights are read for it.

    Args:
        matching: Its standards and where it comes from.
        engine: What scores.

    Returns:
        One line.
    """
    names = matching.task_set.names
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    parts = [f"{len(names)} standard{'' if len(names) == 1 else 's'}: {shown}"]
    origin = (matching.training or {}).get("origin")
    base = origin.get("base") if isinstance(origin, dict) else None
    if base:
        parts.append(f"base {Path(str(base)).name}")
    return f"<Matcher {'; '.join([*parts, *_computed_by(trained_engine(engine))])}>"


def _computed_by(engine: Any) -> list[str]:
    if isinstance(engine, GraphEngine):
        return [engine.version, f"{sum(path.stat().st_size for path in engine.files) / 1e6:.1f} MB"]
    network = getattr(engine, "classifier", None)
    if network is None:
        return [type(engine).__name__]
    parameters = list(network.parameters())
    size = sum(each.numel() * each.element_size() for each in parameters)
    return [f"torch on {parameters[0].device}", f"{size / 1e6:.1f} MB"]
