"""Text to token ids and back: word and character tokenizers, those of Hugging Face folders, pairs under a budget."""

from .build import BuiltVocabulary, add_words, build_vocabulary
from .coverage import Coverage, measure_coverage
from .cpm import CpmTokenizer, Vintage
from .folder import FolderTokenizer, load_text_tokenizer, load_tokenizer
from .hidden_markov import HiddenMarkovSegmenter
from .pair import EncodedPair, PairBudget, PairEncoder, PairLayout, PairWindows
from .reading.normalization import TextNormalization
from .segment import CharacterSegmenter, Segmenter, WordSegmenter
from .special import SpecialIds, find_special_ids
from .tokenizer import Encoding, TextTokenizer, Tokenizer, with_special_tokens
from .vocabulary import Vocabulary
from .windows import WindowPlan
from .word import WordTokenizer
from .word_list import frequent_words, jieba_words, listed_words

__all__ = [
    "BuiltVocabulary",
    "CharacterSegmenter",
    "Coverage",
    "CpmTokenizer",
    "EncodedPair",
    "Encoding",
    "FolderTokenizer",
    "HiddenMarkovSegmenter",
    "PairBudget",
    "PairEncoder",
    "PairLayout",
    "PairWindows",
    "Segmenter",
    "SpecialIds",
    "TextNormalization",
    "TextTokenizer",
    "Tokenizer",
    "Vintage",
    "Vocabulary",
    "WindowPlan",
    "WordSegmenter",
    "WordTokenizer",
    "add_words",
    "build_vocabulary",
    "find_special_ids",
    "frequent_words",
    "jieba_words",
    "listed_words",
    "load_text_tokenizer",
    "load_tokenizer",
    "measure_coverage",
    "with_special_tokens",
]
