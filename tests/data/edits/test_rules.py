"""What all kinds have in common: on texts to which each kind applies, and on the sentences of the finders."""

from functools import cache
from pathlib import Path
from random import Random

import pytest
import yaml

from yanmo.data.edits import EDIT_RULES, EditKind, script_rule

from .plain_meaning import plain_meaning

SENTENCES = [s["text"] for s in yaml.safe_load(Path(__file__).with_name("sentences.yaml").read_text(encoding="utf-8"))]
TEXTS = [
    "昨天气温35度，三人花了1万元",
    "2023年5月1日公司借了300万元，利率10%",
    "他跑了5公里，用了20分钟。",
    "河北省的大学怎么报名",
    "特朗普和拜登谁赢了？",
    "怎么绑定银行卡",
    "股票上涨了百分之五十！",
    "花呗临时额度怎么提升",
    "如果合同没有到期，房东要收房怎么办",
    "手机可以下载文件吗",
    "请问怎么更改手机号",
    "买了ＡＢＣ 产品，说“好”。",
    "公司起诉员工需要什么材料",
    "这个手机不支持花呗，可以用别的。",
    "特斯拉和比亚迪哪个好",
    "我喜欢苹果、香蕉、桃子、梨子",
    "付了12000元，还差两个月",
]
DRAWS = range(3)


@cache
def edits_of(kind):
    rule = EDIT_RULES[kind]
    return [edit for text in TEXTS + SENTENCES for seed in DRAWS if (edit := rule(text, Random(seed))) is not None]


@pytest.mark.parametrize("kind", EDIT_RULES, ids=lambda kind: kind.value)
def test_edit_is_of_its_kind_and_of_its_text(kind):
    edits = edits_of(kind)
    assert edits
    assert {edit.kind for edit in edits} == {kind}
    assert all(edit.before in TEXTS + SENTENCES and edit.after != edit.before and edit.what for edit in edits)


@pytest.mark.parametrize("kind", [kind for kind in EDIT_RULES if not kind.is_harmless], ids=lambda kind: kind.value)
def test_hard_edit_changes_what_is_said(kind):
    assert [e for e in edits_of(kind) if plain_meaning(e.before) == plain_meaning(e.after)] == []


@pytest.mark.parametrize("kind", [kind for kind in EDIT_RULES if kind.is_harmless], ids=lambda kind: kind.value)
def test_harmless_edit_says_the_same(kind):
    def said(text):
        plain = plain_meaning(text)
        return sorted(plain) if kind is EditKind.LIST_ORDER else plain

    assert [(e.before, e.after) for e in edits_of(kind) if said(e.before) != said(e.after)] == []


@pytest.mark.parametrize("kind", EDIT_RULES, ids=lambda kind: kind.value)
def test_edit_is_a_function_of_text_and_seed(kind):
    rule = EDIT_RULES[kind]
    for text in TEXTS:
        assert rule(text, Random(3)) == rule(text, Random(3))


@pytest.mark.parametrize("kind", EDIT_RULES, ids=lambda kind: kind.value)
@pytest.mark.parametrize("text", ["", " ", "。", "\ud800", "甲", "A", "1", "《", "、、、、", "👍🏻" * 3, "\n"])
def test_texts_that_say_nothing_pass_through(kind, text):
    edit = EDIT_RULES[kind](text, Random(0))
    assert edit is None or kind.is_harmless


def test_script_rule_asks_the_converter_alone():
    rule = script_rule(lambda text: text.replace("发", "發"))
    assert rule("发票", Random(0)).after == "發票"
    assert rule("發票", Random(0)) is None


def test_labels_follow_the_kinds():
    assert {kind for kind in EditKind if not kind.is_trained} == {
        EditKind.ROLE_SWAP,
        EditKind.DATE,
        EditKind.NEGATION,
        EditKind.COMPANY,
        EditKind.LIST_ORDER,
    }
    for kind in EDIT_RULES:
        assert {edit.label for edit in edits_of(kind)} == {int(kind.is_harmless)}
