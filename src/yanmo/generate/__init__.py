"""Language models that continue a text: loading, prompts, decoding, few-shot answers, label scores; GPT-2 quantized."""

from typing import Any

import lazy_loader

from ..errors import require_extra

_LIGHT = {
    "bert_vocabulary": ["BertVocabulary"],
    "choices": ["GgufType", "Method", "TooLong"],
    "label_scores": ["Calibrated", "LabelScores", "Length", "LabelScoring", "sample_labels"],
    "language_tokenizer": ["LanguageTokenizer"],
}
_NEED_TORCH = {
    "answering": ["Answer", "LabelAnswer", "answer", "answer_by_label", "stream_answer"],
    "decoding": ["Decoding"],
    "gguf_file": ["GgufSummary", "write_gguf"],
    "few_shot": ["Demonstration", "FewShot", "LabelSample"],
    "language_model": ["Completion", "Ending", "LanguageModel"],
    "loading": ["load_language_model", "load_network"],
    "nats": ["TextNats", "text_nats"],
}
# At first use: the command line needs the names of its options, not torch.
_attached, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_LIGHT | _NEED_TORCH)


def __getattr__(name: str) -> Any:
    if any(name in names for names in _NEED_TORCH.values()):
        for package in ("torch", "transformers", "jaxtyping"):
            require_extra(package, extra="torch")
    return _attached(name)
