"""Two real gloo processes do what one does; torchrun runs this very file, see its end."""

import atexit
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from yanmo.data.pair import Pair
from yanmo.errors import InputError
from yanmo.fit.loop.processes import Processes, join_processes
from yanmo.fit.loop.progress import TrainingProgress
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher

SETTINGS = ["max_tokens=56", "n_epochs=1", "report_to=[]", "n_checkpoints=4", "n_evaluations=2", "learning_rate=1e-3"]
QUIET = ["dropout_prob=0", "architecture.head_dropout_prob=0"]
FROZEN = ["architecture.layout=sides", "architecture.joint_from=2", "architecture.conditional_from=1"]
FROZEN += ["frozen_layers=1"]
RUNS = {
    "frozen": [*SETTINGS, *QUIET, *FROZEN],
    "whole": [*SETTINGS, *QUIET, "architecture.separate_heads=true", "average_decay=null", "patience=9"],
    "dropping": [*SETTINGS, *FROZEN, "dropout_prob=0.2"],
}


def _run(given, name, *, out=None, resume=False, die_at=None):
    """One run; returns every logged loss."""
    losses = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            losses.append((state.global_step, logs["loss"]))

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == die_at:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingProgress, "on_log", on_log)
        patch.setattr(TrainingProgress, "on_step_end", on_step_end)
        train_matcher(
            given["training"],
            given["validation"],
            task_set=given["tasks"],
            base=given["base"],
            out=given["out"] / (out or name),
            config=load_train_config(None, overrides=RUNS[name]),
            resume=resume,
            console=Console(file=sys.stdout, width=200),
        )
    return losses


@pytest.fixture(scope="module")
def given(tiny_base, two_tasks, make_pairs, tmp_path_factory):
    training = make_pairs(24, seed=1)
    # Longer than a batch may be, so it is a batch of its own: one of two processes has no pair in it.
    training["loose"].append(Pair("今天天气不错" * 5, "我们去公园" * 5, 1, None, 25, "loose.txt"))
    out = tmp_path_factory.mktemp("runs")
    return {
        "training": training,
        "validation": make_pairs(18, seed=2),
        "tasks": two_tasks,
        "base": tiny_base,
        "out": out / "one",
    }


@pytest.fixture(scope="module")
def together(given):
    """What two processes did and said."""
    out = given["out"].with_name("two")
    out.mkdir()
    (out / "given.pickle").write_bytes(pickle.dumps({**given, "out": out}))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", __file__]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(out)], env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return out, done.stdout


@pytest.fixture(autouse=True)
def _one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.parametrize("name", ["frozen", "whole"])
def test_two_processes_have_the_losses_and_the_weights_of_one(given, together, name):
    losses = _run(given, name)
    out, _ = together
    for rank in (0, 1):
        theirs = json.loads((out / f"{name}.losses{rank}.json").read_text())
        assert [step for step, _ in theirs] == [step for step, _ in losses]
        assert len(losses) > 8
        for (_, one), (_, two) in zip(losses, theirs, strict=True):
            assert two == pytest.approx(one, rel=1e-4)
    one, two = (load_file(folder / name / "model.safetensors") for folder in (given["out"], out))
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, atol=1e-4, rtol=1e-3)
    evaluated = [
        [json.loads(line) for line in (folder / name / "evaluations.jsonl").read_text().splitlines()]
        for folder in (given["out"], out)
    ]
    assert [point["step"] for point in evaluated[0]] == [point["step"] for point in evaluated[1]]
    for a, b in zip(*evaluated, strict=True):
        for task, report in a["tasks"].items():
            assert b["tasks"][task]["auc"] == pytest.approx(report["auc"], abs=0.02)
    assert (out / name / "matching.json").exists()
    assert not list((out / name).glob("checkpoint-*"))


def test_two_processes_go_on_where_they_were_killed(together):
    """Dropout is on: each process must find its own random state again."""
    out, _ = together
    whole, resumed = (load_file(out / name / "model.safetensors") for name in ("dropping", "resumed"))
    assert all(torch.equal(resumed[key], tensor) for key, tensor in whole.items())


def test_only_the_first_of_them_speaks(together):
    _, said = together
    lines = [line for line in said.splitlines() if line.startswith("共 ")]
    assert len(lines) == len(RUNS) + 2  # one is cut short and gone on with


def test_they_part_before_the_interpreter_ends(together):
    out, _ = together
    assert [(out / f"at_exit{rank}").read_text() for rank in (0, 1)] == ["parted", "parted"]


def test_regularizers_are_refused_in_several_processes(given, monkeypatch):
    monkeypatch.setattr("yanmo.fit.matching.run.join_processes", lambda: Processes(1, 2))
    monkeypatch.setitem(RUNS, "fgm", [*SETTINGS, "regularizers.fgm.epsilon=0.1"])
    with pytest.raises(InputError, match=r"regularizers bend.*without torchrun"):
        _run(given, "fgm")
    assert not (given["out"] / "fgm").exists()


def test_one_process_is_the_first_and_waits_for_none(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = join_processes()
    assert (alone.rank, alone.count, alone.is_first) == (0, 1, True)
    with alone.first_goes_first():
        pass


def _together(out: Path) -> None:
    given = pickle.loads((out / "given.pickle").read_bytes())
    rank = int(os.environ["RANK"])

    @atexit.register  # the first to be registered is the last to be called
    def tell() -> None:
        (out / f"at_exit{rank}").write_text("joined" if torch.distributed.is_initialized() else "parted")

    for name in RUNS:
        (out / f"{name}.losses{rank}.json").write_text(json.dumps(_run(given, name)))
    try:
        _run(given, "dropping", out="resumed", die_at=9)
    except KeyboardInterrupt:
        _run(given, "dropping", out="resumed", resume=True)


if __name__ == "__main__":
    _together(Path(sys.argv[1]))
