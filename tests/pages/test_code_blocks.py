"""Every block of code on a page runs, or says why not; the twins of a page in two languages have the same code.

A reason stands in the line before the block: ``<!-- not run: it needs a graphics card -->``. Blocks of a page run in
order in one folder, each by itself; data with a title are written there as a file of that name.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if not p.name.endswith(".en.md"))]
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


def _run(block, folder, page):
    environment = dict(os.environ, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", NO_COLOR="1")
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, block.code], cwd=folder, env=environment, capture_output=True, timeout=600, check=False
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{_name(page)}:{block.line}\n{block.code}\n{said[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_code_of_a_page_runs(page, prepared, tmp_path):
    kept = [block for block in blocks(page) if block.reason is None and block.language in PROGRAMS + DATA]
    if not kept:
        pytest.skip("no code to run")
    folder = tmp_path / "reader"
    shutil.copytree(prepared, folder)
    for block in kept:
        if block.title is not None:
            (folder / block.title).write_text(block.code, encoding="utf-8")
        if block.language in PROGRAMS:
            _run(block, folder, page)
        elif block.language == "yaml":
            assert yaml.safe_load(block.code) is not None


@pytest.mark.parametrize(("page", "twin"), TWINS, ids=lambda path: _name(path))
def test_twins_have_the_same_code(page, twin):
    assert list(map(_without_comments, blocks(page))) == list(map(_without_comments, blocks(twin)))
    reasons = [(block.line, block.reason) for block in blocks(twin) if block.reason == ""]
    assert reasons == []


def test_a_failing_block_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```bash\nfalse | cat\n```\n\n<!-- not run: never -->\n```python\n1 / 0\n```\n", encoding="utf-8")
    shell, program = blocks(page)
    assert (shell.reason, program.reason) == (None, "never")
    for block in (shell, program):
        with pytest.raises(AssertionError, match=r"page.md:"):
            _run(block, tmp_path, ROOT / "page.md")


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
