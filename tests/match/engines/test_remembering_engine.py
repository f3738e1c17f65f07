import numpy as np

from yanmo.match import Matcher
from yanmo.match.engines.remembering_engine import RememberingEngine

PAIRS = [("今天天气不错", "今天天气好"), ("我们去公园", "我们去公园"), ("今天", "")]


class _Counting:
    def __init__(self, engine):
        self.engine, self.asked = engine, []

    def logits(self, pairs, task_indices):
        self.asked.append(len(pairs))
        return self.engine.logits(pairs, task_indices)

    def save(self, folder):
        self.engine.save(folder)

    def identity(self):
        return self.engine.identity()


def test_a_pair_is_scored_once_under_each_standard_and_as_without_it(tiny_matcher):
    plain = tiny_matcher()
    counting = _Counting(plain.engine)
    matcher = Matcher(RememberingEngine(counting), plain.pair_encoder, plain.matching)
    for tasks, n_new in ((["loose"], 3), (["loose", "strict"], 3), (["strict"], 0)):
        counting.asked.clear()
        found, expected = (each.judge(PAIRS, tasks=tasks) for each in (matcher, plain))
        assert sum(counting.asked) == n_new
        for task in tasks:
            np.testing.assert_allclose(found[task].probabilities, expected[task].probabilities, atol=1e-6)
    counting.asked.clear()
    # Another text, another order, and one pair twice in a call.
    matcher.score([PAIRS[0], PAIRS[0][::-1], PAIRS[0][::-1], ("公园", "学生"), PAIRS[1]], task="strict")
    assert counting.asked == [2]
    assert matcher.identity() == plain.identity()


def test_what_is_saved_is_the_other_engine(tiny_matcher, tmp_path):
    plain = tiny_matcher()
    Matcher(RememberingEngine(plain.engine), plain.pair_encoder, plain.matching).save_pretrained(tmp_path / "m")
    np.testing.assert_allclose(
        Matcher.from_pretrained(tmp_path / "m").logits(PAIRS, task="strict"),
        plain.logits(PAIRS, task="strict"),
        atol=1e-6,
    )
