from yanmo.data.edits import find_differences
from yanmo.standard.explain import Effect, Explanation
from yanmo.standard.explain_marks import marked_texts
from yanmo.standard.explain_removal import Part


def explanation(texts, parts, *, turns=True):
    best = Effect(parts, (), 0.1, turns)
    return Explanation("t", texts, 0.9, 0.5, True, best, (best,), tuple(find_differences(*texts)), 3)


def test_marks_stand_around_what_they_mean_and_texts_are_escaped():
    texts = ("<b>花了500元", "花了300元")
    shown = marked_texts(explanation(texts, (Part(0, 3, 8),)), at_most=100)
    assert (
        shown[0] == "&lt;b&gt;<mark>花了</mark><mark><span class=differs>500</span></mark><span class=differs>元</span>"
    )
    assert shown[1] == "花了<span class=differs>300元</span>"


def test_words_that_turn_nothing_are_not_marked_and_long_texts_are_cut():
    shown = marked_texts(explanation(("一" * 30, "二"), (Part(0, 0, 2),), turns=False), at_most=10)
    assert shown == ("一" * 10 + "……（共 30 字）", "二")
