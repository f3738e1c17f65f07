"""Language models that continue a text: loading, prompts, decoding, few-shot answers, label scores; GPT-2 quantized."""

from ..errors import require_extra

require_extra("torch", extra="torch")
require_extra("transformers", extra="torch")
require_extra("jaxtyping", extra="torch")

from .answering import Answer, Judgement, answer, judge, stream_answer  # noqa: E402
from .decoding import Decoding, Method, TooLong  # noqa: E402
from .few_shot import Demonstration, FewShot, LabelSample  # noqa: E402
from .label_scores import Calibrated, LabelScores, Length, Reading, sample_labels  # noqa: E402
from .language_model import Completion, Ending, LanguageModel  # noqa: E402
from .language_tokenizer import LanguageTokenizer  # noqa: E402
from .loading import load_language_model, load_network  # noqa: E402
from .nats import TextNats, text_nats  # noqa: E402

__all__ = [
    "Answer",
    "Calibrated",
    "Completion",
    "Decoding",
    "Demonstration",
    "Ending",
    "FewShot",
    "Judgement",
    "LabelSample",
    "LabelScores",
    "LanguageModel",
    "LanguageTokenizer",
    "Length",
    "Method",
    "Reading",
    "TextNats",
    "TooLong",
    "answer",
    "judge",
    "load_language_model",
    "load_network",
    "sample_labels",
    "stream_answer",
    "text_nats",
]
