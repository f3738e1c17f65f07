import pytest

from yanmo.data.edits import DifferenceKind, find_differences


@pytest.mark.parametrize(
    ("text0", "text1", "expected"),
    [
        ("5月3日的会议", "5月4日的会议", [("date", "5月3日", "5月4日")]),
        ("2023年5月3日的会议", "五月三日的会议", []),
        ("涨了百分之三十", "涨了30%", []),
        ("花了1万元", "花了三百元", [("number", "1万元", "三百元")]),
        ("花了1万元", "花了10000元", []),
        ("35人获救", "多人获救", [("number", "35人", "")]),
        ("刘德华来了", "周杰伦来了", [("person", "刘德华", "周杰伦")]),
        ("特斯拉销量", "比亚迪销量", [("company", "特斯拉", "比亚迪")]),
        ("去北京，北京很大", "去上海", [("place", "北京", "上海")]),
        ("", "", []),
    ],
)
def test_what_differs_and_what_is_only_spelled_otherwise(text0, text1, expected):
    found = find_differences(text0, text1)
    assert [(each.kind.value, each.text0, each.text1) for each in found] == expected
    swapped = find_differences(text1, text0)
    assert [(each.kind.value, each.text1, each.text0) for each in swapped] == expected
    for each in found:
        for text, said, span in ((text0, each.text0, each.span0), (text1, each.text1, each.span1)):
            assert said == ("" if span is None else text[span[0] : span[1]])


def test_numbers_of_one_unit_are_put_beside_each_other():
    found = find_differences("3人花了500元", "花了200元的有5人")
    assert [(each.text0, each.text1) for each in found] == [("3人", "5人"), ("500元", "200元")]
    assert {each.kind for each in found} == {DifferenceKind.NUMBER}
