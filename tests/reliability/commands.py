"""Calls of the command line in processes that are forked off one which has imported everything already."""

import multiprocessing
import os
import runpy
import signal
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

_STRUCK = Path(__file__).with_name("struck_command.py")
# What the verbs would import one after the other in every process.
_IMPORTED = (
    *("yanmo.serve.cli", "yanmo.bulk.predict", "yanmo.serve.http.app", "torch", "transformers", "accelerate"),
    *("sklearn.metrics", "onnxruntime", "onnxscript", "torch.onnx", "numba", "uvicorn", "torch._dynamo"),
    *("transformers.trainer", "transformers.models.bert.modeling_bert", "transformers.models.gpt2.modeling_gpt2"),
    *("yanmo.fit.matching.run", "yanmo.fit.pretraining.run", "yanmo.fit.vectors.run", "yanmo.export.onnx_export"),
    *("yanmo.generate.quantized.quantize", "yanmo.convert.cpm", "yanmo.convert.tensorflow"),
    *("yanmo.collection", "yanmo.standard", "opencc", "faiss", "scipy.optimize", "scipy.sparse.csgraph"),
)


@dataclass(frozen=True)
class Strike:
    """A signal at one file operation of a call, or some seconds after it began."""

    signal: signal.Signals
    operation: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Ended:
    """What became of a call."""

    code: int
    said: str
    n_operations: int | None
    """File operations of a call that was not killed."""


class Call:
    """A call under way."""

    def __init__(self, process: BaseProcess, log: Path, count: Path) -> None:
        self.process = process
        self.log = log
        self._count = count

    def end(self, within: float = 600.0) -> Ended:
        """Waits for its end; one that does not come to it is killed and fails the test."""
        self.process.join(within)
        if self.process.is_alive():
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"no end within {within:g} s; it said: {self.log.read_text(errors='replace')}")
        count = int(self._count.read_text()) if self._count.exists() else None
        return Ended(self.process.exitcode, self.log.read_text(errors="replace"), count)


class Commands:
    """Starts calls whose file operations count within one folder."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(_IMPORTED))
        self._folder = folder
        self._logs = logs
        self._n = 0

    def start(self, words: list[str], *, strike: Strike | None = None, largest_file: int | None = None) -> Call:
        """Begins a call of ``yanmo``."""
        self._n += 1
        log, count = (self._logs / f"{self._n}.{kind}" for kind in ("log", "count"))
        given = {
            "words": words,
            "folder": str(self._folder),
            "strike": (strike.signal, strike.operation) if strike and strike.operation else None,
            "largest_file": largest_file,
            "log": str(log),
            "count": str(count),
        }
        process = self._context.Process(
            target=runpy.run_path,
            args=(str(_STRUCK),),
            kwargs={"init_globals": {"given": given}, "run_name": "struck_command"},
        )
        process.start()
        while not log.exists() and process.is_alive():
            time.sleep(0.002)
        return Call(process, log, count)

    def run(self, words: list[str], *, strike: Strike | None = None, largest_file: int | None = None) -> Ended:
        """Makes a call and waits for its end, which may be the strike's."""
        call = self.start(words, strike=strike, largest_file=largest_file)
        if strike and strike.seconds is not None:
            call.process.join(strike.seconds)
            if call.process.is_alive():
                # Ctrl-C goes to everyone, as from a terminal.
                (os.killpg if strike.signal is signal.SIGINT else os.kill)(call.process.pid, strike.signal)
        return call.end()
