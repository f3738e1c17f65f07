"""Groups: spelling first, no chains, who stays, what a second run costs, what a kill costs, and bad input."""

import csv
import itertools
import os
from types import SimpleNamespace

import numpy as np
import pytest

from yanmo.collection import candidates, deduplicate
from yanmo.collection.groups import group_matches
from yanmo.collection.texts import read_texts
from yanmo.data.plain_text import shared_pairs
from yanmo.errors import InputError

TEXTS = [
    "怎么绑定银行卡",
    "怎么绑定银行卡",
    "怎么绑定 银行卡。",
    "银行卡怎么绑定",
    "怎么解除绑定",
    "今天天气不错",
    "",
    "",
]


def _groups(found):
    return [row.group for row in found.rows]


def test_equal_spelled_and_matched_rows_go_together_and_empty_ones_stay_apart(characters):
    found = deduplicate(TEXTS, matcher=characters, task="strict")
    assert _groups(found) == [1, 1, 1, 1, 2, 3, 4, 5]
    assert [row.keep for row in found.rows] == [True, False, False, False, True, True, True, True]
    assert (found.n_identical, found.n_spelled, found.n_matched, found.n_groups) == (1, 1, 1, 5)
    assert [row.reason for row in found.rows[:4]] == ["", "完全相同 identical", "只差写法 spelling", "匹配 match 1.00"]


def test_every_merge_is_the_standards_own_decision(characters):
    texts = [a + b for a in ("怎么", "如何", "") for b in ("绑定银行卡", "解除银行卡", "绑定银行卡多少钱")]
    found = deduplicate(texts, matcher=characters, task="strict")
    members = {}
    for row, text in zip(found.rows, texts, strict=True):
        members.setdefault(row.group, []).append(text)
    pairs = [(a, b) for some in members.values() for a in some for b in some if a != b]
    assert pairs
    assert characters.decide(pairs, task="strict").all()


def test_a_chain_is_not_merged():
    line = np.arange(6)

    class Judged:
        def __init__(self, near):
            self.probabilities, self.accepted = near.astype(np.float32), near

    found = group_matches(line, line[:-1], line[1:], judge=lambda a, b: Judged(abs(a - b) <= 1))
    assert found.tolist() == [0, 0, 2, 2, 4, 4]


@pytest.mark.parametrize(
    ("keep", "kept"), [("first", "1"), ("longest", "2"), ("newest:when", "3"), ("newest:count", "2")]
)
def test_who_stays(characters, keep, kept):
    rows = [
        {"text": "退款", "when": "2026-01-02", "count": "9"},
        {"text": "退款。。", "when": "", "count": "10"},
        {"text": "退款", "when": "2026-01-10", "count": ""},
    ]
    found = deduplicate(rows, matcher=characters, task="strict", keep=keep, column="text")
    assert [row.id for row in found.rows if row.keep] == [kept]


def test_differences_in_numbers_are_said_and_listed(make_characters):
    found = deduplicate(["退款要三天", "退款要五天"], matcher=make_characters(at=0.1), task="strict")
    assert _groups(found) == [1, 1]
    assert found.rows[1].reason.endswith("数字 三天→五天")
    assert [(pair.id_a, pair.id_b, pair.merged) for pair in found.doubtful] == [("1", "2", True)]


def test_what_must_not_differ_keeps_matches_apart_and_is_listed(make_characters):
    matcher = make_characters(at=0.1)
    texts = ["退款要三天", "退款要五天", "退款要3天", "退款要天"]
    found = deduplicate(texts, matcher=matcher, task="strict", apart="number")
    # The fourth names no number, so it may go with the first; 三 and 3 are one number.
    assert _groups(found) == [1, 2, 1, 1]
    held = {(pair.id_a, pair.id_b): pair.why for pair in found.doubtful if not pair.merged}
    assert held["1", "2"] == "数字 三天→五天"
    assert held["2", "3"] in {"数字 五天→3天", "数字 3天→五天"}
    assert _groups(deduplicate(texts, matcher=matcher, task="strict", apart=["date", "place"])) == [1, 1, 1, 1]


def test_a_negation_or_a_change_of_sides_keeps_matches_apart_too(make_characters):
    matcher = make_characters(at=0.1)
    texts = ["退款要三天", "退款不要三天", "微信给银行退款", "银行给微信退款"]
    found = deduplicate(texts, matcher=matcher, task="strict", apart="negation,order")
    assert not {frozenset({"1", "2"}), frozenset({"3", "4"})} & {
        frozenset({pair.id_a, pair.id_b}) for pair in found.doubtful if pair.merged
    }
    held = {(pair.id_a, pair.id_b): pair.why for pair in found.doubtful if not pair.merged}
    assert held["1", "2"] == "否定 要→不要"
    assert held["3", "4"] == "次序 微信给银行→银行给微信"


def test_what_must_not_differ_holds_within_groups_too(make_characters):
    """A text without a number goes with the first that it matches; one with another number cannot follow it there."""
    texts = ["退款要三天", "退款要天", "退款要五天"]
    found = deduplicate(texts, matcher=make_characters(at=0.1), task="strict", apart="number", keep="longest")
    numbers = {row.group: set() for row in found.rows}
    for row, text in zip(found.rows, texts, strict=True):
        numbers[row.group] |= set(text) & set("三五")
    assert max(map(len, numbers.values())) == 1


def test_copies_share_most_of_their_neighboring_characters(make_characters):
    matcher, texts = make_characters(at=0.1), ["怎么退款退费用", "怎么退款退费", "怎么银行退款费用"]
    assert shared_pairs(*texts[:2]) == 5 / 6
    assert shared_pairs("ＡＢＣ。", "abc") == 1
    assert _groups(deduplicate(texts, matcher=matcher, task="strict")) == [1, 1, 1]
    found = deduplicate(texts, matcher=matcher, task="strict", overlap=0.8)
    assert _groups(found) == [1, 1, 2]
    # What shares too little with all others is found by its characters, and not even encoded.
    assert (found.n_encoded, found.n_scored, found.count.k, found.count.recall) == (2, 1, None, 1.0)
    by_neighbors = deduplicate(texts, matcher=matcher, task="strict", overlap=0.8, candidates=2)
    assert _groups(by_neighbors) == [1, 1, 2]
    assert {pair.why for pair in by_neighbors.doubtful if not pair.merged} == {
        f"共有的字对 overlap {shared_pairs(texts[i], texts[2]):.2f}" for i in (0, 1)
    }
    alone = deduplicate(texts[1:], matcher=matcher, task="strict", overlap=0.9)
    assert (_groups(alone), alone.n_encoded) == ([1, 2], 0)
    with pytest.raises(InputError, match=r"overlap is 1\.5, expected 0 to 1"):
        deduplicate(texts, matcher=matcher, task="strict", overlap=1.5)


def test_where_a_sample_finds_few_matches_more_texts_are_compared_with_their_nearest(make_characters, monkeypatch):
    monkeypatch.setattr(candidates, "_SAMPLE_PAIRS", 1000)
    monkeypatch.setattr(candidates, "_ENOUGH", 1 << 30)
    letters = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄"
    texts = ["".join(pair) for pair in itertools.combinations(letters, 2)][:63]
    found = deduplicate(texts, matcher=make_characters(at=0.1), task="strict", recall=0.5)
    # Under this standard all 62 others match: of 20 texts against all, and of the 43 left against their nearest.
    assert (found.count.n_sampled, found.count.n_near, found.count.n_matches) == (20, 43, 63 * 62)
    assert found.count.k == 50
    assert found.count.recall == pytest.approx(50 / 62)


def test_scores_kept_by_an_index_are_the_standards_whatever_was_kept_apart(make_characters, tmp_path):
    matcher, texts = make_characters(at=0.1), ["退款要三天", "退款要五天"]
    given = {"matcher": matcher, "task": "strict", "index": tmp_path / "index"}
    assert _groups(deduplicate(texts, apart="number", **given)) == [1, 2]
    again = deduplicate(texts, **given)
    assert (_groups(again), again.n_encoded, again.n_scored) == ([1, 1], 0, 0)


def test_pairs_near_the_threshold_are_listed_apart(make_characters):
    texts = ["今天天气不错", "今天天气不好"]
    cosine_at_half = make_characters(steepness=40.0)
    p = float(cosine_at_half.score([tuple(texts)], task="strict")[0])
    assert abs(p - 0.5) > 0.1
    flat = make_characters(steepness=0.01, at=-200.0)  # every pair at sigmoid(2.0x - 2)
    found = deduplicate(texts, matcher=flat, task="strict")
    assert [pair.why for pair in found.doubtful] == ["离阈值 0.50 近 near the threshold"]


def test_a_second_run_encodes_and_scores_only_what_is_new(characters, tmp_path):
    first = deduplicate(TEXTS, matcher=characters, task="strict", index=tmp_path / "idx", candidates=4)
    assert first.n_encoded == 4
    again = deduplicate(TEXTS, matcher=characters, task="strict", index=tmp_path / "idx", candidates=4)
    assert (again.n_encoded, again.n_scored) == (0, 0)
    assert again.rows == first.rows
    more = deduplicate([*TEXTS, "我们去公园"], matcher=characters, task="strict", index=tmp_path / "idx", candidates=4)
    assert more.n_encoded == 1
    assert more.n_scored == 4  # the new text with each of the four others


def test_the_output_keeps_columns_and_is_safe_in_a_spreadsheet(characters, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("id,text,price\nq1,退款,=1+1\nq2,退款,-3\n", "utf-8")
    deduplicate(source, matcher=characters, task="strict", out=tmp_path / "b.csv")
    with (tmp_path / "b.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["group"], row["keep"], row["reason"]) for row in rows] == [
        ("q1", "1", "1", ""),
        ("q2", "1", "0", "完全相同 identical"),
    ]
    assert [row["price"] for row in rows] == ["'=1+1", "-3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv", "b.review.csv"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx", ".parquet"])
def test_of_two_outputs_the_one_for_a_person_may_be_there_already(make_characters, tmp_path, suffix):
    """A kill between the two leaves it; somebody else's file of that name is kept."""
    out, review = tmp_path / f"b{suffix}", tmp_path / f"b.review{suffix}"
    given = {"matcher": make_characters(at=0.1), "task": "strict", "out": out}
    texts = ["退款要三天", "退款要五天"]
    deduplicate(texts, **given)
    first = read_texts(out, column="reason")
    assert first.texts[1].endswith("数字 三天→五天")
    assert read_texts(review, column="why", id_column="id_a").texts == ["数字 三天→五天"]
    out.unlink()
    deduplicate(texts, **given)
    assert read_texts(out, column="reason").rows == first.rows
    out.unlink()
    review.write_text("somebody's own\n")
    with pytest.raises(InputError, match=rf"b\.review\{suffix}: exists"):
        deduplicate(texts, **given)
    assert review.read_text() == "somebody's own\n"


def test_one_row_and_many_equal_rows(characters):
    assert _groups(deduplicate(["退款"], matcher=characters, task="strict")) == [1]
    many = deduplicate(["退款"] * 100_000, matcher=characters, task="strict")
    assert many.n_groups == 1
    assert many.n_encoded == 1


def test_long_texts_are_judged_by_the_matcher_itself(make_characters):
    long = "今天天气" * 25_000
    matcher = make_characters()
    found = deduplicate([long, long + "不错", "退款"], matcher=matcher, task="strict")
    same = bool(matcher.decide([(long, long + "不错")], task="strict")[0])
    assert _groups(found) == ([1, 1, 2] if same else [1, 2, 3])


@pytest.mark.parametrize(
    ("rows", "options", "problem"),
    [
        ([], {}, "holds no text"),
        ([{"id": "a", "text": "甲"}, {"id": "a", "text": "乙"}], {}, "the id 'a' is there twice"),
        ([{"question": "甲", "title": "乙"}], {}, "several columns may hold the text: title, question"),
        ([{"a": "甲", "b": "乙"}], {}, "no column is known to hold the text"),
        ([{"text": 3}], {}, "not a text"),
        (["甲"], {"task": "sided"}, "'sided' is not symmetric"),
        (["甲"], {"task": "none"}, "unknown task 'none'"),
        (["甲"], {"keep": "newest:when"}, "no column 'when'"),
        (["甲"], {"keep": "last"}, "--keep is 'last'"),
        (["甲", "乙"], {"recall": 0.0}, "a recall of 0.0"),
    ],
)
def test_bad_input_is_refused_by_name(characters, rows, options, problem):
    with pytest.raises(InputError, match=problem):
        deduplicate(rows, matcher=characters, **{"task": "strict", **options})


def test_the_index_of_another_model_is_refused(characters, make_characters, tmp_path):
    deduplicate(TEXTS, matcher=characters, task="strict", index=tmp_path / "idx")
    with pytest.raises(InputError, match="is the index of another model: its weights"):
        deduplicate(TEXTS, matcher=make_characters(at=0.7), task="strict", index=tmp_path / "idx")
    with pytest.raises(InputError, match="is an index under 'strict', not 'loose'"):
        deduplicate(TEXTS, matcher=characters, task="loose", index=tmp_path / "idx")


def test_no_space_left_is_an_error_that_names_the_file_and_loses_nothing(characters, tmp_path, monkeypatch):
    deduplicate(TEXTS[:4], matcher=characters, task="strict", index=tmp_path / "idx")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("yanmo.collection.vector_folder.os", SimpleNamespace(**{**vars(os), "fsync": full}))
        with pytest.raises(OSError, match="No space left") as refused:
            deduplicate(TEXTS, matcher=characters, task="strict", index=tmp_path / "idx")
    assert "vectors.0.f16" in str(refused.value.filename)
    found = deduplicate(TEXTS, matcher=characters, task="strict", index=tmp_path / "idx")
    assert _groups(found) == [1, 1, 1, 1, 2, 3, 4, 5]
