"""Rows as programs hand them in: the same pairs whatever holds them."""

import pytest

from yanmo.data import Columns, Task, read_pairs
from yanmo.errors import InputError

TASK = Task(name="news")
ROWS = [("甲", "乙", 1), ("丙", "丁", 0)]
NAMES = ("text1", "text2", "label")
VALUES = dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True))


def _of(library):
    module = pytest.importorskip(library)
    if library == "pyarrow":
        return module.table(VALUES)
    return module.Dataset.from_dict(VALUES) if library == "datasets" else module.DataFrame(VALUES)


def _triples(data, **options):
    return [(pair.text0, pair.text1, pair.label) for pair in read_pairs(data, **{"task": TASK, **options})]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "datasets"])
def test_frames_and_data_sets(library):
    assert _triples(_of(library)) == ROWS


def test_lazy_frames_streams_lists_and_generators():
    assert _triples(_of("polars").lazy()) == ROWS
    assert _triples(_of("datasets").to_iterable_dataset()) == ROWS
    assert _triples(ROWS) == ROWS
    assert _triples([dict(zip(NAMES, row, strict=True)) for row in ROWS]) == ROWS
    assert _triples(row for row in ROWS) == ROWS
    assert _triples([row[:2] for row in ROWS], task=None) == [(*row[:2], None) for row in ROWS]


def test_columns_of_a_frame_may_have_any_name():
    pandas = pytest.importorskip("pandas")
    names = ("name", "open", "count", "columns", "column_names", "features")
    frame = pandas.DataFrame(VALUES | {key: ["x", "y"] for key in names})
    assert _triples(frame) == ROWS


def test_what_is_missing_in_a_frame_is_named_by_its_row():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text1": ["甲", None], "text2": ["乙", "丁"], "label": [1, 0]})
    with pytest.raises(InputError, match=r"data frame:2: the text 'text1' is null"):
        _triples(frame)
    with pytest.raises(InputError, match=r"label' is empty"):
        _triples(frame.assign(text1="甲", label=[1.0, float("nan")]))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "the data are a NoneType"),
        ({"text1": ["甲"]}, "the data are a dict"),
        (7, "the data are a int"),
        ([], "data: holds no row"),
        ([("甲",)], "data:1: has 1 elements"),
        ([("甲", "乙", 1), {"text1": "甲"}], "data:2: is a dict where the first row is a tuple"),
        ([("甲", "乙", 3)], "data:1: label '3'"),
        (["甲", "乙"], "data:1: is a str"),
        ([{"a": "甲", "b": "乙"}], "no columns that are known"),
    ],
)
def test_what_cannot_be_read_is_named(data, problem):
    with pytest.raises(InputError) as caught:
        _triples(data)
    assert problem in str(caught.value)


def test_values_are_kept_beside_the_pairs():
    rows = [{"a": "甲", "b": "乙", "shop": 3, "more": {"x": 1}}]
    columns = Columns("a", "b")
    kept = [next(read_pairs(rows, columns=columns, keep=keep)).kept for keep in ((), None, ["shop", "more.x"])]
    assert kept == [None, rows[0], {"shop": 3, "more.x": 1}]
    with pytest.raises(InputError, match="no column 'price' to keep"):
        list(read_pairs(rows, columns=columns, keep=["price"]))
