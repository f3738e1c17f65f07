import itertools

import numpy as np
import pytest

from yanmo.standard.audit_structure import Triangle, read_structure


def structure(rows, *, symmetric=True):
    texts, labels = [(a, b) for a, b, _ in rows], np.array([bool(label) for *_, label in rows])
    return read_structure(texts, labels, symmetric=symmetric)


def test_a_pair_and_its_swap_are_one_where_sides_do_not_matter():
    rows = [("甲", "乙", 1), ("乙 ", "甲", 0), ("丙", "丁", 1), ("丙", "丁", 1)]
    assert structure(rows).disputed == [[0, 1]]
    assert structure(rows, symmetric=False).disputed == []
    assert structure([*rows, ("甲", "乙", 0)], symmetric=False).disputed == [[0, 4]]


def test_identical_texts_that_are_no_match_are_told():
    assert structure([("甲", " 甲"), ("乙", "乙")] and [("甲", " 甲", 0), ("乙", "乙", 1)]).identical == [0]


@pytest.mark.parametrize("seed", range(5))
def test_triangles_are_those_of_the_slow_loop(seed):
    rng = np.random.default_rng(seed)
    names = "甲乙丙丁戊己"
    rows = [(a, b, int(rng.random() < 0.6)) for a, b in itertools.combinations(names, 2) if rng.random() < 0.8]
    found = structure(rows)
    label = {frozenset(row[:2]): row[2] for row in rows}
    expected = 0
    for a, c in itertools.combinations(names, 2):
        for b in set(names) - {a, c}:
            expected += label.get(frozenset((a, c))) == 0 and all(
                label.get(frozenset(pair)) == 1 for pair in ((a, b), (b, c))
            )
    assert found.n_triangles == expected
    for triangle in found.triangles:
        assert [rows[row][2] for row in triangle.rows] == [1, 1, 0]
        assert len({text for row in triangle.rows for text in rows[row][:2]}) == 3


def test_sides_that_matter_make_no_triangle():
    rows = [("甲", "乙", 1), ("乙", "丙", 1), ("甲", "丙", 0)]
    assert structure(rows).triangles == [Triangle(0, 1, 2)]
    assert structure(rows, symmetric=False).triangles == []


def test_votes_tell_the_way_through_other_labels_and_never_a_row_its_own():
    rows = [("甲", "乙", 1), ("乙", "丙", 1), ("丙", "丁", 1), ("甲", "丁", 0), ("戊", "己", 1)]
    votes = structure(rows).votes
    assert votes[3].tolist() == [1 / 3, 0]
    # 甲 to 乙 leads over no other match; the non-match 甲 ≠ 丁 denies it, for 乙 = 丙 = 丁.
    assert votes[0].tolist() == pytest.approx([0, np.log(2)])
    assert votes[4].tolist() == [0, 0]
    for row in range(len(rows)):
        turned = [(a, b, 1 - label if i == row else label) for i, (a, b, label) in enumerate(rows)]
        assert structure(turned).votes[row].tolist() == votes[row].tolist()


def test_the_same_pair_elsewhere_is_the_shortest_way():
    rows = [("甲", "乙", 1), ("甲", "乙", 1), ("甲", "乙", 0)]
    for symmetric in (True, False):
        votes = structure(rows, symmetric=symmetric).votes
        assert votes[:, 0].tolist() == [1, 1, 1]
        assert votes[2, 1] == 0
        assert votes[0, 1] > 0
