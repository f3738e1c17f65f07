from .match import Matcher as Matcher
from .standard import learn_standard as learn_standard
from .standard import explain as explain
from .vectors import Embedder as Embedder

__version__: str
