import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yanmo.errors import InputError
from yanmo.fit.loop.sampler import BatchPlan, PlannedBatches, plan_batches, share_size


def _mix(n=3000):
    rng = np.random.default_rng(0)
    lengths = np.concatenate([rng.integers(20, 180, n), rng.integers(200, 512, n // 4), rng.integers(300, 512, n // 4)])
    tasks = np.repeat([0, 1, 2], [n, n // 4, n // 4])
    return lengths.tolist(), tasks.tolist()


def test_padding_is_within_eight_per_cent_and_batches_keep_the_budget():
    lengths, tasks = _mix()
    plan = plan_batches(lengths, tasks=tasks, max_tokens=4096, n_epochs=1.0, balance=1.0, seed=0)
    computed = [len(b) * max(lengths[i] for i in b) for b in plan.batches]
    real = sum(lengths[i] for b in plan.batches for i in b)
    assert max(computed) <= 4096
    assert plan.padding_ratio == pytest.approx(sum(computed) / real)
    assert plan.padding_ratio <= 1.08


@given(st.lists(st.integers(1, 60), min_size=1, max_size=50), st.integers(1, 100), st.integers(0, 5))
def test_an_epoch_holds_every_pair_once(lengths, max_tokens, seed):
    plan = plan_batches(lengths, tasks=[0] * len(lengths), max_tokens=max_tokens, n_epochs=1.0, balance=1.0, seed=seed)
    assert sorted(i for b in plan.batches for i in b) == list(range(len(lengths)))


def test_balance_zero_gives_every_task_the_same_share_and_repeats_no_pair_early():
    lengths, tasks = _mix(400)
    plan = plan_batches(lengths, tasks=tasks, max_tokens=2048, n_epochs=1.0, balance=0.0, seed=1)
    drawn = np.array([i for b in plan.batches for i in b])
    shares = np.bincount(np.array(tasks)[drawn]) / len(drawn)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.01)
    counts = np.bincount(drawn, minlength=len(tasks))
    for task in range(3):
        of_task = counts[np.array(tasks) == task]
        assert of_task.max() - of_task.min() <= 1


def test_a_weight_gives_a_task_so_many_times_its_share():
    lengths, tasks = _mix(400)
    plan = plan_batches(
        lengths, tasks=tasks, max_tokens=2048, n_epochs=1.0, balance=0.0, seed=1, weights={0: 2.0, 2: 0.5}
    )
    drawn = np.array([i for b in plan.batches for i in b])
    shares = np.bincount(np.array(tasks)[drawn]) / len(drawn)
    assert shares == pytest.approx([2 / 3.5, 1 / 3.5, 0.5 / 3.5], abs=0.01)


def test_batches_mix_tasks_and_half_an_epoch_is_half():
    lengths, tasks = [30] * 100, [0, 1] * 50
    plan = plan_batches(lengths, tasks=tasks, max_tokens=300, n_epochs=1.5, balance=1.0, seed=0)
    assert sum(map(len, plan.batches)) == 150
    assert any(len({tasks[i] for i in b}) == 2 for b in plan.batches)
    assert list(PlannedBatches(plan)) == [b.tolist() for b in plan.batches]


def test_the_plan_is_a_function_of_its_arguments():
    lengths, tasks = _mix(200)
    one, same, other = (
        plan_batches(lengths, tasks=tasks, max_tokens=999, n_epochs=2.0, balance=0.5, seed=s).batches for s in (3, 3, 4)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=False))


def test_no_pair_is_an_error():
    with pytest.raises(InputError, match="no training pair"):
        plan_batches([], tasks=[], max_tokens=10, n_epochs=1.0, balance=1.0, seed=0)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 4))
def test_shares_of_a_batch_are_even_never_empty_and_make_it_whole(sizes, n_shares):
    batches = tuple(np.arange(sum(sizes[:i]), sum(sizes[: i + 1])) for i in range(len(sizes)))
    sampler = PlannedBatches(BatchPlan(batches, 1.0, 1.0), n_shares=n_shares)
    shares = list(sampler)
    assert len(shares) == len(sampler) == len(sizes) * n_shares
    assert all(shares)
    for i, batch in enumerate(batches):
        own = [share_size(len(batch), share=j, n_shares=n_shares) for j in range(n_shares)]
        assert max(own) - min(own) <= 1
        kept = [entry for j in range(n_shares) for entry in shares[i * n_shares + j][: own[j]]]
        assert sorted(kept) == batch.tolist()
