import pytest

from yanmo.serve.http.queue.batch_by_length import batch_by_length


def _cost(lengths, rows):
    return len(rows) * max(lengths[i] for i in rows)


def test_rows_of_one_length_fill_the_budget_and_no_more():
    assert sorted(batch_by_length([10] * 9, 0, max_tokens=50)) == [0, 1, 2, 3, 4]


def test_a_row_longer_than_the_budget_goes_alone():
    assert batch_by_length([5, 100, 99], 1, max_tokens=50) == [1]


@pytest.mark.parametrize("turn", range(8))
def test_the_row_whose_turn_it_is_is_always_in_and_its_company_is_near(turn):
    lengths = [12, 90, 13, 40, 41, 11, 88, 300]
    rows = batch_by_length(lengths, turn, max_tokens=180)
    assert turn in rows
    assert len(rows) == 1 or _cost(lengths, rows) <= 180
    chosen = [lengths[i] for i in rows]
    assert chosen == sorted(chosen)
    assert max(chosen) <= 1.5 * min(chosen)
    # Nothing that lies between two chosen rows is left out.
    assert {i for i, n in enumerate(lengths) if min(chosen) < n < max(chosen)} <= set(rows)


def test_the_nearer_neighbor_comes_first():
    # 20 is 1 from 21 and 4 from 16; there is room for two rows.
    assert batch_by_length([20, 16, 21], 0, max_tokens=42) == [0, 2]
