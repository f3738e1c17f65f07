import re

import numpy as np
import pytest

from yanmo.data import Pair
from yanmo.errors import InputError
from yanmo.standard.audit import audit_labels
from yanmo.standard.audit_features import read_features
from yanmo.standard.audit_report import write_audit
from yanmo.standard.explain import explain_pairs


def character(i):
    return chr(0x4E00 + i)


def labelled(n=80, *, wrong=()):
    """Pairs of six characters: matches share five of them, the others one; some with the wrong label."""
    rng = np.random.default_rng(0)
    made = []
    for row in range(n):
        a = [character(i) for i in rng.choice(900, 6, replace=False)]
        match = row % 2 == 0
        b = [*a[:5], character(950 + row % 50)] if match else [a[0], *(character(900 + j) for j in range(5))]
        made.append(Pair("".join(a), "".join(b), int(match != (row in wrong)), None, row + 1, "<b>.csv"))
    return made


def test_wrong_labels_come_first_with_the_nearest_pairs_of_both_kinds(overlap_matcher):
    matcher, _ = overlap_matcher
    wrong = {4, 17, 33}
    pairs = labelled(wrong=wrong)
    found = audit_labels(matcher, pairs, task="ssA", n_suspects=5)
    assert {suspect.row for suspect in found.suspects[:3]} == wrong
    assert found.is_learned is True
    assert len(found.suspects) == 5
    assert found.n_contradicted == 3
    for suspect in found.suspects:
        assert suspect.suggested == 1 - suspect.label == 1 - pairs[suspect.row].label
        assert all(pairs[like.row].label == suspect.label for like in suspect.agreeing)
        assert all(pairs[like.row].label != suspect.label for like in suspect.disagreeing)
        assert suspect.row not in {like.row for like in (*suspect.agreeing, *suspect.disagreeing)}
    assert found.doubts == pytest.approx(np.clip(found.doubts, 0, 1))


def test_the_own_label_is_never_asked(overlap_matcher):
    matcher, _ = overlap_matcher
    before = audit_labels(matcher, labelled(), task="ssA")
    after = audit_labels(matcher, labelled(wrong={10}), task="ssA")
    # The label moves to the other side, what is told without it stays about where it was.
    assert after.doubts[10] == pytest.approx(1 - before.doubts[10], abs=0.05)


def test_few_labels_leave_the_probability_of_the_matcher(overlap_matcher):
    matcher, _ = overlap_matcher
    pairs = labelled(12, wrong={3})
    found = audit_labels(matcher, pairs, task="ssA")
    assert found.is_learned is False
    scores = matcher.score([(pair.text0, pair.text1) for pair in pairs], task="ssA")
    labels = np.array([pair.label for pair in pairs])
    assert found.doubts == pytest.approx(np.where(labels, 1 - scores, scores), abs=1e-4)
    one_kind = audit_labels(matcher, [pair for pair in pairs if pair.label == 1], task="ssA")
    assert one_kind.label_rate == 1


def test_contradictions_are_told_beside_a_suspect(overlap_matcher):
    matcher, _ = overlap_matcher
    rows = [("一丁", "七万", 1), ("七万", "丈三", 1), ("一丁", "丈三", 0), ("丈三", "一丁", 1), ("上", "上", 0)]
    pairs = [Pair(a, b, label, None, i + 1, "a.csv") for i, (a, b, label) in enumerate(rows)]
    found = audit_labels(matcher, pairs, task="ssA")
    assert found.structure.disputed == [[2, 3]]
    assert found.structure.identical == [4]
    by_row = {suspect.row: suspect for suspect in found.suspects}
    assert by_row[2].disputed == (3,)
    assert [triangle.rows for triangle in by_row[2].triangles] == [(0, 1, 2)]
    assert by_row[4].triangles == ()


def test_what_cannot_be_audited_is_refused(overlap_matcher):
    matcher, _ = overlap_matcher
    with pytest.raises(InputError, match="there is no labelled pair"):
        audit_labels(matcher, [], task="ssA")
    for label in (None, 0.4):
        pairs = [Pair("一", "丁", label, None, 7, "a.csv")]
        with pytest.raises(InputError, match=rf"a\.csv:7: the label is {label}"):
            audit_labels(matcher, pairs, task="ssA")
    with pytest.raises(InputError, match="unknown task"):
        audit_labels(matcher, labelled(4), task="law")
    with pytest.raises(InputError, match="0 suspects"):
        audit_labels(matcher, labelled(4), task="ssA", n_suspects=0)


def test_features_are_the_matchers_log_odds_and_vectors_of_length_one(exported):
    from yanmo.match import Matcher

    matcher, folder = exported
    texts = [("今天天气", "天气不错"), ("学生", "公园"), ("我们去公园", "我们去公园")]
    for each in (Matcher.from_pretrained(folder), matcher):
        found = read_features(each, texts, task="strict", beside=["loose"])
        p = each.score(texts, task="strict")
        assert found.log_odds == pytest.approx(np.log(p / (1 - p)), abs=1e-3)
        assert found.beside.shape == (3, 1)
        assert np.linalg.norm(found.vectors, axis=-1) == pytest.approx(np.ones((3, 2)), abs=1e-5)
        assert found.vectors[2, 0] == pytest.approx(found.vectors[2, 1], abs=1e-5)
        assert found.is_learned is True


def test_an_engine_without_vectors_is_helped_out_by_bigrams(overlap_matcher):
    matcher, _ = overlap_matcher
    found = read_features(matcher, [("一丁七", "一丁七"), ("一丁七", "上下不")], task="ssB")
    assert found.is_learned is False
    same, other = (found.vectors[:, 0] * found.vectors[:, 1]).sum(-1)
    assert same == pytest.approx(1)
    assert other < 0.5


def test_the_page_stands_alone_and_escapes_what_texts_say(overlap_matcher, tmp_path):
    matcher, _ = overlap_matcher
    pairs = [*labelled(wrong={4}), Pair("<script>一", "<script>一", 0, "<i>", 99, "<b>.csv")]
    found = audit_labels(matcher, pairs, task="ssA", n_suspects=4)
    why = explain_pairs(matcher, [(pairs[4].text0, pairs[4].text1)], task="ssA")
    path = tmp_path / "audit.html"
    write_audit(path, found, title="试 & 验", explanations={4: why[0]})
    page = path.read_text(encoding="utf-8")
    assert "试 &amp; 验" in page
    assert not re.search(r'(src|href)="?https?:|<script', page)
    assert "&lt;b&gt;.csv 第 5 行" in page
    assert "建议改为<b>匹配</b>" in page
    assert "最像它、标注与它相反" in page
    assert "模型自己判为匹配" in page
    assert "两段文本完全相同，却标为不匹配（1 对）" in page
    assert "<mark>" in page if why[0].turns else "<mark>" not in page
