import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from yanmo.encode import load_encoder
from yanmo.errors import InputError
from yanmo.fit.vectors.config import load_vector_config
from yanmo.fit.vectors.network import siamese_network, vector_groups
from yanmo.fit.vectors.run import train_vectors
from yanmo.fit.vectors.views import plan_vectors
from yanmo.vectors.embedder import Embedder
from yanmo.vectors.simsiam import SimSiam

SENTENCES = ["今天天气不错", "我们去公园", "学生球队赢了", "昨晚输了比赛", "我们赢了", "今天去公园", "昨晚天气不错"]
SHORT = [
    "batch_size=8",
    "n_steps=6",
    "max_characters=16",
    "max_length=24",
    "heads.projection_width=16",
    "heads.predictor_width=8",
    "n_checkpoints=1",
    "collapse.every=1",
    "learning_rate=1e-3",
    "report_to=[]",
]


def _corpus(folder, n=60):
    draw = torch.randint(len(SENTENCES), (n, 2), generator=torch.Generator().manual_seed(0)).tolist()
    file = folder / "corpus.txt"
    file.write_text("\n".join("".join(SENTENCES[i] for i in row) for row in draw), encoding="utf-8")
    return file


def _run(base, out, *overrides, corpus=None, resume=False, **more):
    config = load_vector_config(None, overrides=[*SHORT, *overrides])
    corpus = _corpus(base.parent) if corpus is None else corpus
    return train_vectors([corpus], base=base, out=out, config=config, resume=resume, **more)


def _die_at(step, base, out, overrides):
    from yanmo.fit.loop.progress import TrainingProgress

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    TrainingProgress.on_step_end = on_step_end
    torch.set_num_threads(1)
    _run(base, out, *overrides)


@pytest.fixture
def one_thread():
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("method", ["simsiam", "byol"])
def test_a_run_killed_and_resumed_ends_with_the_same_weights_and_readings(tiny_base, tmp_path, one_thread, method):
    """Dropout, views, batch statistics, BYOL's average and the alarm's count all have to come back."""
    # With so high a limit every reading is a collapse, so that the alarm's count matters too.
    overrides = [f"method={method}", "n_checkpoints=3", "collapse.std=0.999", "collapse.action=slow"]
    whole = _run(tiny_base, tmp_path / "whole", *overrides)
    assert whole.n_alarms == 2
    out = tmp_path / "killed"
    child = multiprocessing.get_context("fork").Process(
        target=_die_at, args=(5, tiny_base, out, overrides), daemon=True
    )
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert not (out / "modules.json").exists()
    assert _run(tiny_base, out, *overrides, resume=True) == whole
    one, two = (load_file(folder / "model.safetensors") for folder in (tmp_path / "whole", out))
    assert all(torch.equal(one[name], two[name]) for name in one)
    lines = [(folder / "collapse.jsonl").read_text() for folder in (tmp_path / "whole", out)]
    assert lines[0] == lines[1]
    assert len(lines[0].splitlines()) == 6
    assert not list(out.glob("checkpoint-*"))


def test_the_folder_is_an_embedder_and_the_encoder_has_moved(tiny_base, tmp_path):
    out = tmp_path / "run"
    summary = _run(tiny_base, out, "n_layers=2", "prompt=今天", "frozen_layers=1")
    embedder = Embedder.from_pretrained(out)
    vectors = embedder.encode(["天气不错", "我们"])
    assert vectors.shape == (2, 16)
    assert embedder.layout.prompt(None) == "今天"
    before, after = (load_encoder(folder, n_layers=2).encoder.state_dict() for folder in (tiny_base, out))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("blocks.1.") for name in moved)
    assert not any(name.startswith(("blocks.0.", "embedding.")) for name in moved)
    assert load_encoder(out).config.n_layers == 2
    record = json.loads((out / "vectors.json").read_text())
    assert record["after"]["std"] == summary.after.std
    assert len(json.loads((out / "run.json").read_text())["corpus"]) == 64


def test_trackers_get_the_loss_and_the_readings(tiny_base, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _run(tiny_base, tmp_path / "run", "report_to=[tensorboard]", "regularizers.fgm.epsilon=0.1")
    (events,) = (tmp_path / "run").glob("runs/*/events*")
    tags = set(EventAccumulator(str(events)).Reload().Tags()["scalars"])
    assert {"train/loss", "train/collapse/vectors_std", "train/collapse/projections_effective_rank"} <= tags
    assert {"train/regularizer/adversarial_rise", "train/implicit_regularization"} <= tags


def _rates(tmp_path, base, action):
    from rich.console import Console

    log = tmp_path / f"{action}.txt"
    with log.open("w", encoding="utf-8") as file:
        overrides = [f"collapse.action={action}", "collapse.std=0.999", "warmup=0", "collapse.slow_factor=0.5"]
        summary = _run(base, tmp_path / action, *overrides, console=Console(file=file, width=300))
    return summary, log.read_text(encoding="utf-8")


def test_an_alarm_warns_with_step_readings_and_limits(tiny_base, tmp_path):
    summary, log = _rates(tmp_path, tiny_base, "warn")
    assert summary.n_alarms == 2
    assert "collapse alarm, step 3: the vectors are constant (std 0." in log
    assert "limits: std 0.999, effective rank 2" in log


def test_an_alarm_can_stop_the_run(tiny_base, tmp_path):
    with pytest.raises(InputError, match=r"collapse at step 3: .* are constant .*limits: .* Fix: lower learning_rate"):
        _rates(tmp_path, tiny_base, "stop")
    assert not (tmp_path / "stop" / "modules.json").exists()
    assert (tmp_path / "stop" / "collapse.jsonl").exists()


def test_an_alarm_can_lower_every_rate(tiny_base, tmp_path, monkeypatch):
    seen = []
    step = torch.optim.AdamW.step

    def watched(self, *args, **more):
        seen.append([group["lr"] for group in self.param_groups])
        return step(self, *args, **more)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    _rates(tmp_path, tiny_base, "slow")
    for i, rates in enumerate(seen):
        # A straight line down to 0 at step 6, halved after every third step.
        factor = (1 - i / 6) * 0.5 ** (i // 3)
        assert rates == pytest.approx([rate * factor for rate in (1e-3, 1e-3, 1e-3, 1e-3, 1e-2, 1e-2)])


def test_the_predictor_has_its_own_rate_and_vectors_do_not_decay():
    config = load_vector_config(None, overrides=["learning_rate=1e-5", "heads.learning_rate=2e-3"])
    network = siamese_network(nn.Linear(4, 6), config, width=6)
    assert isinstance(network, SimSiam)
    rates = {}
    for group in vector_groups(network, config):
        for parameter in group["params"]:
            rates[parameter] = (group["lr"], group["weight_decay"])
    assert rates[network.encoder.weight] == (1e-5, 0.01)
    assert rates[network.encoder.bias] == (1e-5, 0.0)
    assert rates[network.projector[0].weight] == (2e-3, 0.01)
    assert rates[network.predictor[0].weight] == (2e-2, 0.01)
    assert len(rates) == sum(p.requires_grad for p in network.parameters())


def test_a_diverging_run_names_its_step_and_place(tiny_base, tmp_path):
    with pytest.raises(
        InputError, match=r"at step \d+: training has diverged; the first thing not finite is the weight"
    ):
        _run(tiny_base, tmp_path / "run", "learning_rate=1e30", "max_grad_norm=1e30", "warmup=0", "collapse.every=100")


def test_batches_are_full_differ_by_epoch_and_take_every_text_once():
    plan = plan_vectors([5, 9, 3, 7, 1] * 9, batch_size=4, n_epochs=2.0, n_steps=None, seed=1)
    assert {len(batch) for batch in plan.batches} == {4}
    assert len(plan.batches) == 22
    for epoch in (0, 1):
        entries = np.concatenate(plan.batches[11 * epoch : 11 * (epoch + 1)])
        assert len(set(entries.tolist())) == 44
        assert set((entries // 45).tolist()) == {epoch}
    assert plan.padding_ratio < 1.6
    assert len(plan_vectors([1] * 8, batch_size=4, n_epochs=1.0, n_steps=7, seed=0).batches) == 7


def test_runs_that_cannot_be_are_refused(tiny_base, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match=r"3 texts make no batch of 8|3 texts were given, one batch takes 8"):
        _run(tiny_base, out, corpus=_corpus(tmp_path, n=3))
    with pytest.raises(InputError, match="both views of a text would be the same"):
        _run(tiny_base, out, "dropout_prob=0", "views.delete_prob=0")
    with pytest.raises(InputError, match="max_length is 65, the base has 64 positions"):
        _run(tiny_base, out, "max_length=65")
    with pytest.raises(InputError, match="cannot freeze 9 of 3 layers"):
        _run(tiny_base, out, "frozen_layers=9")
    with pytest.raises(InputError, match="nothing of the encoder learns"):
        _run(tiny_base, out, "frozen_layers=3")
    assert not out.exists()


def test_several_processes_are_refused(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"one process.s batch only.*without torchrun"):
        _run(tiny_base, tmp_path / "run")


def test_folders_are_never_mixed_up(tiny_base, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        _run(tiny_base, tmp_path / "none", resume=True)
    _run(tiny_base, tmp_path / "run", "n_steps=2")
    with pytest.raises(InputError, match=r"not empty.*--resume"):
        _run(tiny_base, tmp_path / "run")
    with pytest.raises(InputError, match="is finished"):
        _run(tiny_base, tmp_path / "run", "n_steps=2", resume=True)
    (tmp_path / "run" / "vectors.json").unlink()
    with pytest.raises(InputError, match=r"other settings \(method simsiam, now byol\)"):
        _run(tiny_base, tmp_path / "run", "n_steps=2", "method=byol", resume=True)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch_size=1", "batch_size"),
        ("heads.predictor_multiple=-1", "predictor_multiple"),
        ("regularizers.r_drop.weight=1", "r_drop and vat compare predictions"),
        ("views.synonym_prob=0.5", "synonym_prob and synonyms go together"),
        ("method=simclr", "method"),
        ("collapse.action=pray", "collapse.action"),
    ],
)
def test_settings_that_cannot_be_are_refused(override, message):
    with pytest.raises(InputError, match=message):
        load_vector_config(None, overrides=[override])


def test_the_recipe_loads():
    config = load_vector_config(Path(__file__).parents[3] / "recipes" / "vectors_small.yaml")
    assert (config.n_layers, config.frozen_layers, config.collapse.action.value) == (6, 3, "stop")
