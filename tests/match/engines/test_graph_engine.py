from pathlib import Path

import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.match import Architecture
from yanmo.match.engines.graph_engine import GraphCard, GraphEngine
from yanmo.tokenize import EncodedPair

CARD = GraphCard(n_tasks=25, vocab_size=50, max_tokens=512, pad_id=0, architecture=Architecture())


class SumsIds(GraphEngine):
    """Answers the sum of a pair's token ids, and a thousand times the task."""

    version, files = "sums", ()

    def __init__(self, **options):
        super().__init__(Path("none"), CARD, **options)
        self.fed = []

    def run(self, feed, *, output="logits"):
        assert output == "logits"
        self.fed.append(feed)
        rows = feed["row"] if "row" in feed else np.arange(len(feed["task"]))
        return (feed["token_ids"].sum(1)[rows] + 1000 * feed["task"]).astype(np.float32)


def _pair(*ids):
    zeros = np.zeros(len(ids), dtype=np.int32)
    return EncodedPair(np.array(ids, dtype=np.int32), zeros, np.arange(len(ids), dtype=np.int32), zeros, (0, 0))


@pytest.mark.parametrize("has_rows", [False, True])
@pytest.mark.parametrize("max_tokens", [1, 40, 2048])
def test_every_score_is_of_its_own_pair_and_task(has_rows, max_tokens):
    a, b, c = _pair(1, 2, 3), _pair(4), _pair(5, 6)
    pairs, tasks = [a, b, a, c, b, a], [0, 1, 2, 3, 4, 24]
    engine = SumsIds(max_tokens=max_tokens, has_rows=has_rows)
    assert engine.logits(pairs, tasks).tolist() == [6, 1004, 2006, 3011, 4004, 24006]


def test_a_pair_under_many_tasks_is_one_row_and_batches_stay_within_their_tokens():
    pairs = [_pair(*range(1, 9)) for _ in range(6)]
    engine = SumsIds(max_tokens=8 * 25 * 2, has_rows=True)
    engine.logits([pair for pair in pairs for _ in range(25)], [*range(25)] * 6)
    assert [feed["token_ids"].shape for feed in engine.fed] == [(2, 8)] * 3
    assert [len(feed["task"]) for feed in engine.fed] == [50] * 3


def test_a_graph_without_rows_is_given_each_pair_as_often_as_it_is_scored():
    pair = _pair(1, 2)
    engine = SumsIds(max_tokens=2048, has_rows=False)
    engine.logits([pair, pair], [0, 1])
    assert "row" not in engine.fed[0]
    with pytest.raises(InputError, match="no vectors"):
        engine.vectors([pair], [0])
    assert engine.fed[0]["token_ids"].shape == (2, 2)
