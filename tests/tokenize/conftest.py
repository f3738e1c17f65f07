import pytest

from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordSegmenter, WordTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "今天", "天气", "今天天气", "不错", "我们", "公园", "学生"]
PIECES = ["##a", "##b", "##bc", "ab", "é", "ss", "##s", "σ", "##σ", "が", "か"]
CHARACTERS = [*"今天气不错我们去公园学生ab!,。?1ae", *PIECES]


@pytest.fixture
def vocabulary():
    return Vocabulary(list(dict.fromkeys(WORDS + CHARACTERS)))


@pytest.fixture(params=[WordSegmenter, CharacterSegmenter])
def tokenizer(request, vocabulary):
    return WordTokenizer(vocabulary, segmenter=request.param())
