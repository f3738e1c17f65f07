import ast
import re
from pathlib import Path

import pytest
import typer

import yanmo
from yanmo.serve.cli import app

ROOT = Path(yanmo.__file__).parent
# Of torchrun, of tools of the system, and of packages' own.
ELSEWHERE = {"--nproc-per-node"}


def _options(command):
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*map(_options, getattr(command, "commands", {}).values()))


def _commands():
    """Options of each verb; a group counts as one."""
    group = typer.main.get_command(app)
    return {name: _options(command) for name, command in group.commands.items()}


def _fix_texts(path):
    """Constant parts of every text handed on as ``fix``, directly, by a local name, or as the second part of a flaw."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        given = []
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "fix"]
            if isinstance(node.func, ast.Name) and node.func.id == "Flaw":
                given += node.args[1:]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            given = [node.value] if any(name.casefold().strip("_") in ("fix", "correct") for name in names) else []
        for value in given:
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


FIXES = [
    (path.relative_to(ROOT).as_posix(), line, option)
    for path in sorted(ROOT.rglob("*.py"))
    for line, text in _fix_texts(path)
    for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)
]


def test_options_that_fixes_name_exist():
    commands = _commands()
    known = set().union(*commands.values()) | ELSEWHERE
    assert len(FIXES) > 20
    missing = []
    for file, line, option in FIXES:
        verb = Path(file).stem.replace("_", "-") if file.startswith("serve/commands/") else None
        there = commands.get(verb, known) if verb else known
        if option not in there | ELSEWHERE:
            missing.append(f"{file}:{line}: {option}")
    assert missing == []


def test_the_walk_finds_a_fix_that_names_nothing(tmp_path):
    path = tmp_path / "a.py"
    path.write_text('raise InputError("x", fix=f"name it with --label {x}")\nFlaw("y", "or --column")\n')
    assert [re.findall(r"--[a-z]+", text) for _, text in _fix_texts(path)] == [["--label"], ["--column"]]


@pytest.mark.parametrize("verb", ["predict", "train", "evaluate"])
def test_verbs_are_found_by_their_file(verb):
    assert "--on-bad-line" in _commands()[verb]
