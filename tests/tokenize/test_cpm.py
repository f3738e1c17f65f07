import io
import json
import pickle
import re
import unicodedata
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.tokenize import (
    CpmTokenizer,
    HiddenMarkovSegmenter,
    TextTokenizer,
    Tokenizer,
    Vintage,
    WordTokenizer,
    load_text_tokenizer,
    load_tokenizer,
    with_special_tokens,
)

sentencepiece = pytest.importorskip("sentencepiece")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    jieba = pytest.importorskip("jieba")

LINES = [
    "美国的首都是华盛顿",
    "法国的首都是巴黎",
    "日本 的 首都 是 东京",
    "狗 dog",
    "猫 cat",
    "今天天气不错,我们去公园。",
    "1.5 abc",
]
SIGNS = {Vintage.OLDER: ["\u2582"], Vintage.NEWER: ["\u2582", "\u2583"]}
CONTROLS = ["<cls>", "<sep>", "<pad>", "<mask>", "<eod>"]


def train(signs, controls):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*LINES, *(" ".join(line) for line in LINES)] * 3),
        model_writer=model,
        vocab_size=90,
        hard_vocab_limit=False,
        character_coverage=1.0,
        control_symbols=controls,
        user_defined_symbols=signs,
        pad_id=-1,
        normalization_rule_name="nmt_nfkc",
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


@pytest.fixture(scope="module")
def models():
    return {
        Vintage.OLDER: train(SIGNS[Vintage.OLDER], CONTROLS),
        Vintage.NEWER: train(SIGNS[Vintage.NEWER], CONTROLS[1:]),
    }


@pytest.fixture(params=list(Vintage), ids=lambda vintage: vintage.value)
def vintage(request):
    return request.param


@pytest.fixture
def model(models, vintage):
    return models[vintage]


@pytest.fixture
def tokenizer(model):
    return CpmTokenizer(model)


def original_ids(model, text, *, is_older):
    """The original algorithm, plainly."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    words = [w.replace(" ", "\u2582").replace("\n", "\u2583") for w in jieba.cut(text, cut_all=False)]
    pieces = processor.encode(" ".join(words), out_type=str)
    if is_older:
        pieces = ["<cls>" if piece == "\u2583" else piece for piece in pieces]
    return [processor.piece_to_id(piece) for piece in pieces]


TEXTS = [
    "",
    " ",
    "\n",
    "   \n\n  \n",
    "美国的首都是华盛顿\n法国的首都是巴黎\n日本的首都是",
    "狗 dog\n猫 cat\n鸟 ",
    "今天  天气\r\n不错\r",
    "今天\t天气\u3000不错",
    "ＡＢＣ１，。！㈠①ﬁ",
    "😀👨\u200d👩 𠀀龘",
    "dog 1.5% C++ node.js qq.com 1-2",
    "他来到了网易杭研大厦",
    "\u2581\u2582\u2583 <cls><eod>",
    "\x00\x08\u2028\u200b\ufeff\x85",
    "差差差差差差，常在对",
    "e\u0301 é",
]


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_the_original_algorithm(tokenizer, model, vintage, text):
    ids = tokenizer.encode(text).token_ids
    assert ids.dtype == np.int32
    assert ids.tolist() == original_ids(model, text, is_older=vintage is Vintage.OLDER)


def test_the_vintage_is_told_by_the_pieces(tokenizer, vintage):
    assert tokenizer.vintage is vintage
    assert tokenizer.newline_id == tokenizer.id_of("<cls>" if vintage is Vintage.OLDER else "\u2583")
    assert _ids(tokenizer, "狗\n狗").count(tokenizer.newline_id) == 1
    assert _ids(tokenizer, "狗 dog").count(tokenizer.space_id) == 1
    assert (tokenizer.pad_id, tokenizer.eod_id) == (tokenizer.id_of("<pad>"), tokenizer.id_of("<eod>"))


@pytest.mark.parametrize("text", TEXTS)
def test_decoding_gives_the_text_wherever_the_vocabulary_allows(tokenizer, text):
    found = tokenizer.encode(text).token_ids
    normal = unicodedata.normalize("NFKC", text)
    odd = re.search("[\x00-\x09\x0b-\x1f\x80-\x9f\u2028\u200b-\u200d\ufeff\u2581-\u2583]", text)
    if normal == text and odd is None and tokenizer.unknown_id not in found:
        assert tokenizer.decode(found) == text
    else:
        assert tokenizer.decode(found) != text


def test_newlines_and_spaces_at_the_ends_survive(tokenizer):
    for text in ("\n狗 ", "  \n\n", "狗 dog\n猫 "):
        assert tokenizer.decode(tokenizer.encode(text).token_ids) == text


def test_decoded_runs_join_to_the_whole(tokenizer):
    ids = tokenizer.encode("美国 的\n首都 dog。").token_ids.tolist()
    for cut in range(len(ids) + 1):
        assert tokenizer.decode(ids[:cut]) + tokenizer.decode(ids[cut:]) == "美国 的\n首都 dog。"
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode([tokenizer.unknown_id, tokenizer.eod_id, tokenizer.pad_id]) == "\u2047"


@pytest.mark.parametrize("wrong", [-1, 10**6])
def test_an_id_outside_the_vocabulary_is_named(tokenizer, wrong):
    with pytest.raises(InputError, match=f"the token id {wrong} is none of 0 to"):
        tokenizer.decode([1, wrong])


@pytest.mark.parametrize("text", TEXTS)
def test_offsets_lie_in_order_and_leave_out_only_white_space(tokenizer, text):
    offsets = tokenizer.encode(text).offsets
    assert offsets.shape == (len(tokenizer.encode(text).token_ids), 2)
    end, left = 0, ""
    for start, stop in offsets.tolist():
        assert end <= start <= stop <= len(text)
        left += text[end:start]
        end = stop
    left += text[end:]
    assert not re.sub(r"[\s\x00-\x1f\x80-\x9f\u200b-\u200d\ufeff\u2581]", "", left)


def test_offsets_point_at_the_text_of_every_token(tokenizer):
    text = "狗 dog\n猫"
    encoding = tokenizer.encode(text)
    for token, (start, end) in zip(encoding.token_ids.tolist(), encoding.offsets.tolist(), strict=True):
        assert tokenizer.decode([token]) == text[start:end]


def test_many_texts_are_as_one_by_one(tokenizer):
    for text, encoding in zip(TEXTS, tokenizer.encode_batch(TEXTS), strict=True):
        alone = tokenizer.encode(text)
        assert encoding.token_ids.tolist() == alone.token_ids.tolist()
        assert encoding.offsets.tolist() == alone.offsets.tolist()
    assert tokenizer.encode_batch([]) == []


def test_a_lone_surrogate_counts_as_an_unknown_character(tokenizer):
    found, stand_in = tokenizer.encode("狗\ud800猫"), tokenizer.encode("狗\ufffd猫")
    assert found.token_ids.tolist() == stand_in.token_ids.tolist()
    assert found.offsets[-1].tolist() == [2, 3]


def _ids(tokenizer, text):
    return tokenizer.encode(text).token_ids.tolist()


def test_it_pickles_into_worker_processes(tokenizer):
    text = "狗 dog\n猫 cat"
    assert _ids(pickle.loads(pickle.dumps(tokenizer)), text) == _ids(tokenizer, text)
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        assert pool.submit(CpmTokenizer.decode, tokenizer, _ids(tokenizer, text)).result() == text


def test_words_added_to_jieba_do_not_change_the_cut(monkeypatch):
    text = "美国的首都是华盛顿"
    before = HiddenMarkovSegmenter()(text)
    assert before == list(jieba.cut(text))
    # The total too: with another one, other tests of this process would see other last digits.
    monkeypatch.setattr(jieba.dt, "FREQ", dict(jieba.dt.FREQ))
    monkeypatch.setattr(jieba.dt, "total", jieba.dt.total)
    jieba.add_word("的首都是", freq=10**9)
    assert list(jieba.cut(text)) != before, "the word has no effect at all"
    assert HiddenMarkovSegmenter()(text) == before


def test_a_saved_folder_is_read_again_by_yanmo_and_refused_by_transformers(tokenizer, tmp_path):
    transformers = pytest.importorskip("transformers")
    tokenizer.save(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "vocab_size": 90}')
    for path in (tmp_path, tmp_path / "chinese_vocab.model"):
        same = load_text_tokenizer(path)
        assert isinstance(same, CpmTokenizer)
        assert same.vintage is tokenizer.vintage
        assert _ids(same, "狗 dog\n") == _ids(tokenizer, "狗 dog\n")
    with pytest.raises(ValueError, match="Couldn't instantiate the backend tokenizer"):
        transformers.AutoTokenizer.from_pretrained(tmp_path)


def test_a_hugging_face_folder_of_cpm_is_read(model, tmp_path):
    (tmp_path / "spiece.model").write_bytes(model)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CpmTokenizerFast"}))
    assert isinstance(load_text_tokenizer(tmp_path), CpmTokenizer)


def test_it_is_a_tokenizer_of_texts_but_not_of_an_encoder(tokenizer, tmp_path):
    assert isinstance(tokenizer, TextTokenizer)
    assert not isinstance(tokenizer, Tokenizer)
    assert with_special_tokens(tokenizer, "狗 dog") == _ids(tokenizer, "狗 dog")
    tokenizer.save(tmp_path)
    with pytest.raises(InputError, match=r"is CPM-LM's vocabulary, which has no opening token.*name an encoder's"):
        load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="cannot be split to characters"):
        load_text_tokenizer(tmp_path, characters=True)


def test_other_vocabularies_are_read_as_ever(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n狗\n", encoding="utf-8")
    found = load_text_tokenizer(path)
    assert isinstance(found, WordTokenizer)
    assert with_special_tokens(found, "狗") == [2, 4, 3]


def test_a_broken_or_foreign_model_is_named(tmp_path, models):
    path = tmp_path / "chinese_vocab.model"
    with pytest.raises(InputError, match=r"chinese_vocab.model: there is no such vocabulary file"):
        CpmTokenizer.load(path)
    with pytest.raises(InputError, match=r"there is neither chinese_vocab.model nor spiece.model"):
        CpmTokenizer.load(tmp_path)
    for broken in (b"", b"[PAD]\n[UNK]\n", models[Vintage.OLDER][:500]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"chinese_vocab.model: is no sentencepiece model.*get the file again"):
            CpmTokenizer.load(path)
    path.write_bytes(train(["\u2582"], ["<sep>", "<eod>"]))
    with pytest.raises(InputError, match="not CPM-LM's: the pieces <cls>, <pad> are missing"):
        CpmTokenizer.load(path)
