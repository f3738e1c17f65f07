import pytest

from .plain_meaning import plain_meaning

SAME = [
    ("3人", "三人"),
    ("1万元", "10000元"),
    ("两千零五", "2005"),
    ("50%", "百分之五十"),
    ("2023年5月1日", "2023-05-01"),
    ("二〇二三年五月一号", "2023.5.1"),
    ("贰佰伍拾元", "250元"),
    ("用ＧＰＵ跑，好吗？", "用 GPU 跑,好吗"),
    ("请问，怎么办", "怎么办"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_ways_of_writing_are_one(one, other):
    assert plain_meaning(one) == plain_meaning(other)


@pytest.mark.parametrize(("one", "other"), [("3人", "4人"), ("1万", "1亿"), ("5月1日", "5月2日"), ("绑定", "解绑")])
def test_what_is_said_keeps_texts_apart(one, other):
    assert plain_meaning(one) != plain_meaning(other)
