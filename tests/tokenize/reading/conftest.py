"""Tiny tokenizers of every kind that a matcher may have, with the letters that unknown pieces are spelled by."""

from string import ascii_lowercase

import pytest
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Backend

from yanmo.tokenize import CharacterSegmenter, FolderTokenizer, Vocabulary, WordSegmenter, WordTokenizer

LETTERS = [*ascii_lowercase, *"0123456789"]
CHINESE = [*"今天气不错我们去公园学生头发展台湾后面", "今天", "天气"]
MARKS = [*"<>/[]!,。"]


def _pieces():
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS), *CHINESE, *MARKS]


def _sentencepiece():
    """As XLM-R's: special tokens are pieces of the vocabulary too."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = [*LETTERS, *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *CHINESE, *MARKS, "▁", "▁<", "sk", "▁今天"]
    vocab = [*((token, 0.0) for token in special), *((piece, -2.0 - len(piece) % 2) for piece in pieces)]
    backend = Backend(models.Unigram(vocab, unk_id=3))
    blanks = normalizers.Replace(Regex(r"\s+"), " ")
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), blanks])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.add_special_tokens([AddedToken(token, normalized=False, lstrip=token == "<mask>") for token in special])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return FolderTokenizer(backend, cls_token="<s>", sep_token="</s>", pad_token="<pad>")


def _wordpiece():
    """As BERT's ``tokenizer.json``."""
    pieces = _pieces()
    backend = Backend(models.WordPiece(vocab={p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.add_special_tokens(pieces[:5])
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return FolderTokenizer(backend, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")


TOKENIZERS = {
    "characters": lambda: WordTokenizer(Vocabulary(_pieces()), segmenter=CharacterSegmenter()),
    "words": lambda: WordTokenizer(Vocabulary(_pieces()), segmenter=WordSegmenter()),
    "sentencepiece": _sentencepiece,
    "wordpiece": _wordpiece,
}


@pytest.fixture(scope="session", params=TOKENIZERS)
def any_tokenizer(request):
    return TOKENIZERS[request.param]()


@pytest.fixture(scope="session")
def sentencepiece():
    return _sentencepiece()


@pytest.fixture(scope="session")
def wordpiece():
    return _wordpiece()
