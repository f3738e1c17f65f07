"""Where a kind applies and where it must not: one case a rule."""

from random import Random

import pytest

from yanmo.data.edits import EDIT_RULES, EditKind


def results(kind, text):
    edits = (EDIT_RULES[kind](text, Random(seed)) for seed in range(40))
    return {None if edit is None else edit.after for edit in edits}


UNTOUCHED = [
    (EditKind.OPPOSITE, "公开通报一起案件"),  # 开通 stands in 公开通报
    (EditKind.OPPOSITE, "业绩是增加还是减少"),
    (EditKind.NUMBER, "2023年5月1日放假"),  # a date: held out
    (EditKind.NUMBER, "晚上8点30分"),
    (EditKind.UNIT, "2023年很冷"),
    (EditKind.UNIT, "人民币100元"),
    (EditKind.PLACE, "河北石家庄"),
    (EditKind.DATE_FORM, "5月很热"),
    (EditKind.NUMERAL, "98年出生"),
    (EditKind.NEGATION, "这里可以付款吗"),
    (EditKind.NEGATION, "能不能分期。"),
    (EditKind.NEGATION, "为满足工作需要，招聘员工。"),
    (EditKind.NEGATION, "他拒绝履行合同，走了。"),
    (EditKind.ROLE_SWAP, "北京到上海多远"),  # the same both ways
    (EditKind.ROLE_SWAP, "分公司起诉员工、学生"),
    (EditKind.LIST_ORDER, "冠军分别是甲甲、乙乙、丙丙、丁丁"),
    (EditKind.LIST_ORDER, "上海、江苏、安徽等省、嗷嗷"),
    (EditKind.LIST_ORDER, "苹果、香蕉和梨"),
    (EditKind.PUNCTUATION, "见http://a.cn:80/b,c"),
    (EditKind.PUNCTUATION, "尾款能分期"),  # 。 would make it one
    (EditKind.WIDTH, "见http://a.cn/b1"),
    (EditKind.SPACING, "花呗 借呗"),
    (EditKind.POLITENESS, "我想开通花呗"),
    (EditKind.POLITENESS, "麻烦看一下开通了吗"),
    (EditKind.CONDITION_REMOVED, "未成年人保护法"),
    (EditKind.CONDITION_REMOVED, "这是免费的吗"),
    (EditKind.CONDITION_ADDED, "昨天是还款日"),
    (EditKind.CONDITION_ADDED, "没成年的子女"),  # a condition said again changes nothing
    (EditKind.OPPOSITE, "未经配偶同意"),
    (EditKind.PLACE, "中韩国网友"),
    (EditKind.PERSON, "张三打了李四"),
]


@pytest.mark.parametrize(("kind", "text"), UNTOUCHED, ids=lambda part: getattr(part, "value", part))
def test_text_is_left_as_it_is(kind, text):
    assert results(kind, text) == {None}


RESULTS = [
    (EditKind.OPPOSITE, "怎么绑定卡，绑定要多久", {"怎么解绑卡，解绑要多久"}),
    (EditKind.UNIT, "奖金3万", {"奖金3亿"}),
    (EditKind.UNIT, "走了5公里", {"走了5米"}),
    (EditKind.NUMERAL, "共三人", {"共3人"}),
    (EditKind.NUMERAL, "等了2天", {"等了两天"}),
    (EditKind.NUMERAL, "利息1.5万", {"利息15000"}),
    (EditKind.NUMERAL, "上涨50%", {"上涨百分之五十"}),
    (EditKind.NUMERAL, "等了10天", {"等了十天"}),
    (EditKind.NUMERAL, "2023年", {"二〇二三年"}),
    (EditKind.NUMERAL, "付3元", {"付三元", "付叁元"}),
    (EditKind.DATE_FORM, "5月1日", {"5月1号", "五月一日"}),
    (EditKind.SPACING, "用GPU跑", {"用 GPU 跑"}),
    (EditKind.SPACING, "用 GPU 跑", {"用GPU跑"}),
    (EditKind.WIDTH, "看NBA", {"看ＮＢＡ"}),
    (EditKind.POLITENESS, "你好，请问怎么办理还款", {"怎么办理还款"}),
    (EditKind.PUNCTUATION, "怎么还款？", {"怎么还款", "怎么还款?"}),
    (EditKind.PUNCTUATION, "花呗开通了？", {"花呗开通了?"}),  # without its mark it would be a statement
    (EditKind.NEGATION, "花呗不能使用", {"花呗能使用"}),
    (EditKind.ROLE_SWAP, "公司起诉员工", {"员工起诉公司"}),
    (EditKind.ROLE_SWAP, "北京到上海的票", {"上海到北京的票"}),
    (EditKind.LIST_ORDER, "甲甲、乙乙、丙丙、丁丁", {"甲甲、丙丙、乙乙、丁丁"}),
    (EditKind.CONDITION_REMOVED, "如果逾期了，怎么办理还款", {"怎么办理还款"}),
    (EditKind.CONDITION_ADDED, "怎么还款", {"怎么提前还款"}),
    (EditKind.COMPANY, "支付宝限额", {"微信支付限额"}),
]


@pytest.mark.parametrize(
    ("kind", "text", "expected"), RESULTS, ids=[f"{kind.value} {text}" for kind, text, _ in RESULTS]
)
def test_text_becomes_one_of_these_and_each_of_them(kind, text, expected):
    assert results(kind, text) == expected


def test_number_changes_everywhere_and_never_to_one_already_there():
    after = results(EditKind.NUMBER, "要3天，3天太久，5天更久")
    assert all(text.count("3天") != 1 for text in after)
    assert not any("5天，5天" in text for text in after)


def test_place_is_changed_for_one_of_its_kind():
    provinces = {text[:-2] for text in results(EditKind.PLACE, "河北省很大") if text is not None}
    assert all(text.endswith("省") for text in provinces)
    assert "河北省" not in provinces


def test_shares_of_a_whole_stay_below_it():
    values = {float(text[2:-1]) for text in results(EditKind.NUMBER, "上涨98%")}
    assert max(values) <= 100
