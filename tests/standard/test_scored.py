import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.match import Decision
from yanmo.standard.scored import labelled_pairs, score_pairs

ROWS = [("一丁七万", "一丁七万", 1), ("一丁七万", "下丌不与", 0), ("一丁七万", "一丁七丈", 1)]


def test_triples_dicts_and_files_are_the_same_pairs(overlap_matcher, tmp_path):
    matcher, _ = overlap_matcher
    dicts = [{"source": a, "target": b, "labelA": label} for a, b, label in ROWS]
    path = tmp_path / "labelled.csv"
    path.write_text("source,target,labelA\n" + "".join(f"{a},{b},{label}\n" for a, b, label in ROWS), encoding="utf-8")
    found = [
        [(pair.text0, pair.text1, pair.label) for pair in labelled_pairs(matcher, data, task="ssA")]
        for data in (ROWS, dicts, path)
    ]
    assert found == [ROWS] * 3


def test_what_is_no_labelled_pair_is_named(overlap_matcher):
    matcher, _ = overlap_matcher
    for wrong, said in (
        ([*ROWS, ("一", "丁")], "row 3 is no"),
        ([("一", "丁", 7)], "label 7"),
        ([], "no labelled pair"),
    ):
        with pytest.raises(InputError, match=said):
            labelled_pairs(matcher, wrong, task="ssA")


def test_a_threshold_accepts_what_reaches_the_score_and_nothing_else(overlap_matcher):
    matcher, _ = overlap_matcher
    closing = Decision(threshold=0.6)
    matcher.matching = matcher.matching.with_decision("ssA", closing)
    pairs = labelled_pairs(matcher, ROWS, task="ssA")
    scored = score_pairs(matcher, pairs, task="ssB")
    texts = [(a, b) for a, b, _ in ROWS]
    for threshold in (0.0, 0.1, float(scored.scores[0]), 1.0):
        rule = matcher.matching.decision("ssB").model_copy(update={"threshold": threshold})
        matcher.matching = matcher.matching.with_decision("ssB", rule)
        np.testing.assert_array_equal(matcher.decide(texts, task="ssB"), scored.scores >= np.float32(threshold))
    assert scored.scores[1] == -1
