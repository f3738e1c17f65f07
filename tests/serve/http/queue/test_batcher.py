import threading
import time

import numpy as np
import pytest

from yanmo.serve.http.queue.batcher import Batcher, QueueFullError
from yanmo.tokenize import EncodedPair


class GatedEngine:
    """Gives each row its length plus 1000 times its task; waits for leave where told to."""

    def __init__(self, *, is_open=True):
        self.calls = []
        self.started = threading.Event()
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def logits(self, pairs, task_indices):
        self.calls.append([len(pair) for pair in pairs])
        self.started.set()
        assert self.gate.wait(10)
        return np.array([len(p) + 1000 * t for p, t in zip(pairs, task_indices, strict=True)], dtype=np.float32)

    def save(self, folder):
        raise NotImplementedError


def _row(n):
    numbers = np.arange(n, dtype=np.int32)
    return EncodedPair(numbers, numbers, numbers, numbers, (0, 0))


@pytest.fixture
def start():
    batchers = []

    def make(engine, **limits):
        batcher = Batcher(engine, **({"max_batch_tokens": 100, "max_queue_tokens": 1000} | limits))
        batcher.start()
        batchers.append((batcher, engine))
        return batcher

    yield make
    for batcher, engine in batchers:
        engine.gate.set()
        batcher.close()
        assert not batcher.is_running
        assert batcher.n_tokens == 0


def test_scores_come_back_to_their_rows_whatever_batches_they_were_in(start):
    engine = GatedEngine()
    batcher = start(engine)
    lengths = [7, 60, 9, 61, 8, 30]
    with batcher.admit(10) as place:
        scores = place.score([_row(n) for n in lengths], [0, 1, 0, 1, 2, 0]).result(10)
    np.testing.assert_array_equal(scores, [7, 1060, 9, 1061, 2008, 30])
    assert sorted(n for call in engine.calls for n in call) == sorted(lengths)
    assert all(len(call) * max(call) <= 100 for call in engine.calls)


def test_requests_that_wait_together_are_scored_together(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine)
    places = [batcher.admit(10) for _ in range(6)]
    futures = [places[0].score([_row(10)], [0])]
    assert engine.started.wait(10)  # the first is being scored, the others come in the meantime
    futures += [place.score([_row(10)], [task]) for task, place in enumerate(places[1:], 1)]
    engine.gate.set()
    assert [float(future.result(10)[0]) for future in futures] == [10 + 1000 * task for task in range(6)]
    assert [len(call) for call in engine.calls] == [1, 5]
    for place in places:
        batcher.leave(place)


def test_a_large_request_does_not_hold_up_a_small_one(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine, max_batch_tokens=20)
    batcher._pace.saw(1000, 1.0)  # as if measured: 0.4 and 0.1 seconds are given on top, and nothing is late
    large, small = batcher.admit(200), batcher.admit(50)
    slow = large.score([_row(10)] * 20, [0] * 20)
    assert engine.started.wait(10)
    quick = small.score([_row(50)], [0])  # so long that it shares no batch
    engine.gate.set()
    slow.result(10)
    quick.result(10)
    assert engine.calls.index([50]) <= 2
    batcher.leave(large)
    batcher.leave(small)


def test_a_full_queue_says_when_there_will_be_room(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine, max_queue_tokens=100)
    with batcher.admit(10) as place:
        future = place.score([_row(60)], [0])  # 60 in fact, not 10
        assert batcher.n_tokens == 60
        with batcher.admit(40), pytest.raises(QueueFullError) as full:
            batcher.admit(1)
        assert full.value.seconds == 1  # nothing is known of the rate yet
        assert batcher.n_tokens == 60
        engine.gate.set()
        future.result(10)
    assert batcher.n_tokens == 0


def test_the_wait_is_what_is_too_much_over_the_measured_rate(start):
    engine = GatedEngine()
    reports = []
    batcher = start(engine, max_queue_tokens=100, max_wait=3000.0, on_batch=reports.append)
    batcher._pace.saw(10, 1.0)  # tokens a second, as if measured
    with batcher.admit(90), pytest.raises(QueueFullError) as full:
        batcher.admit(45)
    assert full.value.seconds == 4  # 35 tokens too many at 10 a second
    with batcher.admit(90), pytest.raises(QueueFullError) as full:
        batcher.admit(45)
    assert full.value.seconds == 8  # the next one after the first, whose 45 tokens take 4.5 seconds
    with batcher.admit(3) as place:
        place.score([_row(3)], [0]).result(10)
    batcher.close()
    assert [(report.n_rows, report.n_tokens) for report in reports] == [(1, 3)]
    assert batcher._pace.rate > 10


def test_what_a_client_leaves_behind_is_never_begun(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine)
    with batcher.admit(10) as first:
        busy = first.score([_row(10)], [0])
        assert engine.started.wait(10)
        with batcher.admit(30) as second:
            left = second.score([_row(30)] * 3, [0] * 3)
            assert batcher.n_tokens == 100
        assert batcher.n_tokens == 10  # gone with the place
        engine.gate.set()
        busy.result(10)
    assert engine.calls == [[10]]
    assert not left.done()


def test_a_failure_of_the_engine_is_the_answer_to_its_requests_only(start):
    class Failing(GatedEngine):
        def logits(self, pairs, task_indices):
            if len(pairs[0]) == 13:
                raise RuntimeError("out of memory")
            return super().logits(pairs, task_indices)

    batcher = start(Failing())
    with batcher.admit(13) as place, pytest.raises(RuntimeError, match="out of memory"):
        place.score([_row(13)], [0]).result(10)
    with batcher.admit(5) as place:
        assert place.score([_row(5)], [0]).result(10).tolist() == [5]


def test_no_rows_need_no_scoring(start):
    with start(GatedEngine()).admit(0) as place:
        assert place.score([], []).result(10).shape == (0,)


def test_closing_scores_what_is_waiting(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine, max_batch_tokens=10)
    with batcher.admit(30) as place:
        future = place.score([_row(10)] * 3, [0] * 3)
        closing = threading.Thread(target=batcher.close)
        closing.start()
        engine.gate.set()
        closing.join(10)
        assert future.result(0).tolist() == [10, 10, 10]


def test_before_the_first_batch_no_more_is_taken_than_it_and_another(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine, max_queue_tokens=10_000)
    with batcher.admit(150), batcher.admit(50):
        for refuse in (batcher.admit, batcher.refuse_if_full):
            with pytest.raises(QueueFullError) as full:
                refuse(1)
            assert full.value.seconds == 1


def test_who_could_not_be_done_in_time_is_not_taken(start):
    batcher = start(GatedEngine(), max_queue_tokens=10_000, max_wait=60.0)
    batcher._pace.saw(100, 1.0)
    # Due in a sixth of the longest wait and twice its own time, and no later than in half of it: in 28, 20, 30 seconds.
    with batcher.admit(900), batcher.admit(500), batcher.admit(1500):  # which are done in 14, 5, 29
        batcher.refuse_if_full(1)
        with pytest.raises(QueueFullError):
            batcher.admit(200)  # done in 2 itself, but then the last would be done in 31
    with batcher.admit(9_999), pytest.raises(QueueFullError):  # nobody is before it
        batcher.admit(1)  # which would make it later still
    assert batcher.n_tokens == 0


def test_who_cannot_be_done_in_time_any_more_is_sent_away_before_it_is_begun(start):
    engine = GatedEngine(is_open=False)
    batcher = start(engine, max_batch_tokens=50, max_wait=0.5)
    places = [batcher.admit(30) for _ in range(3)]
    futures = [place.score([_row(50)], [0]) for place in places]
    assert engine.started.wait(10)
    time.sleep(0.6)
    engine.gate.set()
    assert futures[0].result(10).tolist() == [50]
    for future in futures[1:]:
        with pytest.raises(QueueFullError):
            future.result(10)
    assert engine.calls == [[50]]
    for place in places:
        batcher.leave(place)


def test_rows_of_which_something_else_is_computed_share_the_queue_and_no_batch(start):
    engine = GatedEngine(is_open=False)
    batcher, calls = start(engine), []

    def squares(rows, tasks):
        calls.append([len(row) for row in rows])
        return np.array([[len(row) ** 2, task] for row, task in zip(rows, tasks, strict=True)], dtype=np.float32)

    places = [batcher.admit(10) for _ in range(5)]
    first = places[0].score([_row(10)], [0])
    assert engine.started.wait(10)  # the first is being scored, the others come in the meantime
    logits = [place.score([_row(10)], [task]) for task, place in enumerate(places[1:3], 1)]
    pairs = [place.score([_row(10), _row(9)], [7, 8], compute=squares) for place in places[3:]]
    assert batcher.n_tokens == 3 * 10 + 2 * 19
    engine.gate.set()
    assert first.result(10).tolist() == [10]
    assert [future.result(10).tolist() for future in logits] == [[1010], [2010]]
    assert [future.result(10).tolist() for future in pairs] == [[[100, 7], [81, 8]]] * 2
    assert (engine.calls, [sorted(call) for call in calls]) == ([[10], [10, 10]], [[9, 9, 10, 10]])
    for place in places:
        batcher.leave(place)
