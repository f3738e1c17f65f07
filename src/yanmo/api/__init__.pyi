from .evaluation import Evaluation as Evaluation
from .evaluation import compare as compare
from .evaluation import evaluate as evaluate
from .exporting import export as export
from .prediction import predict as predict
from .training import train as train
