"""Details in which texts differ that otherwise read alike."""

import random
import time

import pytest

from yanmo.data.edits import find_details, find_differences


@pytest.mark.parametrize(
    ("text0", "text1", "expected"),
    [
        ("气温升至35度", "气温升至25度", [("number", "35度", "25度")]),
        ("奖金两万元", "奖金2万元", []),
        ("5月3日的会议改期", "5月4日的会议改期", [("date", "5月3日", "5月4日")]),
        ("谈判延至11月", "谈判延至11月24日", []),  # nothing is said against the day
        ("北京明天有雨", "上海明天有雨", [("place", "北京", "上海")]),
        ("特斯拉第三季度销量", "比亚迪第三季度销量", [("company", "特斯拉", "比亚迪")]),
        ("信用卡可以提前还款", "信用卡不可以提前还款", [("negation", "可以", "不可以")]),
        ("为什么没有收到货款", "为什么收到货款", [("negation", "没有收到", "收到")]),
        ("他不来", "他来", [("negation", "不来", "来")]),
        ("可以提前还款吗", "不可以提前还款吗", []),  # asks the same
        ("能不能提前还款", "不能提前还款", []),
        ("尚未撤销的，可以要求赔偿吗", "已经撤销的，可以要求赔偿吗", []),  # other words, not a negation alone
        (
            "对于可以撤销的婚姻，另一方可以继承吗",
            "对于不可以撤销的婚姻，另一方可以继承吗",
            [("negation", "可以", "不可以")],
        ),
        ("照片里有三位朋友", "照片里有一位朋友", [("number", "三位", "一位")]),
        ("照片里有三位朋友", "照片里有三名朋友", []),
        ("未来的汽车", "来的汽车", []),
        ("怎么绑定我的银行卡", "怎么解绑我的银行卡", [("opposite", "绑定", "解绑")]),
        ("中国队战胜韩国队", "韩国队战胜中国队", [("order", "中国队战胜韩国队", "韩国队战胜中国队")]),
        ("微信怎么给支付宝转钱", "支付宝怎么给微信转钱", [("order", "微信怎么给支付宝", "支付宝怎么给微信")]),
        ("北京到上海的机票", "上海到北京的机票", [("order", "北京到上海", "上海到北京")]),
        ("北京到上海多远", "上海到北京多远", []),  # the same both ways
        ("菠萝和凤梨的区别", "凤梨和菠萝的区别", []),
        ("登录、注册、找回密码", "找回密码、注册、登录", []),
        ("什么是系数", "系数是什么", []),
        ("有5人获救", "多人获救", []),  # said by one text alone
        ("2月3日北京大雪封路，数千人滞留", "5月8日上海召开新闻发布会介绍情况", []),  # more differs
        ("怎么退款", "怎么退款", []),
        ("怎么退款", "怎么退款。", []),
        ("", "怎么退款", []),
    ],
)
def test_the_details_between_texts_that_read_alike(text0, text1, expected):
    found = find_details(text0, text1)
    assert [(each.kind.value, each.text0, each.text1) for each in found] == expected
    swapped = find_details(text1, text0)
    assert [(each.kind.value, each.text1, each.text0) for each in swapped] == expected
    for each in found:
        assert (text0[slice(*each.span0)], text1[slice(*each.span1)]) == (each.text0, each.text1)


@pytest.mark.parametrize(
    ("text0", "text1"),
    [
        ("公司今年营收达到50亿元", "公司今年营收达到50亿"),
        ("课程时长1.5小时", "课程时长90分钟"),
        ("工期7天完成", "工期一周完成"),
        ("体重60公斤怎么减", "体重120斤怎么减"),
        ("订了3只口罩", "订了3个口罩"),
        ("分12期还款", "分12个月还款"),
        ("1990年出生的人", "90年出生的人"),
        ("银行不同意我的贷款申请", "银行拒绝我的贷款申请"),
        ("软件没安装成功怎么办", "软件安装失败怎么办"),
        ("头孢加酒精会怎样", "酒精加头孢会怎样"),
        ("电脑怎么连接打印机", "打印机怎么连接电脑"),
        ("巴萨迎战皇马", "皇马迎战巴萨"),
        ("爱唱歌爱跳舞", "爱跳舞爱唱歌"),
        ("吃什么能补血", "补血能吃什么"),
        ("花呗还款用什么", "用什么还款花呗"),
        ("我差点没摔倒", "我差点摔倒"),
        ("没到货之前能退款", "到货之前能退款"),
        ("好不容易才买到票", "好容易才买到票"),
        ("他来不来都一样", "他来都一样"),
    ],
)
def test_what_says_the_same_differs_in_no_detail(text0, text1):
    assert find_details(text0, text1) == []


@pytest.mark.parametrize(
    ("text0", "text1", "kind"),
    [
        ("可以提前３天退款", "可以提前5天退款", "number"),
        ("信用卡可以提前还款", "信用卡不能提前还款", "negation"),
        ("酒吧不允许抽烟", "酒吧允许抽烟", "negation"),
        ("文三路12号二楼", "文三路15号二楼", "number"),
        ("我喜欢你", "你喜欢我", "order"),
    ],
)
def test_what_differs_however_it_is_spelled(text0, text1, kind):
    assert [each.kind.value for each in find_details(text0, text1)] == [kind]


@pytest.mark.parametrize(
    ("text0", "text1"),
    [
        ("不是" * 50_000, "是不" * 50_000),
        ("可以，" * 700, "不可以，" * 700),
        ("给" + "啊" * 1900, "啊" * 1900 + "给"),
        ("".join(f"{i}元," for i in range(9000)), "".join(f"{i + 1}元," for i in range(9000))),
        ("我爱给打微信" * 300, "微信打给爱我" * 300),
        ("😀不" * 20_000, "😀没" * 20_000),
    ],
)
def test_no_pair_holds_anybody_up(text0, text1):
    find_details("三人", "五人")  # tables
    began = time.process_time()
    find_details(text0, text1)
    assert time.process_time() - began < 1


def test_a_pair_and_the_pair_swapped_have_the_same_details():
    rng = random.Random(0)
    parts = [
        "3人",
        "5名",
        "5月3日",
        "5月4日",
        "北京",
        "上海",
        "不",
        "可以",
        "没",
        "收到",
        "绑定",
        "解绑",
        "给",
        "微信",
        "花了",
        "2万元",
        "，",
        "吗",
    ]
    n_found = 0
    for _ in range(2000):
        words = [rng.choice(parts) for _ in range(rng.randrange(1, 9))]
        other = list(words)
        for _ in range(rng.randrange(1, 3)):
            other[rng.randrange(len(other))] = rng.choice(parts)
        a, b = "".join(words), "".join(other)
        there, back = find_details(a, b), find_details(b, a)
        assert [(d.kind, d.span0, d.span1) for d in there] == [(d.kind, d.span1, d.span0) for d in back]
        n_found += bool(there)
    assert n_found > 20


def test_long_texts_cost_little_and_their_ends_are_not_looked_at():
    start = "记者获悉，" * 250
    assert find_details(f"{start}奖金3万元", f"{start}奖金5万元") == []
    assert [each.kind.value for each in find_details(f"奖金3万元{start}", f"奖金5万元{start}")] == ["number"]


def test_one_unit_by_two_names_is_no_difference():
    assert find_differences("5名学生在2楼", "5人在2层") == []
    assert [each.text1 for each in find_differences("5名学生", "5个小时")] == ["5个小时"]
