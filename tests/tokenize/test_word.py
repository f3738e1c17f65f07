import importlib.util
import pickle
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yanmo.tokenize import WordSegmenter, WordTokenizer, load_tokenizer
from yanmo.tokenize.wordpiece import plain_form

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jieba

jieba.setLogLevel(60)
_spec = importlib.util.spec_from_file_location("original", Path(__file__).with_name("original.py"))
_original = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_original)

NASTY = [
    "",
    " ",
    "我们去公园 今天天气不错!",
    "今天\n\n天气\t不错\r\n",
    "CAFÉ café cafe\u0301 A\u0300b",
    "\u3000全角空格ＡＢＣ１２３，。！",
    "a" * 201 + " " + "ab" * 100,
    "emoji😀👨‍👩‍👧公园🇨🇳",
    "\x00今\x01天\ufffd天气\u200b\u00ad不错",
    "lone \ud83d surrogate \udc00 公园",
    "\u2028行\u2029段\x1c\x1d\x85\xa0天气",
    "ΣΑΣ ΟΔΟΣ İstanbul ẞ ﬁ",
    "が가각한국어",
    "𠀀𪜀丽\uf900",
    "——……·「学生」§¶$+<=>^`|~",
]


def _reference(tokenizer):
    cut = (lambda t: jieba.lcut(t, HMM=False)) if isinstance(tokenizer.segmenter, WordSegmenter) else (lambda t: [t])
    return _original.OriginalTokenizer(tokenizer.vocabulary.ids, cut)


@pytest.mark.parametrize("text", NASTY)
def test_ids_equal_the_original_algorithm(tokenizer, text):
    expected = _reference(tokenizer).ids(text)
    assert tokenizer.ids(text) == expected
    assert tokenizer.encode(text).token_ids.tolist() == expected


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.one_of(st.sampled_from("今天气不错我们去公园abAB é。 "), st.characters()), max_size=30))
def test_any_text_gives_the_original_ids_and_offsets_that_fit(tokenizer, text):
    encoding = tokenizer.encode(text)
    assert encoding.token_ids.tolist() == _reference(tokenizer).ids(text)
    starts, ends = encoding.offsets[:, 0], encoding.offsets[:, 1]
    assert ((starts >= 0) & (starts < ends) & (ends <= len(text))).all()
    assert (starts[1:] >= starts[:-1]).all()


def test_offsets_point_at_the_characters_of_every_token(tokenizer):
    text = "cafe\u0301 今天\u200b不错 AB"
    tokens = list(tokenizer.vocabulary)
    encoding = tokenizer.encode(text)
    for i, (start, end) in zip(encoding.token_ids, encoding.offsets, strict=True):
        if tokens[i] != "[UNK]":
            assert plain_form(text[start:end]).replace("\u200b", "") == tokens[i].removeprefix("##")
    assert {text[s:e] for s, e in encoding.offsets} >= {
        "AB",
        "不错" if "不错" in {tokens[i] for i in encoding.token_ids} else "不",
    }


def test_batches_pickling_and_folders_change_nothing(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    for same in (pickle.loads(pickle.dumps(tokenizer)), load_tokenizer(tmp_path)):
        assert isinstance(same, WordTokenizer)
        for text, encoding in zip(NASTY, same.encode_batch(NASTY), strict=True):
            assert encoding.token_ids.tolist() == tokenizer.encode(text).token_ids.tolist()


def test_a_hundred_thousand_characters_are_no_trouble(tokenizer):
    assert len(tokenizer.encode("我们去公园" * 20000).token_ids) > 30000
