"""The page on collections: every block of it runs, in order, in one folder."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

PAGE = Path(__file__).parents[3] / "docs" / "methods" / "collections.md"


def test_the_blocks_of_the_page_run(tmp_path, monkeypatch, capsys):
    if not PAGE.is_file():
        pytest.skip("the page is not part of the installed package")
    from yanmo.serve.cli import app

    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for kind, block in re.findall(r"```(python|bash)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        if kind == "python":
            exec(compile(block, str(PAGE), "exec"), names)
            continue
        for line in block.splitlines():
            command = shlex.split(line, comments=True)
            if command[:1] == ["yanmo"]:
                done = CliRunner().invoke(app, command[1:], catch_exceptions=False)
                assert done.exit_code == 0, done.output
    groups = (tmp_path / "groups.csv").read_text("utf-8").splitlines()
    assert groups[0] == "text,asked,id,group,keep,reason"
    assert len(groups) == 7
    of = {row.id: row.group for row in names["groups"].rows}
    assert of["q1"] == of["q2"] == of["q5"] != of["q6"]
