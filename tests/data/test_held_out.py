import numpy as np
import pytest

from yanmo.data import Pair
from yanmo.data.held_out import split_off
from yanmo.errors import InputError


def _pairs(n, *, n_texts, share, seed):
    rng = np.random.default_rng(seed)
    return [
        Pair(f"a{rng.integers(n_texts)}", f"b{rng.integers(n_texts)}", int(rng.random() < share), None, i + 1, "a")
        for i in range(n)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_share_no_text_and_hold_the_share_of_every_class(seed):
    # Sparse enough that texts do not all hang together; the two tasks share texts too.
    given = {
        "one": _pairs(600, n_texts=1500, share=0.2, seed=seed),
        "two": _pairs(300, n_texts=1500, share=0.6, seed=seed + 100),
    }
    learned, held = split_off(given, share=0.25, seed=seed)
    texts = [{t for rows in part.values() for p in rows for t in (p.text0, p.text1)} for part in (learned, held)]
    assert not texts[0] & texts[1]
    for name, rows in given.items():
        assert sorted([*learned[name], *held[name]], key=lambda p: p.line) == rows
        for label in (0, 1):
            n = sum(pair.label == label for pair in rows)
            assert sum(pair.label == label for pair in held[name]) == pytest.approx(n / 4, abs=0.03 * n + 2)
    again = split_off(given, share=0.25, seed=seed)
    assert again == (learned, held)


def test_what_hangs_together_cannot_be_split():
    rows = [Pair("查询", f"文档{i}", i % 2, None, i, "a") for i in range(10)]
    with pytest.raises(InputError, match="of 10 pairs 10 hang together"):
        split_off({"one": rows}, share=0.2)
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(InputError, match="share to split off"):
            split_off({"one": rows}, share=share)
