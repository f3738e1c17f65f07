import importlib.util
import multiprocessing
import pickle
import random
import re
import warnings
from pathlib import Path

import pytest
import rjieba
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordSegmenter, WordTokenizer, load_tokenizer, segment, word
from yanmo.tokenize.plain_form import plain_form

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
    "\n今天\r",
    "CAFÉ café cafe\u0301 A\u0300b",
    "\u0301今\u0301天\u20dd",
    "\u3000全角空格ＡＢＣ１２３，。！",
    "a" * 201 + " " + "ab" * 100,
    "ab" * 3000,
    "今天" + "abc" * 60 + "不错",
    "emoji😀👨‍👩‍👧公园🇨🇳",
    "1️⃣☺️👍🏽🏴\U000e0067\U000e007f😀ab",
    "\x00今\x01天\ufffd天气\u200b\u00ad不错",
    "a\x00b\u200bc \x7f\x9f\ufeff\u202e天气",
    "lone \ud83d surrogate \udc00 公园",
    "\ud83d\ude00天气\udfff",
    "\u2028行\u2029段\x1c\x1d\x85\xa0天气",
    "ΣΑΣ ΟΔΟΣ İstanbul ẞ ﬁ",
    "ΟΔΟΣ",
    "が가각한국어ハ゛ﾊﾞ",
    "𠀀𪜀丽\uf900㐀天气㐀ab",
    "——……·「学生」§¶$+<=>^`|~",
    "[CLS]今天[SEP] [MASK] ##b ##",
    "3.14% a-b_c C++ C# AT&T .NET 1,000 今天.天气",
]


def _reference(tokenizer):
    table = tokenizer.vocabulary.ids
    original = _original.OriginalTokenizer(table, lambda text: jieba.lcut(text, HMM=False))
    if isinstance(tokenizer.segmenter, WordSegmenter):
        return original.ids
    return lambda text: [table.get(token, table["[UNK]"]) for token in original.tokens(text, cut=False)]


# Found by trial: in the tail of each, jieba takes the one cut of the repeated word and rjieba the other.
_TAIL = (
    "然后明天上午九点在公司门口集合一起坐车去机场大家不要迟到"
    "如果有事情提前给我打电话我们再商量怎么安排时间谢谢各位同事的支持"
)
TIED = [f"我们要准备好合同发票身份证等等等{_TAIL}", f"哈哈，身份证等等等{_TAIL}\r\nA1等等等{_TAIL}。等等等"]


def test_equally_likely_cuts_of_repeated_words_are_taken_as_jieba_takes_them():
    jieba.initialize()
    draw = random.Random(3)
    frequent = sorted((w for w in jieba.dt.FREQ if re.fullmatch("[一-龥]{1,4}", w)), key=jieba.dt.FREQ.get)[-3000:]
    units = ["等", "哈", "人", "一", "好", "一点", "好好", "哈哈", "一下", "一阵", "一点儿"]
    texts = list(TIED)
    for unit in units * 12:
        before, behind = ("".join(draw.choices(frequent, k=draw.randint(0, n))) for n in (10, 150))
        texts.append(before + unit * draw.randint(3, 7) + behind)
    cut = WordSegmenter()
    assert [cut(text) for text in texts] == [jieba.lcut(text, HMM=False) for text in texts]
    assert any(rjieba.cut(text, False) != cut(text) for text in texts), "these texts try nothing"


def test_a_long_run_without_punctuation_is_cut_as_jieba_cuts_it():
    text = (_TAIL + "等等等") * 60
    assert WordSegmenter()(text) == jieba.lcut(text, HMM=False)


def test_without_jieba_the_quick_cut_stands(monkeypatch):
    monkeypatch.setattr(segment, "find_spec", lambda name: None)
    assert [WordSegmenter()(text) for text in TIED] == [rjieba.cut(text, False) for text in TIED]


def _listed(encodings):
    return [(encoding.token_ids.tolist(), encoding.offsets.tolist()) for encoding in encodings]


@pytest.mark.parametrize("text", NASTY)
def test_ids_equal_the_original_algorithm(tokenizer, text):
    expected = _reference(tokenizer)(text)
    assert tokenizer.ids(text) == expected
    assert tokenizer.encode(text).token_ids.tolist() == expected


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.one_of(st.sampled_from("今天气不错我们去公园abAB é。 "), st.characters()), max_size=30))
def test_any_text_gives_the_original_ids_and_offsets_that_fit(tokenizer, text):
    encoding = tokenizer.encode(text)
    assert encoding.token_ids.tolist() == _reference(tokenizer)(text)
    starts, ends = encoding.offsets[:, 0], encoding.offsets[:, 1]
    assert ((starts >= 0) & (starts < ends) & (ends <= len(text))).all()
    assert (starts[1:] >= starts[:-1]).all()


@pytest.mark.parametrize("text", NASTY)
def test_offsets_cover_all_that_the_original_sees(tokenizer, text):
    """What stands between the tokens gives no token on its own, and a token is the plain form of its characters."""
    reference, tokens = _reference(tokenizer), list(tokenizer.vocabulary)
    encoding, end = tokenizer.encode(text), 0
    assert encoding.offsets.shape == (len(encoding.token_ids), 2)
    for token, (start, stop) in zip(encoding.token_ids, encoding.offsets, strict=True):
        assert all(reference(ch) == [] for ch in text[end:start])
        seen = "".join(ch for ch in plain_form(text[start:stop]) if reference(ch))
        assert seen == tokens[token].removeprefix("##") or tokens[token] == "[UNK]"
        end = stop
    assert all(reference(ch) == [] for ch in text[end:])


def test_offsets_point_at_the_characters_of_every_token(tokenizer):
    text = "cafe\u0301 今天\u200b不错 AB"
    words = ["今天", "不错"] if isinstance(tokenizer.segmenter, WordSegmenter) else [*"今天不错"]
    assert [text[start:stop] for start, stop in tokenizer.encode(text).offsets] == ["cafe", *words, "AB"]


def test_characters_stay_apart_where_the_vocabulary_has_their_word(vocabulary):
    tokenizer = WordTokenizer(vocabulary, segmenter=CharacterSegmenter())
    assert tokenizer.ids("不错") == [vocabulary["不"], vocabulary["错"]]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.one_of(
            st.text(alphabet=st.one_of(st.sampled_from("今天气不错ab é\u0301\r\nΣİ가"), st.characters()), max_size=12),
            st.sampled_from(NASTY),
        ),
        max_size=8,
    ),
    part=st.integers(1, 40),
)
def test_batches_equal_one_by_one(tokenizer, texts, part):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word, "_PART", part)
        encodings, ids = tokenizer.encode_batch(texts), tokenizer.ids_batch(texts)
    assert _listed(encodings) == _listed(map(tokenizer.encode, texts))
    assert ids == list(map(tokenizer.ids, texts))


def test_a_space_that_is_a_token_stays_in_its_text():
    """Texts of a batch are parted by spaces, which must not become tokens of either."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", " ", "天"]
    spaced = WordTokenizer(Vocabulary(tokens), segmenter=WordSegmenter())
    texts = ["天 ", "", " ", "天", " 天"]
    assert spaced.ids_batch(texts) == [[5, 4], [], [4], [5], [4, 5]]
    assert _listed(spaced.encode_batch(texts)) == _listed(map(spaced.encode, texts))


def test_case_is_kept_where_asked(vocabulary):
    cased = WordTokenizer(vocabulary, segmenter=WordSegmenter(), lower_case=False)
    texts = ["ab AB", "é e\u0301今天"]
    expected = [["ab", "[UNK]"], ["é", "e", "[UNK]", "今天"]]
    assert cased.ids_batch(texts) == [[vocabulary[token] for token in row] for row in expected]
    assert _listed(cased.encode_batch(texts)) == _listed(map(cased.encode, texts))


def test_pickling_and_folders_change_nothing(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    for same in (pickle.loads(pickle.dumps(tokenizer)), load_tokenizer(tmp_path)):
        assert isinstance(same, WordTokenizer)
        assert same.ids_batch(NASTY) == tokenizer.ids_batch(NASTY)


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on one core
def test_workers_of_a_data_loader_encode_alike(vocabulary, context):
    if context not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {context}")
    data = pytest.importorskip("torch.utils.data")
    tokenizer = WordTokenizer(vocabulary, segmenter=WordSegmenter())
    loader = data.DataLoader(
        NASTY, batch_size=10, collate_fn=tokenizer.encode_batch, num_workers=2, multiprocessing_context=context
    )
    encodings = [encoding for batch in loader for encoding in batch]
    assert _listed(encodings) == _listed(tokenizer.encode_batch(NASTY))


def test_a_hundred_thousand_characters_are_no_trouble(tokenizer):
    assert len(tokenizer.encode("我们去公园" * 20000).token_ids) > 30000
