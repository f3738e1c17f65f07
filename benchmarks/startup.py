"""Time until something can be done: importing Yanmo, its help, its first score, beside the imports of peers.

    python benchmarks/startup.py [--peers PYTHON] [--repeats 9]

Every start is a new process; the ways take turns. What peers are timed at is less than a first score: their import
alone, without loading a model. PYTHON is an interpreter with sentence-transformers; without it only transformers, of
this environment, stands beside Yanmo. Files are in the page cache, as on a machine that has started it before.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from machine import describe_machine
from turns import spread

RESULT = Path(__file__).parent / "results" / "startup.json"
_PROGRAM = "from yanmo.serve.cli import main; main()"
_OURS = {
    "import yanmo": ("-c", "import yanmo"),
    "yanmo --help": ("-c", _PROGRAM, "--help"),
    "yanmo match, first score": ("-c", _PROGRAM, "match", "巴塞罗那昨晚三比零取胜", "巴萨昨夜3:0赢球"),
}
_TRANSFORMERS, _CROSS_ENCODER = "transformers: import", "sentence-transformers: import"
_PEERS = {
    _TRANSFORMERS: ("-c", "from transformers import AutoModelForSequenceClassification, TextClassificationPipeline"),
    _CROSS_ENCODER: ("-c", "from sentence_transformers import CrossEncoder"),
}
_HEAVY = ("torch", "transformers", "onnxruntime", "fastapi", "matplotlib", "sklearn", "numpy", "rjieba")


def main() -> None:
    """Starts everything in turn and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    commands = {name: (sys.executable, *words) for name, words in _OURS.items()}
    commands[_TRANSFORMERS] = (sys.executable, *_PEERS[_TRANSFORMERS])
    versions = {_TRANSFORMERS: _versions(sys.executable, "transformers", "torch")}
    if arguments.peers is not None:
        commands[_CROSS_ENCODER] = (str(arguments.peers), *_PEERS[_CROSS_ENCODER])
        versions[_CROSS_ENCODER] = _versions(str(arguments.peers), "sentence-transformers", "torch")
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    empty: list[float] = []
    imported: list[float] = []
    for command in commands.values():
        _seconds(command)  # fills the page cache and writes compiled files
    for turn in range(arguments.repeats):
        empty.append(_seconds((sys.executable, "-c", "pass")))
        imported.append(_import_milliseconds())
        for name in list(commands)[:: 1 - 2 * (turn % 2)]:
            seconds[name].append(_seconds(commands[name]))
            print(f"{turn + 1}/{arguments.repeats} {name}: {seconds[name][-1]:.3f} s", file=sys.stderr, flush=True)
    result = {
        "machine": describe_machine("transformers", "torch", "onnxruntime"),
        "versions": versions,
        "repeats": arguments.repeats,
        "import_milliseconds_by_importtime": spread(imported),
        "heavy_modules_of_import": _modules("import yanmo"),
        "heavy_modules_of_help": _modules("import yanmo.serve.cli"),
        "seconds": {name: spread(each) for name, each in seconds.items()},
        "seconds_of_an_empty_python": spread(empty),
        "ratio": {
            our: {
                peer: spread(theirs / ours for ours, theirs in zip(seconds[our], seconds[peer], strict=True))
                for peer in versions
            }
            for our in _OURS
        },
    }
    RESULT.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _seconds(command: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    return time.perf_counter() - began


def _import_milliseconds() -> float:
    """What ``python -X importtime`` tells of the import of yanmo with all it imports."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import yanmo"], check=True, capture_output=True, text=True
    ).stderr
    [line] = [line for line in told.splitlines() if line.rpartition("|")[2].strip() == "yanmo"]
    return int(line.split("|")[1]) / 1000


def _modules(code: str) -> list[str]:
    """Which of the heavy modules a piece of code brings."""
    code = f"{code}\nimport json, sys\nprint(json.dumps([name for name in {_HEAVY!r} if name in sys.modules]))"
    return json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


def _versions(python: str, *packages: str) -> dict[str, str]:
    told = f"print(json.dumps({{name: version(name) for name in {packages!r}}}))"
    code = f"import json\nfrom importlib.metadata import version\n{told}"
    return json.loads(subprocess.run([python, "-c", code], check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
