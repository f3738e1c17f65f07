import pytest

from yanmo.errors import InputError
from yanmo.standard.explain import N_SCORES, SHARE, explain, explain_pairs
from yanmo.standard.explain_removal import Part, Removal, likely_removals
from yanmo.standard.explain_search import Answer, FlipSearch


def has(word, *, side=None):
    """A standard that says match where both texts, or one, hold a word."""

    def answer(texts):
        yes = all(word in text for text in texts) if side is None else word in texts[side]
        return Answer(0.9 if yes else 0.1, yes)

    return answer


def run(answer, texts, *, share=SHARE, n_probes=N_SCORES - 1):
    search = FlipSearch(texts, answer(texts), share=share, n_probes=n_probes)
    n = 0
    for choose in (search.first, search.second):
        removals = choose()
        n += len(removals)
        search.saw(removals, [answer(each.without(texts)) for each in removals])
    return search, n


def test_the_word_that_a_match_hangs_on_is_found():
    texts = ("长期失眠应该吃什么药比较好", "失眠的人晚上可以吃什么药呢")
    search, n = run(has("失眠"), texts)
    assert search.best.answer.accepted is False
    assert search.best.removal.n_characters == 2
    assert {texts[part.side][part.start : part.end] for part in search.best.removal.parts} == {"失眠"}
    assert n <= N_SCORES - 1


def test_both_sides_of_a_difference_go_together():
    def same(texts):
        return Answer(0.9, True) if texts[0] == texts[1] else Answer(0.2, False)

    texts = ("感冒了吃什么药好", "发烧了吃什么药好")  # four of sixteen characters
    search, _ = run(same, texts)
    assert search.best.removal.without(texts) == ("了吃什么药好",) * 2
    assert search.best.removal.n_characters == 4


def test_no_more_than_the_share_and_the_scores_are_taken_and_no_text_is_emptied():
    texts = ("今天的天气真的非常不错，我们一起去公园散步吧", "昨天的比赛我们输了，球队非常失望，教练也没有说话")
    for answer in (has("公园", side=0), has("没有的词", side=0)):
        search, n = run(answer, texts)
        assert n <= N_SCORES - 1
        limit = SHARE * sum(map(len, texts))
        assert limit > 4
        for each in search.tried:
            assert 0 < each.removal.n_characters <= limit
            assert all(text.strip() for text in each.removal.without(texts))
        assert len({each.removal.without(texts) for each in search.tried}) == len(search.tried)


def test_of_words_that_turn_it_together_only_those_needed_stay():
    def answer(texts):
        yes = "蓝牙" in texts[0] and "耳机" in texts[0]
        return Answer(0.9 if yes else 0.1, yes)

    search, _ = run(answer, ("蓝牙耳机连接不上手机怎么办才好", "蓝牙耳机连不上手机该怎么办呢"))
    assert search.best.removal.n_characters == 2


def test_words_that_turn_it_only_together_are_joined():
    def answer(texts):
        n = sum(word in texts[0] for word in ("手机", "屏幕"))
        return Answer((0.1, 0.6, 0.9)[n], n > 0)

    texts = ("我的新手机屏幕突然就不亮了请问怎么办", "刚买的手机屏幕不亮了应该怎么处理才好")
    search, _ = run(answer, texts)
    assert search.best.answer.accepted is False
    assert "手机" not in search.best.removal.without(texts)[0]
    assert "屏幕" not in search.best.removal.without(texts)[0]


def test_a_removal_takes_out_its_parts_and_nothing_else():
    removal = Removal((Part(0, 0, 2), Part(0, 4, 5), Part(1, 1, 2)), 0.0)
    assert removal.without(("一二三四五六", "甲乙丙")) == ("三四六", "甲丙")
    assert removal.n_characters == 4
    assert removal.joined(Removal((Part(0, 0, 2),), 0.0)).n_characters == 4
    # Parts that overlap are one part, else more would go than either says.
    both = removal.joined(Removal((Part(0, 1, 3), Part(1, 2, 3)), 0.0))
    assert both.without(("一二三四五六", "甲乙丙")) == ("四六", "甲")


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("texts", [("", ""), ("甲", "甲"), ("甲", "乙"), ("呜", "今天去公园")])
def test_the_shortest_texts_are_no_trouble(texts, accepted):
    assert all(1 <= removal.n_characters <= 1 for removal in likely_removals(texts, accepted=accepted, limit=1))
    search, _ = run(lambda _: Answer(0.5, accepted), texts)
    assert search.best is None or search.best.answer.accepted is accepted


def test_a_matcher_is_asked_ten_times_and_says_what_differs(overlap_matcher):
    matcher, _ = overlap_matcher
    found = explain(matcher, "一丁七万丈三上下不与", "一丁七万丈三上下不丏", task="ssB")
    assert found.accepted is True
    assert found.n_scores <= N_SCORES
    assert found.threshold == 0.6
    assert found.effects[0].probability == min(each.probability for each in found.effects)
    assert found.share <= SHARE
    values = found.as_json()
    assert (values["task"], values["turns"], len(values["effects"])) == ("ssB", found.turns, found.n_scores - 1)


def test_many_pairs_give_what_each_gives_alone(overlap_matcher):
    matcher, _ = overlap_matcher
    pairs = [("一丁七万丈三上", "一丁七万丈三下"), ("不与丏丐丑丒", "专且丕世丗丘"), ("一", "一")]
    together = explain_pairs(matcher, pairs, task="ssA")
    assert together == [explain(matcher, *pair, task="ssA") for pair in pairs]
    assert explain_pairs(matcher, [], task="ssA") == []


def test_what_cannot_be_asked_is_refused(overlap_matcher):
    matcher, _ = overlap_matcher
    with pytest.raises(InputError, match="unknown task 'law'"):
        explain(matcher, "一", "丁", task="law")
    with pytest.raises(InputError, match="above 0, at most 1"):
        explain_pairs(matcher, [("一", "丁")], task="ssA", share=0.0)
