import pytest

from yanmo.data import Task, TaskSet
from yanmo.errors import InputError
from yanmo.serve.commands.one_task import the_standard

ONE, TWO = (TaskSet(name="s", tasks=tuple(Task(name=name) for name in names)) for names in (["a"], ["a", "b"]))


def test_the_standard_is_the_one_named_or_the_only_one():
    assert the_standard(ONE, None, fix="f") == the_standard(ONE, ["a"], fix="f") == "a"
    assert the_standard(TWO, ["b", "b"], fix="f") == "b"


@pytest.mark.parametrize(
    ("given", "said"),
    [(None, "several standards.*--task a\\|b"), (["a", "b"], "takes one task.*repeat it"), (["c"], "c")],
)
def test_none_of_several_two_or_an_unknown_one_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        the_standard(TWO, given, fix="repeat it")
