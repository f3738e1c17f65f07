import numpy as np
import pytest

from yanmo.data.sentences import cut_texts
from yanmo.data.synonyms import read_synonyms
from yanmo.errors import InputError
from yanmo.vectors.views import TextViews, crop_span, delete_words, replace_by_synonyms

WORDS = ["今天", "天气", "真", "的", "不错", "啊"]
TEXT = "昨天北京的天气非常好，我们一起去公园散步"


def _rng(seed=0):
    return np.random.default_rng(seed)


def test_deletion_drops_the_share_it_says_keeps_the_order_and_never_all():
    sizes = []
    for seed in range(400):
        kept = delete_words(WORDS, prob=0.3, rng=_rng(seed))
        sizes.append(len(kept))
        places = [WORDS.index(word) for word in kept]
        assert places == sorted(places)
    assert np.mean(sizes) == pytest.approx(6 * 0.7, abs=0.2)
    assert all(len(delete_words(WORDS, prob=0.999, rng=_rng(seed))) == 1 for seed in range(50))
    assert delete_words([], prob=0.5, rng=_rng()) == []


def test_a_span_is_a_stretch_of_the_share_and_starts_anywhere():
    starts = set()
    for seed in range(100):
        kept = crop_span(WORDS, share=0.5, rng=_rng(seed))
        start = WORDS.index(kept[0])
        assert kept == WORDS[start : start + 3]
        starts.add(start)
    assert starts == {0, 1, 2, 3}
    assert len(crop_span(WORDS, share=0.01, rng=_rng())) == 1
    assert crop_span([], share=0.5, rng=_rng()) == []


def test_synonyms_replace_whole_words_or_back_off_to_the_longest_part():
    listed = {"天气": ("气候", "天时"), "今天天气": ("今日天气",), "气": ("汽",)}
    found = {tuple(replace_by_synonyms(["天气", "不错"], listed, prob=1.0, rng=_rng(seed))) for seed in range(30)}
    assert found == {("气候", "不错"), ("天时", "不错")}
    assert replace_by_synonyms(["今天天气"], listed, prob=1.0, rng=_rng()) == ["今日天气"]
    assert replace_by_synonyms(["好天气啊"], {"天气": ("气候",), "气": ("汽",)}, prob=1.0, rng=_rng()) == ["好气候啊"]
    assert replace_by_synonyms(["天气"], listed, prob=0.0, rng=_rng()) == ["天气"]


def test_views_are_decided_by_the_generator_alone():
    views = TextViews(delete_prob=0.3, span_share=0.8, synonym_prob=0.5, synonyms={"天气": ("气候",)})
    made = [views(TEXT, rng=_rng(seed)) for seed in range(20)]
    assert made == [views(TEXT, rng=_rng(seed)) for seed in range(20)]
    assert len(set(made)) > 10
    assert any("气候" in view for view in made)
    assert all(len(view) < len(TEXT) for view in made)


def test_with_everything_off_a_view_is_the_text_and_an_empty_view_too():
    assert TextViews()(TEXT, rng=_rng()) == TEXT
    assert TextViews(delete_prob=0.9)("  ", rng=_rng()) == "  "


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delete_prob": 1.0}, "delete_prob is 1.0"),
        ({"span_share": 0.0}, "span_share is 0.0"),
        ({"synonym_prob": -0.1}, "synonym_prob is -0.1"),
        ({"synonym_prob": 0.5}, "none are given"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        TextViews(**settings)


def test_a_list_of_synonyms_is_read_group_by_group(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("# 组\n高兴 开心\t快乐\n\n开心 愉快\n", encoding="utf-8")
    listed = read_synonyms(path)
    assert listed == {
        "高兴": ("开心", "快乐"),
        "开心": ("高兴", "快乐", "愉快"),
        "快乐": ("高兴", "开心"),
        "愉快": ("开心",),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("高兴 开心\n孤独\n".encode(), "synonyms.txt:2: the group holds only '孤独', expected two"),
        (b"", "no group of synonyms"),
        (b"\xff\xff \xff\n", "synonyms.txt:1: byte 1"),
    ],
)
def test_a_bad_list_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "synonyms.txt"
    path.write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_synonyms(path)


def test_documents_are_cut_behind_sentences_and_nothing_is_lost():
    document = "今天天气好。我们去公园！“真的吗？”他说。" * 5 + "一个没有标点的很长的句子" * 6
    texts = list(cut_texts([document, "短"], min_characters=2, max_characters=25))
    assert "".join(texts) == document
    assert all(len(text) <= 25 for text in texts)
    assert texts[0] == "今天天气好。我们去公园！“真的吗？”他说。"
    assert list(cut_texts([" 前\n\n后面的 "], min_characters=1, max_characters=3)) == ["前", "后面的"]
    assert list(cut_texts(["好。"], min_characters=3, max_characters=9)) == []
