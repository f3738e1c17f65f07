import itertools

import pytest

from yanmo.serve.http.queue.pace import Pace, lateness


def _latest_by_trial(waiting, due, n_tokens, rate):
    """Serves all in the order in which they are due, and looks who is done when."""
    done, late = 0.0, []
    for theirs, tokens, is_new in sorted([*((d, n, False) for d, n in waiting), (due, n_tokens, True)]):
        done += tokens / rate
        late.append((done - theirs, theirs, is_new))
    place = next(i for i, (_, _, is_new) in enumerate(late) if is_new)
    return max(seconds for seconds, _, _ in late[place:])


def test_lateness_is_what_serving_by_due_time_shows():
    for waiting in ([], [(1.0, 50)], [(1.0, 50), (4.0, 250)], [(0.2, 90), (3.0, 10), (3.5, 400)]):
        for due, n_tokens, rate in itertools.product((0.1, 2.0, 9.0), (1, 60, 900), (50.0, 100.0)):
            expected = _latest_by_trial(waiting, due, n_tokens, rate)
            assert lateness(waiting, due=due, n_tokens=n_tokens, rate=rate) == pytest.approx(expected)


def test_the_rate_follows_a_machine_that_becomes_slower():
    pace = Pace()
    assert pace.rate == 0
    for _ in range(30):
        pace.saw(1000, 0.1)
    assert pace.rate == pytest.approx(10_000)
    for _ in range(30):
        pace.saw(1000, 0.4)
    assert pace.rate == pytest.approx(2500, rel=0.01)


def test_nobody_is_told_to_come_back_at_the_time_of_another_or_after_a_minute():
    pace = Pace()
    pace.saw(100, 1.0)
    assert [pace.come_back(0.0, late=3.0, n_tokens=200) for _ in range(4)] == [3, 5, 7, 9]
    # Time that has passed counts.
    assert pace.come_back(6.0, late=0.5, n_tokens=200) == 5
    assert max(pace.come_back(6.0, late=0.5, n_tokens=10_000) for _ in range(9)) == 60
