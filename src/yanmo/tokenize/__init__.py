"""Text to token ids: word and character tokenizers, the tokenizers of Hugging Face folders, pairs under a budget."""

from .folder import FolderTokenizer, load_tokenizer
from .pair import EncodedPair, PairBudget, PairEncoder, PairLayout
from .segment import CharacterSegmenter, Segmenter, WordSegmenter
from .tokenizer import Encoding, Tokenizer, with_special_tokens
from .vocabulary import Vocabulary
from .word import WordTokenizer

__all__ = [
    "CharacterSegmenter",
    "EncodedPair",
    "Encoding",
    "FolderTokenizer",
    "PairBudget",
    "PairEncoder",
    "PairLayout",
    "Segmenter",
    "Tokenizer",
    "Vocabulary",
    "WordSegmenter",
    "WordTokenizer",
    "load_tokenizer",
    "with_special_tokens",
]
