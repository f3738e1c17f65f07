"""A pair's score is the same bits alone, anywhere in any batch, and with any number of threads."""

import numpy as np
import pytest

from yanmo.export import WeightForm, WeightPlan, export_matcher
from yanmo.match import HeadKind
from yanmo.match.engines.onnx_engine import OnnxEngine
from yanmo.tokenize import PairBudget, PairLayout

N_PAIRS = 500
CHARACTERS = [*"今天气不错我们去公园学生", "，", "x"]
ROWS = WeightPlan.uniform(WeightForm.INT8_ROWS)
PLANS = {
    "float32": WeightPlan.uniform(WeightForm.FLOAT32),
    "int8-rows": ROWS,
    "int4-rows below": WeightPlan(WeightForm.INT4, WeightForm.INT4_ROWS, WeightForm.INT8_ROWS, upper_from=1),
}
# Wide enough for every large matrix to be stored rounded.
WIDE = {"width": 128, "inner_width": 256, "head_width": 128, "n_heads": 4}
ARCHITECTURES = {
    "texts apart": {"joint_from": 2, "conditional_from": 1, "side_vectors": True},
    "texts meet late": {"joint_from": 1, "conditional_from": 1, "head": HeadKind.ALIGNMENT},
    "one input": {"joint_from": 0, "conditional_from": 0, "layout": PairLayout.JOINT, "head": HeadKind.POOLED},
}


@pytest.fixture(scope="module")
def written(tiny_matcher, tmp_path_factory):
    """Gives a matcher of an architecture and the graph of its export by a plan; written once."""
    made = {}

    def give(plan, architecture):
        if (plan, architecture) not in made:
            matcher = tiny_matcher(**WIDE, **ARCHITECTURES[architecture])
            folder = tmp_path_factory.mktemp("company") / "out"
            export_matcher(matcher, folder, plan=PLANS[plan])
            made[plan, architecture] = matcher, folder / "model.onnx"
        return made[plan, architecture]

    return give


def _pairs():
    rng = np.random.default_rng(0)
    return [tuple("".join(rng.choice(CHARACTERS, rng.integers(0, 41))) for _ in range(2)) for _ in range(N_PAIRS)]


@pytest.mark.parametrize(
    ("plan", "architecture"),
    [
        *((plan, "texts apart") for plan in PLANS),
        ("int8-rows", "texts meet late"),
        ("int8-rows", "one input"),
    ],
)
def test_no_bit_of_a_score_depends_on_its_company(written, plan, architecture):
    matcher, graph = written(plan, architecture)
    encoded = matcher.pair_encoder.encode_batch(_pairs(), budgets=PairBudget(32, 32))
    tasks = [i % 2 for i in range(N_PAIRS)]
    engine = OnnxEngine(graph, n_threads=1)
    alone = np.array([engine.logits([pair], [task])[0] for pair, task in zip(encoded, tasks, strict=True)])
    assert np.ptp(alone) > 0.05
    rng = np.random.default_rng(1)
    for other in (engine, OnnxEngine(graph, n_threads=2), OnnxEngine(graph, n_threads=1, max_tokens=300)):
        order, found = rng.permutation(N_PAIRS), np.empty_like(alone)
        while len(order):
            n = rng.integers(1, 65)
            batch, order = order[:n], order[n:]
            found[batch] = other.logits([encoded[i] for i in batch], [tasks[i] for i in batch])
        assert (found == alone).all()
    # Under both tasks at once as under each.
    both = engine.logits([pair for pair in encoded for _ in range(2)], [0, 1] * N_PAIRS).reshape(-1, 2)
    assert (both[np.arange(N_PAIRS), tasks] == alone).all()


def test_one_pair_three_times_in_a_batch_of_odd_tokens_scores_three_times_alike(written):
    matcher, graph = written("int4-rows below", "texts apart")
    [pair] = matcher.pair_encoder.encode_batch([("今天天气", "天气不错我们")], budgets=PairBudget(32, 32))
    assert len(pair) % 2 == 0
    [odd] = matcher.pair_encoder.encode_batch([("今天天气", "天气不错我")], budgets=PairBudget(32, 32))
    engine = OnnxEngine(graph, n_threads=1)
    for each in (pair, odd):
        assert len({*engine.logits([each] * 3, [0] * 3).tolist(), *engine.logits([each], [0]).tolist()}) == 1


def test_the_head_of_a_graph_scores_the_vectors_that_the_graph_gives(written):
    matcher, graph = written("int4-rows below", "texts apart")
    encoded = matcher.pair_encoder.encode_batch(_pairs()[:40], budgets=PairBudget(32, 32))
    tasks = [i % 2 for i in range(40)]
    engine = OnnxEngine(graph, n_threads=1)
    logits, vectors = engine.logits_and_vectors(encoded, tasks)
    assert (logits == engine.logits(encoded, tasks)).all()
    np.testing.assert_array_equal(engine.score_vectors(vectors[:, 0], vectors[:, 1], tasks), logits)
