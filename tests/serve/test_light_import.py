"""What must stay out of a start that does not need it: each of these costs tenths of a second or more."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "accelerate",
    "fastapi",
    "jieba",
    "matplotlib",
    "numba",
    "onnx",
    "onnxruntime",
    "prometheus_client",
    "ray",
    "rjieba",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
    "uvicorn",
}


def _imported(code):
    """Top-level modules that a new interpreter holds after the code, whatever the code's exit."""
    program = f"""
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}}))))
{code}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return set(json.loads(done.stdout.decode().splitlines()[-1]))


def test_importing_the_package_brings_nothing_but_itself():
    assert not _imported("import yanmo") & (HEAVY | {"numpy", "pydantic", "typer", "rich", "tokenizers", "yaml"})


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["serve", "--help"], ["generate", "--help"]])
def test_the_help_brings_nothing_that_computes(words):
    code = f"sys.argv = ['yanmo', *{words!r}]\nfrom yanmo.serve.cli import main\nmain()"
    # typer itself (0.29) checks the values of a verb's options by pydantic, so only the bare help is free of it.
    assert not _imported(code) & (HEAVY | {"numpy", "tokenizers"} | ({"pydantic"} if len(words) == 1 else set()))


def test_the_first_score_brings_onnx_runtime_but_no_torch():
    code = "from yanmo import Matcher\nMatcher.default().score([('巴萨获胜', '巴塞罗那赢球')], task='ssA')"
    imported = _imported(code)
    assert "onnxruntime" in imported
    assert not imported & (HEAVY - {"onnxruntime"})
