"""Pairs that share enough characters: all of them, as comparing every pair finds them."""

import random

import pytest

from yanmo.collection import deduplicate, link
from yanmo.collection.lexical_pairs import lexical_pairs
from yanmo.data.plain_text import shared_pairs


def texts_of(n, *, seed):
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        if made and rng.random() < 0.6:
            old = list(rng.choice(made))
            for _ in range(rng.randint(1, 3)):
                old[rng.randrange(len(old))] = rng.choice("甲乙丙丁，。Ａa")
            made.append("".join(old)[: rng.randint(1, 12)])
        else:
            made.append("".join(rng.choice("甲乙丙丁戊己庚辛") for _ in range(rng.randint(1, 12))))
    return [*made, "", "。", "a", "A。"]


@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.6, 0.8, 1.0])
def test_they_are_all_pairs_with_as_much_in_common(overlap):
    texts, others = texts_of(80, seed=1), texts_of(50, seed=2)
    within = {(i, j) for j in range(len(texts)) for i in range(j) if shared_pairs(texts[i], texts[j]) >= overlap}
    assert within
    a, b = lexical_pairs(texts, overlap=overlap)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == sorted(within)
    between = {
        (i, j) for i in range(len(texts)) for j in range(len(others)) if shared_pairs(texts[i], others[j]) >= overlap
    }
    a, b = lexical_pairs(texts, others, overlap=overlap)
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == sorted(between)


def test_progress_is_told_to_the_end():
    told = []
    lexical_pairs(["甲乙丙", "丁戊己"], overlap=0.9, on_progress=lambda n, of: told.append((n, of)))
    assert told == [(2, 2)]
    assert [side.tolist() for side in lexical_pairs([], overlap=0.5)] == [[], []]


def test_link_finds_the_same_by_characters_and_by_neighbors(make_characters):
    matcher = make_characters(at=0.1)
    first, second = texts_of(40, seed=3)[:40], texts_of(40, seed=4)[:40]
    second += first[:5]
    found, expected = (
        link(first, second, matcher=matcher, task="strict", overlap=0.5, candidates=k) for k in (None, len(second))
    )
    assert found.links == expected.links
    assert found.links
    assert found.count.k is None
    assert found.n_encoded < expected.n_encoded


def test_dedup_finds_the_same_by_characters_and_by_neighbors(make_characters):
    matcher, texts = make_characters(at=0.1), texts_of(60, seed=5)[:60]
    found, expected = (
        deduplicate(texts, matcher=matcher, task="strict", overlap=0.5, candidates=k) for k in (None, len(texts))
    )
    assert [(row.group, row.keep) for row in found.rows] == [(row.group, row.keep) for row in expected.rows]
    assert found.n_groups < 60
