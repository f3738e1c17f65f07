from .match import Matcher as Matcher
from .vectors import Embedder as Embedder

__version__: str
