import itertools

import pytest

from yanmo.data.columns import KNOWN_PAIRS, Columns, find_columns, find_header
from yanmo.errors import InputError

SET = Columns("source", "target", id="id")
TASK = Columns("source", "target", label="label", id="id")


def find(found, named=None, expected=SET):
    return find_columns(found, named=named or Columns(), expected=expected)


def _wide(name):
    return "".join(chr(ord(ch) + 0xFEE0) if "!" <= ch <= "~" else ch for ch in name) + "\u3000"


@pytest.mark.parametrize("pair", KNOWN_PAIRS, ids="/".join)
def test_every_known_pair_is_found_in_any_order_capitals_and_width(pair):
    for spell in (str, str.upper, str.title, _wide):
        names = [spell(name) for name in pair]
        for found in itertools.permutations([*names, "idx", "label"]):
            columns = find(found)
            assert (columns.first, columns.second) == tuple(names)


def test_the_task_sets_columns_go_before_known_ones():
    assert find(["text1", "text2", "source", "target"]).first == "source"
    assert find(["text1", "text2", "source"]).first == "text1"


def test_named_columns_go_before_all():
    columns = find(["id", "text1", "text2", "source", "target"], Columns("target", "source", id="text1"))
    assert columns == Columns("target", "source", None, "text1")


@pytest.mark.parametrize("named", [Columns("source", "nope"), Columns(id="nope")])
def test_named_columns_must_be_there(named):
    with pytest.raises(InputError, match=r"no column 'nope' \(columns found: source, target\)"):
        find(["source", "target"], named)


def test_ambiguity_is_not_guessed_away():
    with pytest.raises(InputError, match="text1/text2 and sentence1/sentence2"):
        find(["text1", "text2", "sentence1", "sentence2"])
    with pytest.raises(InputError, match=r"columns found: question, answer.*--first"):
        find(["question", "answer"])


def test_one_text_column_is_not_enough():
    with pytest.raises(InputError, match="only one"):
        Columns(first="a")
    with pytest.raises(InputError, match="both texts"):
        Columns("a", "a")


def test_score_stands_in_for_the_customary_label_only():
    found = ["sentence1", "sentence2", "score"]
    assert find(found, expected=TASK).label == "score"
    assert find([*found, "label"], expected=TASK).label == "label"
    assert find(found, expected=Columns("source", "target", label="labelA")).label == "labelA"
    assert find(found, Columns(label="x"), expected=TASK).label == "x"
    assert find(found).label is None


def test_ids_are_optional_unless_named():
    assert find(["source", "target"]).id is None
    assert find(["source", "target", "id"]).id == "id"


def header(cells, named=None, expected=TASK):
    return find_header(cells, named=named or Columns(), expected=expected)


@pytest.mark.parametrize(
    "cells", [["text1", "text2", "label"], ["label", "Sentence2", " Sentence1 "], ["source", "target"]]
)
def test_a_header_is_known_by_its_names(cells):
    names, is_header, columns = header(cells)
    assert is_header
    assert names == [cell.strip() for cell in cells]
    assert {columns.first, columns.second} <= set(names)


@pytest.mark.parametrize("label", ["0", "1", "1.0", "0.73", "5"])
def test_three_cells_ending_in_a_number_are_no_header(label):
    assert header(["今天下雨吗", "今天有雨吗", label]) == (["1", "2", "3"], False, Columns("1", "2", "3"))
    assert header(["今天下雨吗", "今天有雨吗", label], expected=SET)[2].label is None


@pytest.mark.parametrize("cells", [["甲", "乙"], ["1", "甲", "乙", "0"], ["17", "甲", "0"], ["甲", "乙", "丙"]])
def test_other_first_rows_have_to_be_named(cells):
    with pytest.raises(InputError, match=f"columns found: {', '.join(cells)}"):
        header(cells)


def test_positions_name_the_columns_of_a_bare_table():
    named = Columns("2", "3", label="4", id="1")
    assert header(["17", "甲", "乙", "0"], named) == (["1", "2", "3", "4"], False, named)
    assert header(["1", "甲", "乙", "0"], named)[1] is False, "a cell that happens to be a number is no name"
    names, is_header, columns = header(["id", "text1", "text2", "label"], named)
    assert (names, is_header, columns) == (["1", "2", "3", "4"], True, named), "a header is not read as a row"


def test_named_columns_make_a_header():
    assert header(["问", "答", "判断"], Columns("问", "答", label="判断"))[1]
    with pytest.raises(InputError, match="no column '5'"):
        header(["甲", "乙", "1"], Columns("1", "5"))


def test_a_column_may_not_be_there_twice():
    with pytest.raises(InputError, match="'text1' twice"):
        header(["text1", "text1", "text2"])
    assert header(["text1", "text2", "x", "x"])[1]
