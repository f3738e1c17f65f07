from pathlib import Path

import pytest

from yanmo.errors import InputError
from yanmo.generate import FewShot, TooLong

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("cpm_*.yaml"))

TASK = """\
instruction: 写出首都
template: "{input}：{output}。"
demonstrations:
  - {input: 法国, output: 巴黎}
  - {input: "1984{output}", output: "{input}"}
separator: "\\n\\n"
query: 中国
decoding:
  method: beam
  stop: 。
"""


@pytest.fixture
def load(tmp_path):
    def write(text):
        path = tmp_path / "task.yaml"
        path.write_text(text, encoding="utf-8")
        return FewShot.load(path)

    return write


def test_a_file_becomes_a_prompt(load):
    task = load(TASK)
    opening = "写出首都\n\n法国：巴黎。\n\n1984{output}：{input}。\n\n"
    assert task.prompt("中国") == opening + "中国："
    assert task.prompt("中国", n_dropped=2) == "写出首都\n\n中国："
    assert task.decoding_with_stop.stops == ("\n\n", "。")


def test_the_stop_rule_can_be_given(load):
    assert load(TASK + "stop: ；\n").decoding_with_stop.stops == ("；", "。")
    assert load(TASK + "stop: []\n").decoding_with_stop.stops == ("。",)


def test_numbers_are_texts(load):
    task = load('template: "{input}={output}"\ndemonstrations:\n  - {input: 1, output: 2.5}\n')
    assert task.prompt("3") == "1=2.5\n3="


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("separator:", "separators:", 6, "separators"),
        ('"{input}：{output}。"', '"{input}："', 1, r"\{output\} 0 times"),
        ('"{input}：{output}。"', '"{output}{input}"', 1, r"\{output\} stands before \{input\}"),
        ("  - {input: 法国, output: 巴黎}", "  - {input: 法国}", 4, r"demonstrations.0.output"),
        ("  - {input: 法国, output: 巴黎}", "  - {input: 法国, output: [a]}", 4, r"demonstrations.0.output"),
        ("method: beam", "method: bean", 9, "decoding.method.*'greedy', 'sample' or 'beam'"),
        ("  stop: 。", "  top_k: 3", 8, "top_k belongs to the method sample"),
        ('separator: "\\n\\n"', 'separator: ""', 6, "separator"),
        ("query: 中国", "too_long: never", 7, "too_long"),
        ("query: 中国", "labels: [a, a]", 1, "'a' is given twice"),
        ("query: 中国", "labels: [a, b]", 1, "'巴黎' of a demonstration is none of the labels"),
        ("query: 中国", "content_free: [无]", 1, "there are none"),
        ("query: 中国", "labels: [巴黎, '{input}']\nsample: {n_labels: 3}", 1, "cannot draw 3 of 2"),
    ],
)
def test_errors_name_file_line_and_field(load, old, new, line, problem):
    assert old in TASK
    with pytest.raises(InputError, match=problem) as caught:
        load(TASK.replace(old, new))
    assert caught.value.line == line
    assert str(caught.value.where).endswith("task.yaml")


@pytest.mark.parametrize("text", ["", "- a\n", "template: [\n", "\x00"])
def test_what_is_no_mapping_is_refused(load, text):
    with pytest.raises(InputError, match=r"task\.yaml"):
        load(text)


def test_missing_and_misencoded_files(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        FewShot.load(tmp_path / "none.yaml")
    path = tmp_path / "gb.yaml"
    path.write_bytes("模板".encode("gb18030"))
    with pytest.raises(InputError, match="not UTF-8"):
        FewShot.load(path)


def test_the_oldest_demonstrations_go(load, tokenizer):
    task = load(TASK).model_copy(update={"too_long": TooLong.KEEP_NEWEST})
    lengths = [len(tokenizer.encode(task.prompt("中国", n_dropped=n)).token_ids) for n in range(3)]
    for n, length in enumerate(lengths):
        assert task.n_to_drop(["中国"], tokenizer=tokenizer, room=length) == n
        assert task.n_to_drop(["中国", "美"], tokenizer=tokenizer, room=length) == n
    assert task.n_to_drop(["中国"], tokenizer=tokenizer, room=1) == 2
    assert load(TASK).n_to_drop(["中国"], tokenizer=tokenizer, room=1) == 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_load(path):
    task = FewShot.load(path)
    assert task.demonstrations
    assert task.query
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


def test_the_four_examples_of_the_article_ship():
    assert {path.stem for path in RECIPES} >= {"cpm_capital", "cpm_word", "cpm_subject", "cpm_triple"}
