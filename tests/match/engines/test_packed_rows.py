import numpy as np
import pytest

from yanmo.match.engines.packed_rows import PACKED_INPUTS, PackedForm
from yanmo.tokenize import EncodedPair

APART = PackedForm(sides=2, scored_sides=2)
MEETING_LATE = PackedForm(sides=2, scored_sides=1)


def _pair(n_first, n_second, *, start=0, second_first=False):
    n = n_first + n_second
    side = np.array([0] * n_first + [1] * n_second, dtype=np.int32)
    ids = np.arange(start, start + n, dtype=np.int32)
    return EncodedPair(ids, ids * 0, ids - start, side[::-1].copy() if second_first else side, (0, 0))


PAIRS = [
    _pair(5, 7, start=10),
    _pair(1, 8, start=100),
    _pair(0, 3, start=200),
    _pair(4, 8, start=300, second_first=True),
]


@pytest.mark.parametrize("form", [APART, MEETING_LATE])
def test_every_token_stands_in_its_text_in_order(form):
    n_scores = [1, 2, 1, 3]
    tasks = np.arange(7)
    # One call with pairs of one length each, and all tokens found by a slow loop.
    feed = form.feed(PAIRS, n_scores, tasks)
    assert feed.keys() == PACKED_INPUTS.keys()
    assert feed["task"].tolist() == tasks.tolist()
    repeated = [pair for pair, n in zip(PAIRS, n_scores, strict=True) for _ in range(n)]
    scored_ids = feed["token_ids"][feed["again"]]
    for ids, spread, place, sides, pairs in (
        (feed["token_ids"], feed["spread"], feed["place"], form.sides, PAIRS),
        (scored_ids, feed["scored_spread"], feed["scored_place"], form.scored_sides, repeated),
    ):
        assert spread.shape[:2] == (len(pairs), sides)
        for row, pair in enumerate(pairs):
            for side in range(sides):
                expected = pair.token_ids[pair.side == side] if sides == 2 else pair.token_ids
                found = spread[row, side]
                assert ids[found[found >= 0]].tolist() == expected.tolist()
                assert (found[len(expected) :] == -1).all()
        flat = spread.reshape(-1, spread.shape[2])
        assert flat[place[:, 0], place[:, 1]].tolist() == list(range(len(ids)))


def test_a_batch_holds_one_length_and_every_pair_once():
    rng = np.random.default_rng(0)
    pairs = [_pair(int(a), int(b)) for a, b in rng.integers(1, 40, (200, 2))]
    n_scores = rng.integers(1, 4, 200).tolist()
    batches = list(APART.batches(pairs, n_scores, max_tokens=256))
    assert sorted(i for batch in batches for i in batch) == list(range(200))
    for batch in batches:
        assert len({-(-max(int(pairs[i].side.sum()), int((1 - pairs[i].side).sum())) // 8) for i in batch}) == 1
        assert len(batch) == 1 or sum(len(pairs[i]) * n_scores[i] for i in batch) <= 256
    lengths = {-(-max(int(pair.side.sum()), int((1 - pair.side).sum())) // 8) for pair in pairs}
    assert len(list(APART.batches(pairs, n_scores, max_tokens=10**6))) == len(lengths)


def test_the_shapes_of_a_pair_do_not_depend_on_its_company():
    pairs = [_pair(9, 4), _pair(16, 2), _pair(12, 12)]
    alone = [APART.feed([pair], [1], np.zeros(1, dtype=np.int64))["spread"].shape[1:] for pair in pairs]
    [batch] = APART.batches(pairs, [1] * 3, max_tokens=4096)
    together = APART.feed([pairs[i] for i in batch], [1] * 3, np.zeros(3, dtype=np.int64))["spread"].shape[1:]
    assert set(alone) == {together}
