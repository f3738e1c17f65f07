"""The bundled weights on texts they were wrong about, with all steps of normalization taken."""

import numpy as np
import pytest

from yanmo.match import Matcher
from yanmo.tokenize import TextNormalization

TASKS = ("ssA", "ssB")


@pytest.fixture(scope="module")
def matcher():
    return Matcher.default(n_threads=1).with_normalization(TextNormalization())


# Rare names, emoji, rare characters, Hangul, Thai, Arabic: each the same token for all the vocabulary knows of it.
UNKNOWN = [
    ("张䶮", "张𤩽"),
    ("🍎发布会", "🍌发布会"),
    ("龘靐", "齉爩"),
    ("안녕하세요 세계", "오늘 비가 옵니다"),
    ("สวัสดีชาวโลก", "วันนี้ฝนตก"),
    ("مرحبا بالعالم", "اليوم ممطر"),
    ("😀", "💀"),
    ("𠮷", "𡈽"),
    ("歌手张䶮今晚在北京开演唱会", "歌手张𤩽今晚在北京开演唱会"),
]


def test_texts_that_differ_in_unknown_characters_are_no_match_and_the_same_text_is(matcher):
    same = [(text, text) for pair in UNKNOWN for text in pair]
    # Two concerts of singers whose names differ in one character: told apart, if not always far enough for a no.
    *short, concerts = UNKNOWN
    for task in ("ssA", "ssB"):
        assert not matcher.decide(short, task=task).any()
        assert matcher.decide(same, task=task).all()
    assert matcher.score(short, task="ssB").max() < 0.1
    apart, alike = matcher.score([concerts, (concerts[0], concerts[0])], task="ssB")
    assert apart < 0.7 * alike
    assert (matcher.rows(UNKNOWN, tasks=TASKS).n_unknown > 0).all()


def test_invisible_characters_change_no_score(matcher):
    text = "巴萨获胜"
    pairs = [(text, text), *((f"巴{ch}萨获胜{ch}", text) for ch in "\u200d\u200b\ufeff\u202e\u2066\ufe0f\u00ad\x00")]
    for task in TASKS:
        scores = matcher.score(pairs, task=task)
        assert np.array_equal(scores, np.full(len(pairs), scores[0]))


def test_special_tokens_in_unrelated_texts_do_not_make_them_alike(matcher):
    def with_ends(end):
        return "巴萨获胜" + end * 20, "今天下雨" + end * 20

    pairs = [with_ends(end) for end in ("", "。", "</s>", "<s>", "<pad>", "<unk>", "<mask>", "[SEP]")]
    assert matcher.score(pairs, task="ssA").max() < 0.1
    assert not matcher.rows(pairs, tasks=TASKS).n_unknown.any()


def test_nothing_against_nothing_is_no_match_and_says_so(matcher):
    for verdict in matcher.judge([("", ""), (" ", "\u3000"), ("\u200b\u200d", "\ufeff")], tasks=TASKS).values():
        assert not verdict.accepted.any()
        assert verdict.is_blank.all()


def test_traditional_text_scores_as_its_simplified_form(matcher):
    pairs = [("臺灣歌手在臺北發表新專輯", "台湾歌手在台北发表新专辑"), ("台湾歌手在台北发表新专辑",) * 2]
    traditional, simple = matcher.score(pairs, task="ssB").tolist()
    assert traditional == simple
