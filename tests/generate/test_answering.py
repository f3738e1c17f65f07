import numpy as np
import pytest

from yanmo.errors import InputError
from yanmo.generate import (
    Decoding,
    Demonstration,
    FewShot,
    LabelSample,
    TooLong,
    answer,
    answer_by_label,
    stream_answer,
)


def make(**more):
    shown = tuple(Demonstration(input=letter, output=letter.upper()) for letter in "abcd")
    return FewShot(template="{input}{output}", demonstrations=shown, decoding=Decoding(max_new_tokens=5), **more)


def test_answers_are_continuations_of_the_prompt(model):
    task = make(stop="b")
    found = answer(model, task, ["x", "yy"])
    for query, one in zip(["x", "yy"], found, strict=True):
        [plain] = model.generate([task.prompt(query)], decoding=Decoding(max_new_tokens=5, stop="b"))
        assert one.completion == plain
        pieces = []
        assert stream_answer(model, task, query, pieces.append) == one
        assert "".join(pieces) == plain.text


def test_judgements_name_their_labels(model):
    task = make(labels=("A", "B", "C", "D", "EE"), content_free=("0", "?"), sample=LabelSample(n_labels=3, seed=5))
    first, second = answer_by_label(model, task, ["x", "y"], right=["B", "EE"])
    assert [choice.label_set for choice in first.choices] == ["all 5", "sampled 3 of 5, seed 5"]
    assert second.choices[1].label_set == "sampled 3 of 5, seed 6"
    assert "B" in first.choices[1].labels
    assert "EE" in second.choices[1].labels
    prompts = [task.prompt(text) for text in ("x", "y", "0", "?")]
    plain = model.label_scores(prompts, task.labels)
    for i, scored in enumerate((first, second)):
        whole = scored.choices[0]
        np.testing.assert_allclose(whole.log_likelihoods, plain[i].log_likelihoods, atol=1e-4)
        np.testing.assert_allclose(whole.content_free, [plain[2].log_likelihoods, plain[3].log_likelihoods], atol=1e-4)
        assert whole.n_tokens.tolist() == [1, 1, 1, 1, 2]


def test_demonstrations_are_dropped_for_all_queries_alike(model):
    task = make(too_long=TooLong.KEEP_NEWEST)
    long = "x" * 53
    short_answer, long_answer = answer(model, task, ["x", long])
    assert short_answer.n_dropped == long_answer.n_dropped == 2
    [expected] = model.generate([task.prompt("x", n_dropped=2)], decoding=task.decoding_with_stop)
    assert short_answer.completion == expected
    assert answer(model, task, ["x"])[0].n_dropped == 0
    with pytest.raises(InputError, match="positions for 59"):
        answer(model, task, ["x" * 70])
    with pytest.raises(InputError, match="positions for 59"):
        answer(model, make(), [long])


def test_cut_prompts_say_so(model):
    task = make(too_long=TooLong.CUT_LEFT, labels=("A", "B", "C", "D"))
    [scored] = answer_by_label(model, task, ["x" * 60])
    assert scored.choices[0].n_cut == len("aA\nbB\ncC\ndD\n") + 60 - 63
    assert answer_by_label(model, task, ["x"])[0].choices[0].n_cut == 0


def test_what_cannot_be_judged(model):
    with pytest.raises(InputError, match="no labels"):
        answer_by_label(model, make(), ["x"])
    with pytest.raises(InputError, match="1 queries came with 2 right labels"):
        answer_by_label(model, make(labels=("A", "B", "C", "D")), ["x"], right=["A", "B"])
    with pytest.raises(InputError, match="'a' is given twice"):
        model.label_scores(["x"], ["a", "a"])
    with pytest.raises(InputError, match="a label is empty"):
        model.label_scores(["x"], ["a", ""])
    with pytest.raises(InputError, match="there are no labels"):
        model.label_scores(["x"], [])
    assert model.label_scores([], ["a"]) == []
