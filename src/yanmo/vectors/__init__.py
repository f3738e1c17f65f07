"""Text vectors without labels: the Embedder people use, SimSiam and BYOL around an encoder, views of a text."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("jaxtyping", extra="torch")

from .byol import Byol  # noqa: E402
from .embedder import Embedder  # noqa: E402
from .pooled import PooledEncoder, Pooling  # noqa: E402
from .sentence_folder import SentenceFolder  # noqa: E402
from .simsiam import SimSiam  # noqa: E402
from .two_views import TwoViews  # noqa: E402
from .views import TextViews  # noqa: E402

__all__ = ["Byol", "Embedder", "PooledEncoder", "Pooling", "SentenceFolder", "SimSiam", "TextViews", "TwoViews"]
