"""``yanmo.predict``: the answers of the matcher, whatever holds the pairs and whatever they are written to."""

import json

import pytest

import yanmo
from yanmo.errors import InputError

ROWS = [("一丁七", "一丁七"), ("三上", "不与"), ("一丁", "一上"), ("一", "一丁")]
OWN = ["id", "ssA", "ssA_probability", "ssB", "ssB_probability"]
TASKS = "ssA,ssB"


@pytest.fixture
def matcher(overlap_matcher):
    return overlap_matcher[0]


def _values(**more):
    first, second = map(list, zip(*ROWS, strict=True))
    return {"text1": first, "text2": second, "price": [1, 2, 3, 4]} | more


def _columns(frame):
    frame = frame.to_pydict() if hasattr(frame, "to_pydict") else frame.to_dict()
    return {name: list(values.values()) if isinstance(values, dict) else list(values) for name, values in frame.items()}


def _check(found, matcher, *, kept):
    assert list(found) == [*kept, *OWN]
    for name, verdict in matcher.judge(ROWS, tasks=["ssA", "ssB"]).items():
        assert found[name] == verdict.accepted.tolist()
        assert found[f"{name}_probability"] == pytest.approx(verdict.probabilities, abs=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "datasets"])
def test_a_frame_comes_back_as_its_own_kind_with_the_answers_beside(matcher, library):
    module = pytest.importorskip(library)
    if library == "datasets":
        data = module.Dataset.from_dict(_values())
    else:
        data = module.table(_values()) if library == "pyarrow" else module.DataFrame(_values())
    found = yanmo.predict(matcher, data, tasks=TASKS)
    assert type(found) is type(data)
    _check(_columns(found), matcher, kept=["text1", "text2", "price"])
    assert _columns(yanmo.predict(matcher, data, tasks=TASKS, keep=["price"]))["price"] == [1, 2, 3, 4]
    assert list(_columns(yanmo.predict(matcher, data, tasks=TASKS, keep="none"))) == OWN


def test_the_index_and_types_of_a_frame_stay(matcher):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(_values(day=pandas.date_range("2026-01-01", periods=4)), index=[7, 5, 3, 1])
    found = yanmo.predict(matcher, frame, tasks="ssA")
    assert found.index.tolist() == [7, 5, 3, 1]
    assert found["day"].dtype == frame["day"].dtype
    assert found["id"].tolist() == ["1", "2", "3", "4"]


def test_lists_and_files_become_a_frame(matcher, tmp_path):
    _check(_columns(yanmo.predict(matcher, ROWS, tasks=TASKS)), matcher, kept=["source", "target"])
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text1": a, "text2": b}) + "\n" for a, b in ROWS), encoding="utf-8")
    _check(_columns(yanmo.predict(matcher, path, tasks=TASKS)), matcher, kept=["text1", "text2"])


def test_all_standards_are_taken_where_none_is_named(matcher):
    found = _columns(yanmo.predict(matcher, ROWS, keep="none"))
    assert list(found)[1::2] == list(matcher.matching.task_set.names)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "xlsx", "parquet"])
def test_a_frame_is_written_as_a_file_is(matcher, tmp_path, suffix):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(_values())
    frame.write_ndjson(tmp_path / "in.jsonl")
    given, file = tmp_path / f"given.{suffix}", tmp_path / f"file.{suffix}"
    done = [
        yanmo.predict(matcher, each, out=out, tasks=TASKS)
        for each, out in ((frame, given), (tmp_path / "in.jsonl", file))
    ]
    assert done[0].matches == done[1].matches
    read = {"csv": polars.read_csv, "jsonl": polars.read_ndjson, "parquet": polars.read_parquet}.get(suffix)
    if read is not None:
        assert read(given).equals(read(file))
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == sorted(
        [".jsonl", *[f".{suffix}"] * 2]
    )
    with pytest.raises(InputError, match="exists"):
        yanmo.predict(matcher, frame, out=given, tasks=TASKS)


def test_what_would_be_lost_or_ignored_is_refused(matcher, tmp_path):
    polars = pytest.importorskip("polars")
    with pytest.raises(InputError, match="'ssA' of the data would stand beside"):
        yanmo.predict(matcher, polars.DataFrame(_values(ssA=[1, 0, 1, 0])), tasks=TASKS)
    frame = polars.DataFrame(_values(id=[1, 2, 3, 4], number=[5, 6, 7, 8]))
    with pytest.raises(InputError, match="column 'id' beside 'number'"):
        yanmo.predict(matcher, frame, tasks=TASKS, id="number")
    assert _columns(yanmo.predict(matcher, frame, tasks=TASKS, id="number", keep=["price"]))["id"] == list("5678")
    with pytest.raises(InputError, match="restart is for a file"):
        yanmo.predict(matcher, frame, restart=True)
    with pytest.raises(InputError, match="unknown task 'ssC'"):
        yanmo.predict(matcher, frame, tasks="ssC")
    with pytest.raises(InputError, match="loaded already"):
        yanmo.predict(matcher, frame, device="cpu")
