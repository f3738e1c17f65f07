import pytest

from yanmo.data.edits.numerals import read_numeral, write_financial, write_numeral, write_year

WRITTEN = {
    1: "一",
    10: "十",
    15: "十五",
    20: "二十",
    101: "一百零一",
    110: "一百一十",
    1001: "一千零一",
    1010: "一千零一十",
    2005: "二千零五",
    10001: "一万零一",
    10500: "一万零五百",
    120000: "十二万",
    10500000: "一千零五十万",
    300000000: "三亿",
    100010000: "一亿零一万",
}


@pytest.mark.parametrize(("value", "numeral"), WRITTEN.items())
def test_numerals_by_the_book(value, numeral):
    assert write_numeral(value) == numeral
    assert read_numeral(numeral) == value


def test_reading_undoes_writing():
    values = [*range(1, 1200), *(7 * 10**k + 3 * 10 ** (k // 2) for k in range(1, 11))]
    assert [read_numeral(write_numeral(value)) for value in values] == values


@pytest.mark.parametrize("numeral", ["三四", "一百五", "百", "万", "十百", "二〇二三", "零", "三万五"])
def test_no_one_value_is_read_from_a_loose_spelling(numeral):
    assert read_numeral(numeral) is None


def test_zero_is_written_and_digits_of_years_are_single():
    assert write_numeral(0) == "零"
    assert write_year(2010) == "二〇一〇"
    assert write_financial(10) == "壹拾"
