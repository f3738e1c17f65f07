"""Contenders that take turns, each loaded in a process of its own, so that the machine's moods hit all alike."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

Told = dict[str, Any]


class Contender:
    """A process that does the same work whenever it is asked.

    Args:
        command: A script that ends in ``take_turns``, and its arguments.
        python: Its interpreter.
        n_threads: Threads that OpenMP gives it.
    """

    def __init__(self, *command: object, python: str | Path = sys.executable, n_threads: int) -> None:
        self._process = subprocess.Popen(
            [str(python), *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(n_threads)},
        )
        self.hello: Told = self._answer()

    def turn(self) -> Told:
        """Lets it work once and gives what it tells."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """Sends it home."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Told:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(map(str, self._process.args))} ended with {self._process.wait()}")
        return json.loads(line)


def take_turns(prepare: Callable[[], tuple[Told, Callable[[], Told]]]) -> None:
    """The contender's side: prepares, tells of it, and works at every line that comes.

    Args:
        prepare: Gives what to tell first, and the work.
    """
    # Libraries print; the answers keep standard output to themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    hello, work = prepare()
    answers.write(json.dumps(hello) + "\n")
    for _ in sys.stdin:
        answers.write(json.dumps(work()) + "\n")


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    ordered = sorted(values)
    return {"median": median(ordered), "min": ordered[0], "max": ordered[-1]}


def all_turns(
    contenders: Mapping[str, Contender], n: int, *, beside: Callable[[], Told] | None = None
) -> dict[str, list[Told]]:
    """Lets everyone work ``n`` times, one after the other, each round in the opposite order of the last.

    Args:
        contenders: They, by name.
        n: Rounds.
        beside: Something of this process to measure in every round.

    Returns:
        What each told in every round; what was measured here stands under ``beside``.
    """
    told: dict[str, list[Told]] = {name: [] for name in contenders}
    if beside is not None:
        told["beside"] = []
    for i in range(n):
        if beside is not None:
            told["beside"].append(beside())
        for name in list(contenders)[:: 1 - 2 * (i % 2)]:
            told[name].append(contenders[name].turn())
            print(f"{i + 1}/{n} {name}: {_short(told[name][-1])}", file=sys.stderr, flush=True)
    return told


def _short(told: Told) -> str:
    return ", ".join(f"{key} {value:.3f}" for key, value in told.items() if isinstance(value, float))
