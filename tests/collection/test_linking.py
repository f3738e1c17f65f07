"""Links: all matches, the best few, one-to-one, and what is measured of the candidates."""

import csv
from itertools import permutations

import numpy as np
import pytest

from yanmo.collection import link
from yanmo.collection.assignment import assign_one_to_one
from yanmo.errors import InputError

FIRST = ["怎么绑定银行卡", "今天天气不错", "我们去公园"]
SECOND = ["银行卡怎么绑定", "怎么绑定银行卡", "天气今天不错", "退款"]


def test_matches_are_the_matchers_own_decisions(characters):
    found = link(FIRST, SECOND, matcher=characters, task="strict")
    every = [(a, b) for a in FIRST for b in SECOND]
    yes = characters.decide(every, task="strict")
    expected = {(FIRST.index(a) + 1, SECOND.index(b) + 1) for (a, b), y in zip(every, yes, strict=True) if y}
    assert {(int(each.id_a), int(each.id_b)) for each in found.links} == expected
    assert found.n_linked == len({a for a, _ in expected})


def test_top_gives_so_many_of_each_row_best_first(characters):
    found = link(FIRST, SECOND, matcher=characters, task="strict", top=2)
    assert [(each.id_a, each.rank) for each in found.links] == [(str(a), r) for a in (1, 2, 3) for r in (1, 2)]
    p = np.array([each.probability for each in found.links]).reshape(3, 2)
    assert (p[:, 0] >= p[:, 1]).all()


def test_an_unsymmetric_standard_reads_the_first_list_as_first_texts(characters):
    found = link(FIRST[:1], SECOND[:1], matcher=characters, task="sided", top=1)
    expected = characters.score([(FIRST[0], SECOND[0])], task="sided")[0]
    assert found.links[0].probability == pytest.approx(float(expected), abs=2e-3)


def test_what_must_not_differ_is_no_match_and_may_still_be_asked_for(make_characters):
    matcher, lists = make_characters(at=0.1), (["退款要三天"], ["退款要五天", "退款要3天"])
    found = link(*lists, matcher=matcher, task="strict", apart=["number"])
    assert [each.id_b for each in found.links] == ["2"]
    every = link(*lists, matcher=matcher, task="strict", apart=["number"], top=2)
    assert {each.id_b: each.is_match for each in every.links} == {"1": False, "2": True}


def test_one_to_one_has_the_largest_sum():
    weights = np.random.default_rng(3).random((4, 5)).round(3)
    weights[weights < 0.3] = 0
    edges = [(a, b, float(w)) for (a, b), w in np.ndenumerate(weights) if w]
    best = max(sum(weights[a, b] for a, b in enumerate(some)) for some in permutations(range(5), 4))
    partner = assign_one_to_one(edges)
    assert sum(weights[a, b] for a, b in partner.items()) == pytest.approx(best)
    assert len(set(partner.values())) == len(partner)


def test_assigned_rows_stand_in_one_link_each(characters):
    found = link(FIRST * 2, SECOND, matcher=characters, task="strict", assign=True, id_column=None)
    assert len({each.id_b for each in found.links}) == len({each.id_a for each in found.links}) == len(found.links)


def test_the_recall_of_candidates_is_measured_by_sample_and_by_known_matches(characters):
    found = link(FIRST, SECOND, matcher=characters, task="strict", recall=1.0, known=[("1", "1"), ("2", "3")])
    assert found.count.recall == 1.0
    assert found.labelled_recall == 1.0
    few = link(FIRST, SECOND, matcher=characters, task="strict", candidates=1, known=[("1", "1"), ("1", "2")])
    assert few.labelled_recall == 0.5


def test_the_file_has_ids_decision_and_both_sides_columns(characters, tmp_path):
    a = [{"id": "x", "text": "退款", "price": "3"}]
    b = [{"id": "y", "text": "退款", "city": "天津"}]
    link(a, b, matcher=characters, task="strict", out=tmp_path / "l.csv", column="text")
    with (tmp_path / "l.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    p = float(characters.score([("退款", "退款")], task="strict")[0])
    assert float(row.pop("strict_probability")) == pytest.approx(p, abs=1e-3)
    assert row == {
        "id_a": "x",
        "id_b": "y",
        "rank": "1",
        "strict": "1",
        "a_id": "x",
        "a_text": "退款",
        "a_price": "3",
        "b_id": "y",
        "b_text": "退款",
        "b_city": "天津",
    }


def test_wrong_use_is_refused(characters, tmp_path):
    with pytest.raises(InputError, match="one-to-one leaves no second best"):
        link(FIRST, SECOND, matcher=characters, task="strict", top=2, assign=True)
    with pytest.raises(InputError, match="names the id '9'"):
        link(FIRST, SECOND, matcher=characters, task="strict", known=[("9", "1")])
    with pytest.raises(InputError, match="told by its suffix"):
        link(FIRST, SECOND, matcher=characters, task="strict", out=tmp_path / "l.xls")
    with pytest.raises(InputError, match="apart is 'numbers'"):
        link(FIRST, SECOND, matcher=characters, task="strict", apart="date,numbers")
