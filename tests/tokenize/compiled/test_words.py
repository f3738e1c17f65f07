import importlib.util
import random
import warnings
from pathlib import Path
from struct import iter_unpack

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordSegmenter, WordTokenizer, word
from yanmo.tokenize.compiled.records import NO_TOKEN, WordRecords

pytest.importorskip("numba")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    jieba = pytest.importorskip("jieba")

from yanmo.tokenize.compiled.words import CompiledWords

jieba.setLogLevel(60)
_spec = importlib.util.spec_from_file_location("test_word", Path(__file__).parents[1] / "test_word.py")
_test_word = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_test_word)
NASTY = _test_word.NASTY

# In the dictionary, parts of words in it that are no words themselves, and what stands between words.
CHARACTERS = "哈人天气今不错我们去公园北京大学生前来应聘的一二三十年月日龘〇㐀aB1.-_%&#+@，。 \r\n\t\u3000\ud800😀"
IDS = {token: i for i, token in enumerate(["[UNK]", "今天天气", "今", "天", "天气", "哈哈", "人人", "ab", "##c", "，"])}


@pytest.fixture(scope="module")
def records():
    return WordRecords(IDS, words=IDS, unknown=0)


@pytest.fixture(scope="module")
def compiled(records):
    return CompiledWords(records)


def check(records, compiled, text):
    token_ids, offsets, place = [], [], 0
    for each in jieba.cut(text, HMM=False):
        for token, width in iter_unpack("2i", records[each]):
            if token != NO_TOKEN:
                token_ids.append(token)
                offsets.append([place, place + width])
            place += width
    found_ids, found_offsets = compiled.tokens(text)
    np.testing.assert_array_equal(found_ids, np.array(token_ids, np.int32))
    np.testing.assert_array_equal(found_offsets, np.array(offsets, np.int32).reshape(-1, 2))


@pytest.mark.parametrize("text", [*NASTY, "人" * 300, "哈" * 301, "人人哈哈" * 99, "一" * 1000, "3月15日12:30"])
def test_tokens_are_those_of_the_words_that_jieba_itself_cuts(records, compiled, text):
    check(records, compiled, text)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.one_of(st.sampled_from(CHARACTERS), st.characters()), max_size=60))
def test_any_text_has_the_same_tokens(records, compiled, text):
    check(records, compiled, text)


def test_words_of_the_dictionary_thrown_together_are_cut_the_same(records, compiled):
    """Equal likelihoods, and such as differ in the last digit only, are common among so many."""
    draw = random.Random(0)
    words = [each for each in jieba.dt.FREQ if len(each) < 5]
    frequent = sorted(words, key=jieba.dt.FREQ.get)[-3000:]
    for source in (words, frequent):
        text = "".join(draw.choice(source) + draw.choice(["", "", "", "，", "7"]) for _ in range(20_000))
        check(records, compiled, text)


def test_a_tokenizer_goes_over_to_it_and_encodes_as_before(vocabulary, monkeypatch):
    texts = [*NASTY, "今天天气不错，我们去公园", *_test_word.TIED]
    vocabulary = Vocabulary([*vocabulary, "等", "等等"])
    plain = WordTokenizer(vocabulary, segmenter=WordSegmenter())
    before = plain.ids_batch(texts), _test_word._listed(plain.encode_batch(texts))
    monkeypatch.setattr(word, "_PATIENCE", 20)
    monkeypatch.setattr(word, "_SHORT", 0)
    hasty = WordTokenizer(vocabulary, segmenter=WordSegmenter())
    assert hasty.ids_batch(["今天"] * 10) == plain.ids_batch(["今天"] * 10)
    assert hasty._compiled is None
    hasty.ids_batch(["今"])
    assert hasty._compiled is not None
    assert (hasty.ids_batch(texts), _test_word._listed(hasty.encode_batch(texts))) == before
    assert _test_word._listed(map(hasty.encode, texts)) == before[1]
    assert [hasty.ids(text) for text in texts] == before[0]


@pytest.mark.parametrize("segmenter", [CharacterSegmenter(), WordSegmenter()])
def test_without_numba_or_without_words_all_stays_as_it_is(vocabulary, monkeypatch, segmenter):
    monkeypatch.setattr(word, "_PATIENCE", 0)
    if isinstance(segmenter, WordSegmenter):
        monkeypatch.setattr(word, "find_spec", lambda name: None)
    tokenizer = WordTokenizer(vocabulary, segmenter=segmenter)
    assert len(tokenizer.ids_batch(["今天"])[0]) > 0
    assert tokenizer._compiled is None
