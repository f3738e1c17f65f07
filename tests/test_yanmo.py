import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import yanmo
import yanmo.errors
from yanmo.match import Matcher


def test_the_matcher_is_at_the_door():
    assert yanmo.Matcher is Matcher
    assert {"Embedder", "Matcher"} <= set(dir(yanmo))
    with pytest.raises(AttributeError, match="Matchers"):
        _ = yanmo.Matchers


@pytest.mark.parametrize("room", ["yanmo", "yanmo.data", "yanmo.match", "yanmo.export", "yanmo.fit", "yanmo.generate"])
def test_type_checkers_see_the_names_that_a_room_gives_out(room):
    package = importlib.import_module(room)
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    lines = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    told = {alias.name: f"{room}.{node.module}" for node in lines for alias in node.names}
    assert told.keys() == set(package.__all__)
    for name, module in told.items():
        assert getattr(package, name) is getattr(importlib.import_module(module), name)


WITHOUT_TORCH = """
import importlib, pkgutil, sys
sys.modules["torch"] = None
import yanmo.errors
walked = pkgutil.walk_packages(yanmo.__path__, "yanmo.", onerror=lambda name: None)
for module in ("yanmo", *(found.name for found in walked if found.ispkg)):
    try:
        room = importlib.import_module(module)
        for name in getattr(room, "__all__", ()):
            try:
                getattr(room, name)
            except yanmo.errors.MissingExtraError as error:
                print(f"{module[6:]} {name}: {error}")
    except yanmo.errors.MissingExtraError as error:
        print(f"{module[6:]}: {error}")
"""


def test_every_room_that_needs_torch_names_the_extra_where_it_is_missing():
    found = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True)
    refused = dict(line.split(": ", 1) for line in found.stdout.splitlines())
    rooms = {
        "convert",
        "encode",
        "fit",
        "generate.quantized",
        "layers",
        "probe",
        "regularize",
        "vectors",
        "study.taylor",
    }
    assert {*rooms, " Embedder", "export export_matcher", "generate load_language_model"} <= refused.keys()
    assert (
        not {"data", "evaluate", "export", "generate", "generate Method", "match", "serve", "tokenize"} & refused.keys()
    )
    for message in refused.values():
        assert message.startswith("This needs the package 'torch', which the core install leaves out. Fix: pip install")


def test_importing_the_package_or_its_matcher_brings_neither_torch_nor_jieba():
    code = (
        "import sys, yanmo; yanmo.Matcher; "
        "print([m for m in ('torch', 'transformers', 'rjieba', 'sklearn') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
