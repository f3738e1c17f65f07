"""Digests of what a run starts from, its base and its corpus, by which a run is told from another."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ...data.documents import fingerprint_corpus
from ...data.lines import check_encoding
from ...data.rejects import OnBadLine
from ...errors import chosen

__all__ = ["corpus_record", "fingerprint_base"]

# All that loading reads beside the weights: a matcher as base has tasks, an encoder has none.
_NAMES = (
    "config.json",
    "matching.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


def fingerprint_base(base: Path) -> str:
    """Gives a digest of the files that training reads of its base: configuration, tokenizer, tasks and weights.

    Other files, such as a model card, and the folder's place do not enter. Of weights in both formats those of
    safetensors enter, which are the ones that are loaded; an exported matcher's are its graph.

    Args:
        base: Hugging Face folder of an encoder, or a matcher's.

    Returns:
        64 hexadecimal digits; of a folder without any such file too, for the loading will say what is missing.
    """
    named = [base / name for name in _NAMES if (base / name).is_file()]
    weights = [*base.glob("*.safetensors"), *base.glob("*.safetensors.index.json")]
    if not weights:
        weights = [*base.glob("*.bin"), *base.glob("*.bin.index.json"), *base.glob("model.onnx")]
    digest = hashlib.sha256()
    for path in sorted(named + weights):
        digest.update(path.name.encode() + b"\0")
        digest.update(bytes.fromhex(fingerprint_corpus([path])))
    return digest.hexdigest()


def corpus_record(files: Sequence[Path], *, encoding: str, on_bad_line: OnBadLine | str) -> dict[str, str]:
    """Gives what a run's record says of its corpus: all that decides which documents are read.

    Args:
        files: The corpus.
        encoding: Text encoding of the files.
        on_bad_line: What happens to bad lines.

    Returns:
        The digest of the files' bytes, the encoding, and the way with bad lines, by name.

    Raises:
        InputError: A file cannot be read, or there is no such encoding.
    """
    on_bad_line = chosen(OnBadLine, on_bad_line, name="on_bad_line")
    return {
        "corpus": fingerprint_corpus(files),
        "encoding": check_encoding(encoding),
        "on_bad_line": on_bad_line.value,
    }
