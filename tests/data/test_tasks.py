import hashlib
import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from yanmo import assets
from yanmo.data.tasks import Budget, Task, TaskSet, builtin_task_sets
from yanmo.errors import InputError

MIXED = """\
name: news-and-questions
tasks:
  - {name: ssA, standard: A, column: labelA, folders: [ssA, ss]}
  - {name: llB, standard: B, column: labelB, positive: [5], negative: [0, 3]}
  - name: lcqmc
    title: 问句同义
    first: text1
    second: text2
    id: qid
    folders: pairs/lcqmc
    budget: {left: 64, right: 64, head: 1}
  - {name: stsb, first: sentence1, second: sentence2, column: score, positive_from: 3.5}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tasks.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        TaskSet.load(write(folder, text))
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(Path(assets.__file__).parent.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_set_loads(path):
    assert TaskSet.load(path) == TaskSet.load(path.stem) == TaskSet.load(path.name)
    assert path.stem in builtin_task_sets()


def test_sohu_is_two_standards_by_three_lengths():
    sohu = TaskSet.load("sohu")
    assert set(sohu.names) == {length + standard for length in ("ss", "sl", "ll") for standard in "AB"}
    for task in sohu.tasks:
        length, standard = task.name[:2], task.name[2]
        chinese = {"ss": "短短", "sl": "短长", "ll": "长长"}[length]
        assert task.standard == standard
        assert task.column == f"label{standard}"
        assert task.folders == (task.name, f"{chinese}匹配{standard}类", length)
        expected = {"ss": (128, 128), "sl": (128, 384), "ll": (256, 256)}[length]
        assert (task.budget.left, task.budget.right) == expected
    assert {standard: set(names) for standard, names in sohu.standards.items()} == {
        "A": {"ssA", "slA", "llA"},
        "B": {"ssB", "slB", "llB"},
    }


def test_mixed_set_loads_with_columns_of_its_own(tmp_path):
    tasks = TaskSet.load(write(tmp_path, MIXED))
    assert tasks.names == ("ssA", "llB", "lcqmc", "stsb")
    assert [tasks.text_columns(task) for task in tasks.tasks] == [
        ("source", "target"),
        ("source", "target"),
        ("text1", "text2"),
        ("sentence1", "sentence2"),
    ]
    assert [tasks.id_column(task) for task in tasks.tasks] == ["id", "id", "qid", "id"]
    lcqmc = tasks.task("lcqmc")
    assert (lcqmc.standard, lcqmc.folders, lcqmc.column) == ("lcqmc", ("pairs/lcqmc",), "label")
    assert lcqmc.budget == Budget(left=64, right=64, head=1.0)
    assert tasks.standards == {"A": ("ssA",), "B": ("llB",), "lcqmc": ("lcqmc",), "stsb": ("stsb",)}


def test_index_is_the_place_and_unknown_names_list_the_known():
    sohu = TaskSet.load("sohu")
    assert [sohu.index(name) for name in sohu.names] == list(range(6))
    with pytest.raises(InputError, match=r"'ssC'.*ssA, ssB, slA, slB, llA, llB"):
        sohu.index("ssC")


def test_graded_labels_serve_two_standards():
    loose, strict = Task(name="A", positive=(3, 5), negative=(0,)), Task(name="B", positive=["5"], negative=[0, 3])
    for grade in (0, 3, 5):
        assert loose.label_of(grade) == int(grade >= 3)
        assert strict.label_of(str(grade)) == int(grade == 5)
    assert loose.label_of(2) is None
    assert loose.label_of(None) is None


def test_one_label_needs_no_list():
    assert Task(name="x", positive=3, negative="0") == Task(name="x", positive=["3"], negative=[0.0])


def test_limit_judges_scores():
    task = Task(name="stsb", positive_from=3)
    assert [task.label_of(value) for value in (2.99, 3, "3.0", 5, "高", None)] == [0, 1, 1, 1, None, None]


def test_a_set_survives_being_written_and_read(tmp_path):
    for tasks in (TaskSet.load("sohu"), TaskSet.load(write(tmp_path, MIXED))):
        again = TaskSet.model_validate(json.loads(json.dumps(tasks.model_dump(mode="json"))))
        assert again == tasks
        assert again.fingerprint() == tasks.fingerprint()


def test_fingerprint_is_of_the_content_not_the_file(tmp_path):
    tasks = TaskSet.load(write(tmp_path, MIXED))
    restyled = yaml.safe_dump(yaml.safe_load(MIXED), allow_unicode=True, sort_keys=True)
    assert TaskSet.load(write(tmp_path, restyled)).fingerprint() == tasks.fingerprint()
    content = json.dumps(tasks.model_dump(mode="json"), sort_keys=True, ensure_ascii=False).encode()
    assert tasks.fingerprint() == hashlib.sha256(content).hexdigest()
    other = write(tmp_path, MIXED.replace("head: 1", "head: 0.5"))
    assert TaskSet.load(other).fingerprint() != tasks.fingerprint()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: a\ntasks:\n  - {name: x}\n  - {name: y}\n  - {name: x}\n", 1, "two tasks are called x"),
        ("name: a\ntasks: []\n", 2, "at least 1"),
        ("name: a\n", 1, "tasks: Field required"),
        ("name: a\ntasks:\n  - name: x\n    colour: red\n", 4, "colour"),
        ("name: a\ntasks:\n  - name: x\n    positive: [1, 2]\n    negative: [0, '1.0']\n", 3, "calls 1 both"),
        ("name: a\ntasks:\n  - name: x\n  - name: y\n    positive: []\n", 4, "at least one positive"),
        ("name: a\ntasks:\n  - name: x\n    first: text1\n", 3, "only one text column"),
        ("name: a\ntasks:\n  - name: x\n    budget:\n      left: 2\n", 5, "greater than or equal to 4"),
        ("name: a\ntasks:\n  - name: x\n    positive: [1]\n    positive_from: 3\n", 3, "or 'positive_from'"),
        ("name: a\ntasks:\n  - name: x\n    budget:\n      left: 1000000000000\n", 5, "less than or equal to 1000000"),
        ("name: a\ntasks:\n  - name: x\n    positive_from: .nan\n", 4, "finite"),
        ("name: a\ntasks:\n  - name: x\n    positive_from: .inf\n", 4, "finite"),
        ("name: a\ntasks:\n  - name: a b\n", 3, "pattern"),
        ("name: a\ntasks:\n  - name: a/b\n", 3, "pattern"),
        ("name: a\ntasks:\n  - name: a\\b\n", 3, "pattern"),
        ("name: a\ntasks:\n  - name: '.'\n", 3, "'.' is no name for a folder of its own"),
        ("name: a\ntasks:\n  - {name: x}\n  - name: ..\n", 4, "'..' is no name for a folder of its own"),
        ('name: a\ntasks:\n  - name: "x\\0"\n', 3, "cannot be printed"),
        ("name: a\ntasks:\n  - name: x\n    positive: [null]\n", 4, "a label is empty"),
        ("name: a\ntasks:\n  - name: x\n    column: l\n    column: m\n", 5, "'column' is given twice"),
        ("name: a\ntasks: [\n", 3, "not valid YAML"),
        ("name: a\ntasks:\n\t- x\n", 3, "not valid YAML"),
        ("- a\n", None, "mapping"),
        ("", None, "mapping"),
    ],
)
def test_wrong_files_are_refused_with_their_line(tmp_path, text, line, words):
    message = refusal(tmp_path, text)
    assert words in message
    assert message.startswith(f"{tmp_path / 'tasks.yaml'}:" + (f"{line}: " if line else " "))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"no such task file.*sohu"):
        TaskSet.load("soho")
    with pytest.raises(InputError, match="no such task file"):
        TaskSet.load(tmp_path / "sohu.yaml")
    (tmp_path / "gb.yaml").write_bytes("name: 搜狐".encode("gb18030"))
    with pytest.raises(InputError, match="not UTF-8"):
        TaskSet.load(tmp_path / "gb.yaml")


def test_tasks_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        TaskSet.load("sohu").tasks[0].name = "x"


def test_a_teacher_labels_by_probabilities_and_anything_else_is_a_bad_label():
    soft = TaskSet.load("sohu").softened().task("ssB")
    assert [soft.label_of(value) for value in (0, "0.25", 1.0)] == [0, 0.25, 1]
    assert [soft.label_of(value) for value in (-0.1, 1.5, "yes", None, float("nan"), float("inf"))] == [None] * 6
    assert TaskSet.load("sohu").task("ssB").label_of(0.25) is None
    assert TaskSet.load("sohu").softened().fingerprint() == TaskSet.load("sohu").fingerprint()
