import pytest
import yaml
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.cli import app


def _yanmo(*words):
    return CliRunner().invoke(app, ["recipe", *words], catch_exceptions=False)


def test_every_recipe_is_listed_with_a_sentence(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    listed = dict(line.strip().split(maxsplit=1) for line in _yanmo("list").output.splitlines() if line.strip())
    assert {"sohu_small.yaml", "standards.yaml", "default_matcher.sh", "edited_pairs.py"} <= listed.keys()
    first = "One matcher whose weights are the mean of several that were trained from a common start"
    assert listed["average_matchers.py"] == first
    assert all(len(what) > 15 for what in listed.values()), listed


def test_a_recipe_is_shown_and_written_by_its_name_alone(tmp_path):
    shown = _yanmo("show", "sohu_small").output
    assert yaml.safe_load(shown)["frozen_layers"] == 9
    out = tmp_path / "mine.yaml"
    assert _yanmo("show", "sohu_small.yaml", "--out", str(out)).output == ""
    assert out.read_text(encoding="utf-8") == shown


def test_a_file_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "mine.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        _yanmo("show", "sohu_small", "--out", str(tmp_path / "mine.yaml"))
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == "mine"


def test_an_unknown_recipe_names_those_there_are():
    with pytest.raises(InputError, match=r"no recipe 'sohu'.*sohu_article.yaml"):
        _yanmo("show", "sohu")
