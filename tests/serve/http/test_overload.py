"""More clients than can be served, and a processor that becomes slower: whoever is taken is served, and in time."""

import random
import threading
import time

import numpy as np
import pytest

from yanmo.serve.http.queue.batcher import Batcher, QueueFullError
from yanmo.tokenize import EncodedPair

TIMEOUT = 1.5
RATE = 20_000.0


class SleepingEngine:
    """Takes its time over every token."""

    def __init__(self):
        self.rate = RATE
        self.n_tokens = 0

    def logits(self, pairs, task_indices):
        n_tokens = sum(map(len, pairs))
        time.sleep(n_tokens / self.rate)
        self.n_tokens += n_tokens
        return np.zeros(len(pairs), dtype=np.float32)

    def save(self, folder):
        raise NotImplementedError


def _row(n):
    numbers = np.zeros(n, dtype=np.int32)
    return EncodedPair(numbers, numbers, numbers, numbers, (0, 0))


@pytest.mark.parametrize(("n_clients", "slows_down"), [(4, False), (20, False), (80, False), (80, True)])
def test_no_work_is_done_that_nobody_waits_for(n_clients, slows_down):
    engine = SleepingEngine()
    batcher = Batcher(engine, max_batch_tokens=400, max_queue_tokens=1 << 18, max_wait=0.9 * TIMEOUT)
    batcher.start()
    end, lock = time.monotonic() + 1.2, threading.Lock()
    answered, late, failed = [0], [0], []  # what goes wrong in a thread would be lost

    def client(number):
        drawn = random.Random(number)
        while time.monotonic() < end:
            rows = [_row(drawn.choice([5, 9, 14, 20, 30, 45])) for _ in range(8)]
            n_tokens = sum(map(len, rows))
            began = time.monotonic()
            try:
                with batcher.admit(n_tokens) as place:
                    place.score(rows, [0] * 8).result(20)
            except QueueFullError as full:
                # A service takes seconds for what takes hundredths here.
                time.sleep(0.03 * full.seconds)
                continue
            except (AssertionError, TimeoutError, ValueError) as error:
                failed.append(error)
                return
            with lock:
                answered[0] += n_tokens
                late[0] += time.monotonic() - began > TIMEOUT

    threads = [threading.Thread(target=client, args=(number,)) for number in range(n_clients)]
    for thread in threads:
        thread.start()
    if slows_down:
        time.sleep(0.5)
        engine.rate = RATE / 4
    for thread in threads:
        thread.join(20)
    batcher.close()
    assert not failed
    assert late[0] == 0
    # What is answered is what was scored: next to nothing was begun and then given up.
    assert answered[0] >= 0.95 * engine.n_tokens > 0
