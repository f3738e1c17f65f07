"""What the reliability suite shares: how much it tries, calls of the command line, and the counts at its end.

Short by itself; with YANMO_SOAK=1, as ``make soak`` sets it, as long as it takes to believe it, and the counts go to
benchmarks/results/reliability.json, which README quotes.
"""

import json
import os
import random
from collections import defaultdict
from pathlib import Path

import pytest

from yanmo.atomic import replacing

from .commands import Commands
from .tally import Tally
from .verbs import write_inputs

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "reliability.json"


def _is_soak():
    return os.environ.get("YANMO_SOAK", "") not in ("", "0")


@pytest.fixture(scope="session")
def tries():
    """Says how often to try: given the number for every change and the one for a soak."""
    is_soak = _is_soak()
    return lambda short, long: long if is_soak else short


@pytest.fixture
def draw():
    """A source of random choices; YANMO_SEED takes others than the usual ones."""
    return random.Random(int(os.environ.get("YANMO_SEED", "0")))


@pytest.fixture
def tally(record_property):
    """Begins the count of a part of the suite."""
    return lambda part: Tally(part, record_property)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory, tiny_base, tiny_matcher, make_pairs):
    """A folder with what the verbs read; not to be changed."""
    from yanmo.export import WeightForm, WeightPlan, export_matcher

    folder, graph = tmp_path_factory.mktemp("inputs"), tmp_path_factory.mktemp("exported") / "onnx"
    matcher = tiny_matcher(n_layers=1, joint_from=1, conditional_from=0, symmetric=True)
    export_matcher(matcher, graph, plan=WeightPlan.uniform(WeightForm.FLOAT32))
    write_inputs(folder, base=tiny_base, matcher=matcher, graph=graph, pairs=make_pairs)
    return folder


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """The folder in which the commands write."""
    return tmp_path_factory.mktemp("workplace")


@pytest.fixture(scope="session")
def commands(tmp_path_factory, workplace):
    """Calls of the command line."""
    return Commands(workplace, tmp_path_factory.mktemp("logs"))


def pytest_terminal_summary(terminalreporter):
    """Prints how many of how many tries held, for each part."""
    counts = defaultdict(lambda: [0, 0])
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in report.user_properties:
                if name == "tally" and report.when == "call":
                    part, n_held, n = value
                    counts[part][0] += n_held
                    counts[part][1] += n
    if counts:
        terminalreporter.section("reliability")
        for part, (n_held, n) in sorted(counts.items()):
            terminalreporter.line(f"{part:60} {n_held:,} of {n:,}")
    # The parts of a worker come to the process that started it.
    if counts and _is_soak() and not hasattr(terminalreporter.config, "workerinput"):
        # Parts that did not run keep the counts of the soak that they last ran in.
        held = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
        held |= {part: {"held": n_held, "tries": n} for part, (n_held, n) in counts.items()}
        text = json.dumps(dict(sorted(held.items())), ensure_ascii=False, indent=1)
        with replacing(RESULT) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
