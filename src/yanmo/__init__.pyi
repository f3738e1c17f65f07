from .api import evaluate as evaluate
from .api import export as export
from .api import predict as predict
from .api import train as train
from .collection import deduplicate as deduplicate
from .collection import link as link
from .collection import search as search
from .match import Matcher as Matcher
from .standard import explain as explain
from .standard import learn_standard as learn_standard
from .standard import promise_threshold as promise_threshold
from .vectors import Embedder as Embedder

__version__: str
