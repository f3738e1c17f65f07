from .match import Matcher as Matcher
from .standard import promise_threshold as promise_threshold
from .vectors import Embedder as Embedder

__version__: str
