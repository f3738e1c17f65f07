"""Every block of code on a page runs, or says why not; the twins of a page in two languages have the same code.

A reason stands in the line before the block: ``<!-- not run: it needs a graphics card -->``. Blocks of a page run in
order in one folder, each by itself; data with a title are written there as a file of that name. Python, and lines of
``yanmo`` alone, run in this process, which has imported the heavy packages once; all other lines are bash's.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from yanmo.api import training
from yanmo.data import TaskSet
from yanmo.match.named_matcher import named_folder
from yanmo.serve.cli import app

ROOT = Path(__file__).parents[2]
# The pages of the site are those that its menu names; a page that has no line there yet is held to nothing.
MENU = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs" / page for page in re.findall(r"[\w/-]+\.md", MENU))]
TWINS = [(page, page.with_suffix(".en.md")) for page in PAGES if page.with_suffix(".en.md").is_file()]
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<language>\w*)(?P<rest>.*)$")
REASON = re.compile(r"<!-- not run: (.+) -->")
TITLE = re.compile(r'title="([^"]+)"')
# The main texts of a file; with other languages, a block is words or a formula.
PROGRAMS, DATA = ("bash", "python"), ("yaml", "json", "jsonl", "csv")


class Block(NamedTuple):
    line: int
    language: str
    title: str | None
    code: str
    reason: str | None


def blocks(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    made, at = [], 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == fence["ticks"])
        code = "\n".join(line.removeprefix(fence["indent"]) for line in lines[at + 1 : end]) + "\n"
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        reason, title = REASON.search(before), TITLE.search(fence["rest"])
        made.append(Block(at + 1, fence["language"], title and title[1], code, reason and reason[1]))
        at = end + 1
    return made


def _name(path):
    return path.relative_to(ROOT).as_posix()


def _without_comments(block):
    lines = [re.sub(r"(^|\s+)#\s.*$", "", line).rstrip() for line in block.code.splitlines()]
    return (block.language, block.title, block.reason is None, [line for line in lines if line])


def _verbs(code):
    """The words of each line, where all are plain calls of ``yanmo``; None where bash is needed."""
    lines = [line for line in code.replace("\\\n", " ").splitlines() if line.strip()]
    if any(re.search(r"[|&;<>$`]", line.split(" # ")[0]) for line in lines):
        return None
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line] if all(line[:1] in ([], ["yanmo"]) for line in words) else None


def _bash(code, place):
    environment = dict(os.environ, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", NO_COLOR="1")
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=1200, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{place}\n{code}\n{said[-3000:]}"


def _run(block, page):
    place = f"{_name(page)}:{block.line}"
    if block.language == "python":
        exec(compile(block.code, place, "exec"), {"__name__": "__main__"})
        return
    verbs = _verbs(block.code)
    if verbs is None:
        _bash(block.code, place)
        return
    for words in verbs:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"{place}: yanmo {shlex.join(words)}\n{done.exception}\n{done.output[-3000:]}"


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_code_of_a_page_runs(page, prepared, request, tmp_path, monkeypatch):
    # The same way from a base of two layers; that the bundled one is a base as well, tests/match/test_default.py shows.
    if page.name in ("README.md", "a-day.md"):
        small_default = request.getfixturevalue("small_default")
        monkeypatch.setattr(
            training, "named_folder", lambda name: small_default if name == "default" else named_folder(name)
        )
    kept = [block for block in blocks(page) if block.reason is None and block.language in PROGRAMS + DATA]
    if not kept:
        pytest.skip("no code to run")
    folder = tmp_path / "reader"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    for block in kept:
        if block.title is not None:
            (folder / block.title).write_text(block.code, encoding="utf-8")
        if block.language in PROGRAMS:
            _run(block, page)
        elif block.language == "yaml" and block.title is not None and "tasks" in yaml.safe_load(block.code):
            assert TaskSet.load(folder / block.title).tasks


@pytest.mark.parametrize(("page", "twin"), TWINS, ids=lambda path: _name(path))
def test_twins_have_the_same_code(page, twin):
    own, others = ([b for b in blocks(each) if b.language in PROGRAMS + DATA] for each in (page, twin))
    assert list(map(_without_comments, own)) == list(map(_without_comments, others))
    reasons = [(block.line, block.reason) for block in blocks(twin) if block.reason == ""]
    assert reasons == []


def test_a_failing_block_is_seen(tmp_path):
    page = tmp_path / "page.md"
    code = ("bash\nfalse | cat", "bash\nyanmo match one", "python\n1 / 0")
    page.write_text("".join(f"```{each}\n```\n" for each in code) + "<!-- not run: never -->\n```bash\n```\n", "utf-8")
    *kept, left_out = blocks(page)
    assert [block.reason for block in kept] == [None, None, None]
    assert left_out.reason == "never"
    for block in kept:
        with pytest.raises((AssertionError, ZeroDivisionError)):
            _run(block, ROOT / "page.md")


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_the_readme_is_a_screen_and_a_half(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 90
    assert [line for line in lines if len(line) > 400] == []
    cells = [cell for line in lines if line.startswith("|") for cell in line.strip("|").split("|")]
    assert cells
    assert [cell for cell in cells if len(cell.strip()) > 120] == []


def test_the_readme_says_what_the_results_say():
    command = [sys.executable, str(ROOT / "benchmarks" / "claims.py"), "--check"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_every_page_has_its_twin():
    assert [_name(page) for page in PAGES if page.name != "log.md" and not page.with_suffix(".en.md").is_file()] == []
