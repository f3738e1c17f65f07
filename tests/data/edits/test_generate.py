from collections import Counter

import pytest

from yanmo.data.edits import EditKind, edit_pairs
from yanmo.errors import InputError

TEXTS = [f"第{i}集讲了{i + 2}个故事，气温{i + 10}度。" for i in range(1, 41)]
KINDS = [EditKind.NUMBER, EditKind.PUNCTUATION, EditKind.WIDTH, EditKind.NUMERAL]


def test_same_seed_gives_the_same_pairs_and_another_others():
    assert list(edit_pairs(TEXTS, seed=1)) == list(edit_pairs(TEXTS, seed=1))
    assert list(edit_pairs(TEXTS, seed=1)) != list(edit_pairs(TEXTS, seed=2))


def test_kinds_that_all_texts_allow_come_equally_often():
    counts = Counter(edit.kind for edit in edit_pairs(TEXTS, kinds=KINDS))
    assert counts == dict.fromkeys(KINDS, len(TEXTS) // len(KINDS))


def test_rare_kind_is_taken_wherever_it_applies():
    texts = [*TEXTS, "怎么绑定卡", *TEXTS, "怎么注销卡"]
    edits = edit_pairs(texts, kinds=[*KINDS, EditKind.OPPOSITE])
    assert sum(edit.kind is EditKind.OPPOSITE for edit in edits) == 2


def test_only_trained_kinds_unless_asked():
    texts = ["5月3日公司起诉员工。", "花呗不能使用", *TEXTS]
    assert all(edit.kind.is_trained for edit in edit_pairs(texts, per_text=19))
    assert [edit.kind for edit in edit_pairs(texts, kinds=[EditKind.NEGATION])] == [EditKind.NEGATION]


def test_counts_are_kept():
    assert len(list(edit_pairs(TEXTS, n=7))) == 7
    per_text = Counter(edit.before for edit in edit_pairs(TEXTS, kinds=KINDS, per_text=3))
    assert set(per_text.values()) == {3}
    assert len({(edit.before, edit.kind) for edit in edit_pairs(TEXTS, per_text=3)}) == 3 * len(TEXTS)


def test_long_texts_are_passed_over():
    long_text = "气温35度。" + "好" * 200
    assert list(edit_pairs([long_text])) == []
    assert len(list(edit_pairs([long_text], max_characters=None))) == 1


def test_texts_are_read_as_pairs_are_asked_for():
    read = []
    edits = edit_pairs((read.append(text) or text for text in TEXTS), kinds=KINDS)
    assert read == []
    next(edits)
    assert read == TEXTS[:1]


def test_script_is_made_with_a_converter_and_refused_without():
    edits = edit_pairs(["发票。"], kinds=[EditKind.SCRIPT], convert_script=lambda text: text.replace("发", "發"))
    assert [edit.after for edit in edits] == ["發票。"]
    with pytest.raises(InputError, match="converter"):
        edit_pairs(["发票。"], kinds=[EditKind.SCRIPT])


@pytest.mark.parametrize("wrong", [{"n": 0}, {"per_text": 0}, {"max_characters": -1}, {"kinds": []}])
def test_counts_and_kinds_that_make_nothing_are_refused_at_once(wrong):
    with pytest.raises(InputError):
        edit_pairs(TEXTS, **wrong)
