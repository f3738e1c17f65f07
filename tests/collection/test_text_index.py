"""An index: adding, removing, searching, and a folder that is whole at every moment."""

import json

import numpy as np
import pytest

from yanmo.collection import TextIndex, search
from yanmo.collection.neighbors import NeighborSearch
from yanmo.errors import InputError

ROWS = [{"id": f"q{i}", "text": text, "city": "天津"} for i, text in enumerate(["怎么退款", "绑定银行卡", "去公园"])]


@pytest.fixture
def folder(characters, tmp_path):
    with TextIndex.opened(tmp_path / "idx", characters, task="strict") as index:
        assert index.add(ROWS, column="text") == 3
    return tmp_path / "idx"


def test_found_texts_have_the_matchers_own_probabilities(characters, folder):
    (hits,) = search(folder, ["怎么绑定银行卡"], matcher=characters, task="strict", top=3)
    expected = characters.score([("怎么绑定银行卡", hit.text) for hit in hits], task="strict")
    np.testing.assert_allclose([hit.probability for hit in hits], expected, atol=2e-3)
    assert hits[0].id == "q1"
    assert hits[0].columns == {"city": "天津"}
    assert [hit.probability for hit in hits] == sorted((hit.probability for hit in hits), reverse=True)


def test_rows_are_added_and_removed(characters, folder):
    with TextIndex.opened(folder, characters, task="strict") as index:
        before = index.digest
        assert index.add([*ROWS, {"id": "q9", "text": "怎么退款", "city": "北京"}], column="text") == 1
        assert index.digest != before
        index.remove(["q0"])
        assert len(index) == 3
        with pytest.raises(InputError, match="'q0' is not in the index"):
            index.remove(["q0"])
        with pytest.raises(InputError, match="'q1' is in the index with another text"):
            index.add([{"id": "q1", "text": "别的"}])
    hits = search(folder, ["怎么退款"], matcher=characters, task="strict", top=1)[0]
    assert [hit.id for hit in hits] == ["q9"]


def test_the_same_rows_give_the_same_digest(characters, folder, tmp_path):
    with TextIndex.opened(tmp_path / "again", characters, task="strict") as index:
        index.add(ROWS, column="text")
        again = index.digest
    with TextIndex.opened(folder, characters, task="strict", writes=False) as index:
        assert index.digest == again


def test_what_a_killed_writer_left_is_cut_off(characters, folder):
    expected = search(folder, ["退款"], matcher=characters, task="strict")
    for name in ("vectors.0.f16", "vectors.1.f16", "lengths.i32", "texts.jsonl", "entries.jsonl"):
        with (folder / name).open("ab") as file:
            file.write(b"half a portion")
    assert search(folder, ["退款"], matcher=characters, task="strict") == expected
    with TextIndex.opened(folder, characters, task="strict") as index:
        index.add([{"id": "q5", "text": "学生"}])
    assert len(search(folder, ["退款"], matcher=characters, task="strict")[0]) == 4


def test_a_second_writer_is_refused(characters, folder):
    with (
        TextIndex.opened(folder, characters, task="strict"),
        pytest.raises(InputError, match="another process writes this index"),
        TextIndex.opened(folder, characters, task="strict"),
    ):
        pass


@pytest.mark.parametrize("damage", ["cut", "newer", "no json"])
def test_damaged_folders_are_refused(characters, folder, damage):
    path = folder / "index.json"
    if damage == "cut":
        (folder / "vectors.0.f16").write_bytes(b"")
    elif damage == "newer":
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "format_version": 9}), "utf-8")
    else:
        path.write_text("{", "utf-8")
    with pytest.raises(InputError):
        search(folder, ["退款"], matcher=characters, task="strict")


def test_a_folder_of_something_else_is_refused(characters, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with (
        pytest.raises(InputError, match="is no index"),
        TextIndex.opened(tmp_path, characters, task="strict"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_exact_search_is_a_full_sort():
    rng = np.random.default_rng(0)
    vectors = rng.integers(-2, 3, size=(9000, 4)).astype(np.float16)  # many ties
    queries = vectors[:5]
    scores = queries.astype(np.float32) @ vectors.astype(np.float32).T
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :7]
    found = NeighborSearch(vectors)(queries, 7)
    np.testing.assert_array_equal(np.take_along_axis(scores, found, 1), np.take_along_axis(scores, expected, 1))


def test_a_graph_finds_nearly_what_an_exact_search_finds():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(60, 16))
    vectors = (centers[rng.integers(60, size=3000)] + 0.3 * rng.normal(size=(3000, 16))).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    exact, graph = (NeighborSearch(vectors, exact_below=n)(vectors[:200], 10) for n in (10_000, 100))
    shares = [len(set(a) & set(b)) / 10 for a, b in zip(exact.tolist(), graph.tolist(), strict=True)]
    assert np.mean(shares) > 0.97
