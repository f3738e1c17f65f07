"""Scores by vectors are the matcher's own, in torch and exported, strict tasks bound by loose ones."""

import numpy as np
import pytest

from yanmo.collection.text_vectors import TextVectors
from yanmo.errors import InputError
from yanmo.match import Matcher

TEXTS = ["今天天气不错", "我们去公园", "学生", "今天", "天气不错我们去公园学生今天"]
PAIRS = [(a, b) for a in TEXTS for b in TEXTS]


def _by_vectors(matcher, texts, pairs):
    encoder = TextVectors(matcher, "strict")
    encoded = encoder.encode(texts)
    a, b = (np.array([texts.index(pair[side]) for pair in pairs]) for side in (0, 1))
    assert encoder.fits(encoded.lengths[a], encoded.lengths[b]).all()
    logits = encoder.logits(encoded.vectors[a], encoded.vectors[b])
    return encoder.verdict(logits, is_blank=np.zeros(len(pairs), dtype=bool), texts_of=pairs.__getitem__)


def test_scores_by_vectors_are_the_matchers_own(alone):
    matcher = alone()
    found = _by_vectors(matcher, TEXTS, PAIRS)
    np.testing.assert_allclose(found.probabilities, matcher.score(PAIRS, task="strict"), atol=5e-3)


def test_an_export_scores_by_vectors_as_torch_does(alone_exported):
    torch_matcher, folder = alone_exported
    found = _by_vectors(Matcher.from_pretrained(folder), TEXTS, PAIRS)
    np.testing.assert_allclose(found.probabilities, torch_matcher.score(PAIRS, task="strict"), atol=5e-3)


def test_unsymmetric_tasks_keep_their_sides(alone):
    matcher = alone(symmetric=False)
    found = _by_vectors(matcher, TEXTS, PAIRS)
    np.testing.assert_allclose(found.probabilities, matcher.score(PAIRS, task="strict"), atol=5e-3)


def test_a_texts_vector_is_the_same_in_any_company(alone):
    encoder = TextVectors(alone(), "strict")
    together = encoder.encode(TEXTS).vectors
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(encoder.encode([text]).vectors[0].astype(float), vector.astype(float), atol=2e-3)


def test_texts_that_do_not_fit_together_are_told_apart(alone):
    encoder = TextVectors(alone(budget=8), "loose")
    lengths = encoder.encode(["今天", "今天天气不错我们去公园学生", "今天" * 50_000, "", "  \u200b"]).lengths
    assert lengths.tolist() == [4, 15, 100_002, 0, 0]
    assert encoder.fits(lengths[:1], lengths[1:3]).tolist() == [False, False]


def test_texts_that_meet_are_refused(tiny_matcher):
    with pytest.raises(InputError, match="reads both texts of a pair together"):
        TextVectors(tiny_matcher(joint_from=1), "loose")


def test_a_learned_standard_is_scored_by_the_vectors_of_its_sources(alone):
    from yanmo.data import TaskSet
    from yanmo.match.engines.learned_engine import with_heads
    from yanmo.match.engines.learned_head import LearnedHead, SourceWeights

    plain = alone()
    sources = (
        SourceWeights(name="strict", leaning=2.0, differences=(0.3, -0.2) * 4),
        SourceWeights(name="loose", distance=-0.5, products=(0.1,) * 8),
    )
    own = plain.matching.task_set.tasks[0].model_copy(update={"name": "own"})
    matching = plain.matching.model_copy(
        update={"task_set": TaskSet(name="three", tasks=(*plain.matching.task_set.tasks, own))}
    )
    engine = with_heads(plain.engine, ["loose", "strict"], {"own": LearnedHead(sources=sources, bias=0.2)})
    matcher = Matcher(engine, plain.pair_encoder, matching)
    encoder = TextVectors(matcher, "own")
    assert (encoder.tasks, encoder.sources) == (("own",), ("strict", "loose"))
    encoded = encoder.encode(TEXTS)
    a, b = (np.array([TEXTS.index(pair[side]) for pair in PAIRS]) for side in (0, 1))
    found = encoder.logits(encoded.vectors[a], encoded.vectors[b])[:, 0]
    np.testing.assert_allclose(found, matcher.logits(PAIRS, task="own"), atol=2e-2)
