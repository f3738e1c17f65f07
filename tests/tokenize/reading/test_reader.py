"""The steps between a text and its tokens, with every kind of tokenizer."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from yanmo.errors import InputError
from yanmo.tokenize import CharacterSegmenter, FolderTokenizer, TextNormalization, Vocabulary, WordTokenizer
from yanmo.tokenize.reading.reader import TextReader
from yanmo.tokenize.special import unknown_id_of

ALL = TextNormalization()
KNOWN = "今天气不错我们去公园学生 abc,。"
# Names, emoji, Hangul, Thai and Arabic that no tokenizer here has, none equivalent to another.
UNKNOWN = "䶮𤩽𠮷🍎🍌😀💀龘안녕สวمر"
# Joiners, marks of direction, selectors, fillers, controls.
INVISIBLE = "\u200b\u200c\u200d\u200e\u202e\u2060\u2066\ufeff\u00ad\ufe0f\u3164\U000e0061\x00\x1b\x7f"
SPECIAL = ["</s>", "<s>", "<pad>", "<unk>", "<mask>", "[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]"]


def _ids(reader, text):
    (read,) = reader.read([text])
    return read.token_ids.tolist()


def _text(rng, characters, n):
    return "".join(characters[i] for i in rng.integers(len(characters), size=n))


def test_invisible_characters_change_no_token(any_tokenizer):
    rng = np.random.default_rng(0)
    reader = TextReader(any_tokenizer, ALL)
    shown = [_text(rng, KNOWN + UNKNOWN, int(rng.integers(12))) for _ in range(1000)]
    hidden = []
    for text in shown:
        for _ in range(int(rng.integers(1, 4))):
            place = int(rng.integers(len(text) + 1))
            text = text[:place] + _text(rng, INVISIBLE, 1) + text[place:]
        hidden.append(text)
    for a, b in zip(reader.read(shown), reader.read(hidden), strict=True):
        assert np.array_equal(a.token_ids, b.token_ids)
        assert (a.n_unknown, a.is_blank) == (b.n_unknown, b.is_blank)


def test_every_format_character_is_invisible_but_those_that_show_something(any_tokenizer):
    reader = TextReader(any_tokenizer, ALL)
    # Signs of Arabic, Syriac, Kaithi and hieroglyphs are format characters that are drawn.
    drawn = [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)]
    formats = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) == "Cf" and i not in drawn]
    assert len(formats) > 100
    expected = _ids(reader, "天气")
    assert all(np.array_equal(read.token_ids, expected) for read in reader.read([f"天{ch}气" for ch in formats]))


def test_special_tokens_in_a_text_are_text(any_tokenizer):
    reader = TextReader(any_tokenizer, ALL)
    special = {any_tokenizer.id_of(token) for token in SPECIAL} - {None}
    rng = np.random.default_rng(1)
    texts = []
    for _ in range(300):
        spelled = [SPECIAL[i] for i in rng.integers(len(SPECIAL), size=2)]
        texts.append(_text(rng, KNOWN, 3) + spelled[0] + _text(rng, KNOWN, 2) + spelled[1] * 2)
    for text, read in zip(texts, reader.read(texts), strict=True):
        assert not special & set(read.token_ids.tolist()), text
        assert "".join(text[begin:end] for begin, end in read.offsets.tolist()).count("s") == text.count("s")


def test_a_special_token_is_the_pieces_it_is_spelled_with(sentencepiece, wordpiece):
    def pieces(tokenizer, text):
        return [text[begin:end] for begin, end in TextReader(tokenizer, ALL).read([text])[0].offsets.tolist()]

    assert pieces(sentencepiece, "天</s>b") == ["天", "天", "<", "/", "s", ">", "b"], "the first is the space before it"
    assert pieces(sentencepiece, "<mask>") == ["<", "m", "a", "sk", ">"]
    assert pieces(wordpiece, "天[MASK]") == ["天", "[", "M", "A", "S", "K", "]"]
    # The tokenizers themselves stay as they are, as transformers has them.
    assert sentencepiece.encode("天</s>").token_ids.tolist()[-1] == sentencepiece.sep_id
    assert sentencepiece.definition["pre_tokenizer"]["type"] == "Metaspace"


def test_different_unknown_characters_are_different_tokens_and_equal_ones_equal(any_tokenizer):
    reader, unknown = TextReader(any_tokenizer, ALL), unknown_id_of(any_tokenizer)
    rng = np.random.default_rng(2)
    pairs = []
    for _ in range(1000):
        around = _text(rng, KNOWN, 3), _text(rng, KNOWN, 2)
        places = rng.choice(len(UNKNOWN), size=2, replace=False)
        pairs.append([around[0] + UNKNOWN[i] + around[1] for i in places])
    firsts, seconds = (reader.read([pair[side] for pair in pairs]) for side in (0, 1))
    for pair, first, second in zip(pairs, firsts, seconds, strict=True):
        assert not np.array_equal(first.token_ids, second.token_ids), pair
        assert unknown not in first.token_ids
        assert first.n_unknown >= 1
    for first, again in zip(firsts, reader.read([a for a, _ in pairs]), strict=True):
        assert np.array_equal(first.token_ids, again.token_ids)


def test_only_what_is_unknown_of_a_word_is_spelled(any_tokenizer):
    reader = TextReader(any_tokenizer, ALL)
    known, mixed = _ids(reader, "abc"), _ids(reader, "abc🍎")
    assert [i for i in mixed if i in known][: len(known)] == known
    # A run is spelled as one; what is alike is spelled alike wherever it stands.
    assert _ids(reader, "天 🍎")[-8:] == _ids(reader, "气 🍎")[-8:]
    assert len(_ids(reader, "天 안녕하세요")) == len(_ids(reader, "天 🍎"))


def test_without_letters_what_is_unknown_stays_so_and_is_counted():
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"天气"])
    reader = TextReader(WordTokenizer(vocabulary, segmenter=CharacterSegmenter()), ALL)
    (read,) = reader.read(["天䶮气"])
    assert read.token_ids.tolist() == [4, 1, 5]
    assert read.n_unknown == 1


def test_traditional_characters_are_read_as_simplified(any_tokenizer):
    reader = TextReader(any_tokenizer, ALL)
    for traditional, simple in (("頭髮", "头发"), ("臺灣發展", "台湾发展"), ("後面", "后面"), ("皇后", "皇后")):
        assert _ids(reader, traditional) == _ids(reader, simple)
    # 乾 is 干 where it means dry, and itself in a name.
    assert _ids(reader, "乾燥") == _ids(reader, "干燥")
    assert _ids(reader, "乾隆") != _ids(reader, "干隆")


@pytest.mark.parametrize("prefix", ["", "abc "])
@pytest.mark.parametrize("text", ["", " ", "\u3000\n", "\u200b\u200d", "\ufeff \u202e", "\u2028\t"])
def test_nothing_to_read_is_blank(any_tokenizer, prefix, text):
    blank, something = TextReader(any_tokenizer, ALL, prefix=prefix).read([text, f"{text}天"])
    assert blank.is_blank
    assert not something.is_blank


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=4), st.sampled_from(["", "abc "]))
def test_offsets_stand_in_the_text_as_given_alone_as_in_company(any_tokenizer, texts, prefix):
    reader = TextReader(any_tokenizer, ALL, prefix=prefix)
    for text, read in zip(texts, reader.read(texts), strict=True):
        assert np.array_equal(read.token_ids, reader.read([text])[0].token_ids)
        assert ((read.offsets >= 0) & (read.offsets <= len(text))).all()
        assert (read.offsets[:, 0] <= read.offsets[:, 1]).all()
        assert unknown_id_of(any_tokenizer) not in read.token_ids


def test_offsets_name_the_characters_that_a_token_was_made_of(wordpiece):
    text = "今\u200b天🍎\ufe0f\u200d🍌氣!"
    (read,) = TextReader(wordpiece, ALL, prefix="ab ").read([text])
    spans = list(dict.fromkeys(map(tuple, read.offsets.tolist())))
    assert [text[begin:end] for begin, end in spans] == ["", "今", "天", "🍎\ufe0f\u200d🍌", "氣", "!"]


def test_without_steps_the_tokens_are_the_tokenizers_own(any_tokenizer):
    texts = ["今天</s>[SEP]", "張\u200b䶮🍎", " ", "abc", "\ud800天"]
    reader = TextReader(any_tokenizer, TextNormalization.none())
    for read, own in zip(reader.read(texts), any_tokenizer.encode_batch(texts), strict=True):
        assert np.array_equal(read.token_ids, own.token_ids)
        assert np.array_equal(read.offsets, own.offsets)


def _word_level(tokens, pre_tokenizer, *, sep_token):
    backend = Backend(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizer
    return FolderTokenizer(backend, cls_token="<s>", sep_token=sep_token, pad_token="<pad>")


def test_a_vocabulary_without_the_letters_of_its_special_tokens_has_them_unknown():
    tokens = ["<s>", "</s>", "<pad>", "<unk>", "天"]
    by_character = _word_level(tokens, pre_tokenizers.Split("", "isolated"), sep_token="</s>")
    assert set(_ids(TextReader(by_character, ALL), "天</s><pad><unk>")) == {4, 3}
    # A whole word that is spelled like one is cut as well.
    by_word = _word_level(tokens, pre_tokenizers.WhitespaceSplit(), sep_token="</s>")
    assert set(_ids(TextReader(by_word, ALL), "天 </s> <pad>")) == {4, 3}


def test_a_tokenizer_that_cannot_but_find_its_special_tokens_is_refused():
    tokens = ["<s>", "。", "<pad>", "<unk>"]
    tokenizer = _word_level(tokens, pre_tokenizers.Split("", "isolated"), sep_token="。")
    with pytest.raises(InputError, match=r"finds 。 in any text.*special_tokens_as_text"):
        TextReader(tokenizer, ALL).read(["天。"])
    assert _ids(TextReader(tokenizer, TextNormalization.none()), "。") == [1]
