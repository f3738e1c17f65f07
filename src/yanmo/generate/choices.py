"""What is chosen by name in files and on the command line: how tokens are picked, what becomes of long prompts."""

from enum import Enum

__all__ = ["GgufType", "Method", "TooLong"]


class Method(str, Enum):
    """How the next token is chosen."""

    GREEDY = "greedy"
    """The likeliest one."""
    SAMPLE = "sample"
    """Drawn from the model's distribution."""
    BEAM = "beam"
    """The likeliest continuation among a few that are followed at the same time."""


class TooLong(str, Enum):
    """What becomes of a prompt that leaves too few positions for the new tokens."""

    REFUSE = "refuse"
    """An error."""
    CUT_LEFT = "cut_left"
    """Its oldest tokens go."""
    KEEP_NEWEST = "keep_newest"
    """Its oldest demonstrations go, one by one; for few-shot prompts."""


class GgufType(str, Enum):
    """Type of the matrices' weights; all else is float32. ``q4_0`` keeps the token table in ``q8_0``."""

    F32 = "f32"
    F16 = "f16"
    Q8_0 = "q8_0"
    Q4_0 = "q4_0"
