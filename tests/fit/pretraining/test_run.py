import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

from yanmo.encode import load_encoder, load_mlm
from yanmo.errors import InputError
from yanmo.fit.pretraining.config import load_pretrain_config
from yanmo.fit.pretraining.run import pretrain

RECIPE = Path(__file__).parents[3] / "recipes" / "pretrain_small.yaml"
SENTENCES = ["今天天气不错", "我们去公园", "学生球队赢了", "昨晚输了比赛", "我们赢了", "今天去公园"]
SHORT = [
    "max_length=24",
    "max_tokens=120",
    "accumulation=2",
    "n_epochs=1.5",
    "heldout_share=0.2",
    "heldout_documents=6",
    "heldout_min_characters=4",
    "n_evaluations=4",
    "n_checkpoints=8",
    "learning_rate=3e-3",
    "report_to=[]",
]

LONGER = ["accumulation=1"]


def _corpus(folder, n=70):
    generator = torch.Generator().manual_seed(0)
    draw = torch.randint(len(SENTENCES), (n, 3), generator=generator).tolist()
    file = folder / "corpus.txt"
    file.write_text("\n".join("".join(SENTENCES[i] for i in row) for row in draw), encoding="utf-8")
    return file


def _run(base, out, *overrides, resume=False, corpus=None, **more):
    corpus = _corpus(base.parent) if corpus is None else corpus
    return pretrain(
        [corpus],
        base=base,
        out=out,
        config=load_pretrain_config(None, overrides=[*SHORT, *overrides]),
        resume=resume,
        **more,
    )


def _die_at(step, base, out):
    from yanmo.fit.loop.progress import TrainingProgress

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    TrainingProgress.on_step_end = on_step_end
    torch.set_num_threads(1)
    _run(base, out, *LONGER)


@pytest.fixture
def one_thread():
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)


@pytest.mark.usefixtures("unchecked")
def test_a_run_killed_and_resumed_ends_with_the_same_weights_and_curve(tiny_base, tmp_path, one_thread):
    """The base has dropout, so random states have to come back as well as data, optimizer and schedule."""
    whole = _run(tiny_base, tmp_path / "whole", *LONGER)
    expected = load_file(tmp_path / "whole" / "model.safetensors")
    assert whole.n_steps >= 12
    for step in (whole.n_steps // 2, whole.n_steps - 1):
        out = tmp_path / f"killed{step}"
        child = multiprocessing.get_context("fork").Process(target=_die_at, args=(step, tiny_base, out), daemon=True)
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        assert not (out / "pretraining.json").exists()
        (newest,) = out.glob("checkpoint-*")
        torn = out / f"checkpoint-{step}"  # as if killed again while saving
        if torn != newest:
            torn.mkdir()
            (torn / "model.safetensors").write_bytes(b"half")
        with (out / "evaluations.jsonl").open("a") as file:
            file.write('{"step": 99999, "nats')
        _run(tiny_base, out, *LONGER, resume=True)
        resumed = load_file(out / "model.safetensors")
        assert all(torch.equal(resumed[name], tensor) for name, tensor in expected.items())
        assert (out / "evaluations.jsonl").read_text() == (tmp_path / "whole" / "evaluations.jsonl").read_text()
        assert not list(out.glob("checkpoint-*"))


def test_it_learns_and_the_curve_says_so(tiny_base, tmp_path):
    summary = _run(
        tiny_base, tmp_path / "run", "n_epochs=8", "dropout_prob=0", "learning_rate=6e-3", "heldout_documents=14"
    )
    assert (summary.curve[0]["step"], summary.curve[-1]["step"]) == (0, summary.n_steps)
    assert len(summary.curve) == 5
    assert summary.curve[-1]["tokens"] == summary.n_tokens
    # Frequencies alone cannot do better than about the logarithm of the 22 characters, 3.09; context leaves less.
    assert summary.curve[0]["nats_per_character"] > 2.8
    assert summary.curve[-1]["nats_per_character"] < 2.75
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["config"]["n_epochs"] == 8
    assert len(record["corpus"]) == len(record["base_fingerprint"]) == 64
    assert not (tmp_path / "run.tokens").exists()


def test_the_folder_is_a_base_for_everything(tiny_base, tmp_path, two_tasks, make_pairs):
    from yanmo.fit.matching.config import load_train_config
    from yanmo.fit.matching.run import train_matcher

    _run(tiny_base, tmp_path / "run", "n_epochs=0.5", "dropout_prob=0", "n_layers=2")
    ours = load_mlm(tmp_path / "run")
    assert ours.has_head
    assert ours.config.dropout_prob == load_encoder(tiny_base).config.dropout_prob
    theirs = transformers.BertForMaskedLM.from_pretrained(tmp_path / "run").eval()
    assert len(theirs.bert.encoder.layer) == 2
    again = _run(tmp_path / "run", tmp_path / "again", "n_epochs=0.5", corpus=_corpus(tmp_path))
    assert again.n_steps
    train_matcher(
        make_pairs(6, seed=1),
        {},
        task_set=two_tasks,
        base=tmp_path / "run",
        out=tmp_path / "matcher",
        config=load_train_config(None, overrides=["n_epochs=0.2", "report_to=[]"]),
    )


def test_frozen_parts_stay_and_the_rest_moves(tiny_base, tmp_path):
    before = load_mlm(tiny_base).model.state_dict()
    for overrides in (["frozen_layers=1"], ["frozen_layers=1", "frozen_embedding=true"]):
        out = tmp_path / str(len(overrides))
        _run(tiny_base, out, "n_epochs=0.5", *overrides)
        after = load_mlm(out).model.state_dict()
        moved = {name for name in before if name.startswith("encoder") and not torch.equal(before[name], after[name])}
        assert not any(name.startswith("encoder.blocks.0.") for name in moved)
        assert any(name.startswith("encoder.blocks.1.") for name in moved)
        assert ("encoder.embedding.word.weight" in moved) == (len(overrides) == 1)


def test_without_held_out_documents_there_is_no_curve(tiny_base, tmp_path):
    summary = _run(tiny_base, tmp_path / "run", "n_epochs=0.5", "heldout_share=0")
    assert summary.curve == ()


def test_trackers_get_the_loss_and_the_curve(tiny_base, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _run(tiny_base, tmp_path / "run", "n_epochs=0.5", "report_to=[tensorboard]")
    (events,) = (tmp_path / "run").glob("runs/*/events*")
    tags = EventAccumulator(str(events)).Reload().Tags()["scalars"]
    assert {"train/loss", "eval/nats_per_character"} <= set(tags)


def test_bad_lines_stop_or_are_kept_in_the_run(tiny_base, tmp_path):
    from yanmo.data.rejects import OnBadLine

    corpus = tmp_path / "a.txt"
    corpus.write_bytes(_corpus(tmp_path).read_bytes() + b"\n\xff\xff\n")
    with pytest.raises(InputError, match=r"a.txt:71: .*--on-bad-line skip"):
        _run(tiny_base, tmp_path / "run", corpus=corpus)
    assert not (tmp_path / "run").exists()
    _run(tiny_base, tmp_path / "run", "n_epochs=0.5", corpus=corpus, on_bad_line=OnBadLine.SKIP)
    assert '"line": 71' in (tmp_path / "run" / "rejects.jsonl").read_text()


def test_folders_are_never_mixed_up(tiny_base, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        _run(tiny_base, tmp_path / "none", resume=True)
    _run(tiny_base, tmp_path / "run", "n_epochs=0.5")
    with pytest.raises(InputError, match=r"not empty.*--resume"):
        _run(tiny_base, tmp_path / "run")
    with pytest.raises(InputError, match="is finished"):
        _run(tiny_base, tmp_path / "run", "n_epochs=0.5", resume=True)
    (tmp_path / "run" / "pretraining.json").unlink()
    with pytest.raises(InputError, match=r"other settings \(n_epochs 0.5, now 0.6\)"):
        _run(tiny_base, tmp_path / "run", "n_epochs=0.6", resume=True)


def test_a_diverging_run_names_its_step(tiny_base, tmp_path):
    with pytest.raises(InputError, match=r"at step \d+: training has diverged"):
        _run(tiny_base, tmp_path / "run", "learning_rate=1e30", "max_grad_norm=1e30", "warmup=0")


def test_a_base_that_does_not_fit_is_refused(tiny_base, tmp_path):
    with pytest.raises(InputError, match="max_length is 65, the base has 64 positions"):
        _run(tiny_base, tmp_path / "run", "max_length=65")
    with pytest.raises(InputError, match="cannot freeze 9 of 3 layers"):
        _run(tiny_base, tmp_path / "run", "frozen_layers=9")
    other = tmp_path / "other"
    other.mkdir()
    for file in tiny_base.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    with (other / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("新\n词\n")
    with pytest.raises(InputError, match=r"tokens, the embedding .* rows"):
        _run(other, tmp_path / "run")


def test_a_full_disk_leaves_the_checkpoint_before_it(tiny_base, tmp_path, monkeypatch):
    calls = []

    def full(self, *arguments, **more):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(self, *arguments, **more)

    save = transformers.Trainer._save_optimizer_and_scheduler
    monkeypatch.setattr(transformers.Trainer, "_save_optimizer_and_scheduler", full)
    with pytest.raises(InputError, match=r"No space left on device.*--resume"):
        _run(tiny_base, tmp_path / "run")
    assert not (tmp_path / "run" / "pretraining.json").exists()
    _run(tiny_base, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "pretraining.json").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [("max_tokens=20", "holds no row"), ("mask_prob=1", "mask_prob")],
)
def test_settings_that_cannot_be_are_refused(override, message):
    with pytest.raises(InputError, match=message):
        load_pretrain_config(None, overrides=[*SHORT, override])


def test_a_number_of_tokens_may_set_the_length(tiny_base, tmp_path):
    summary = _run(tiny_base, tmp_path / "run", "n_tokens=600", *LONGER)
    assert 600 - 120 <= summary.n_tokens <= 600 + 120


def test_the_recipe_loads():
    assert load_pretrain_config(RECIPE).dropout_prob == 0


def test_two_processes_do_what_one_does_with_twice_the_accumulation(tiny_base, tmp_path):
    arguments = ["n_epochs=1", "dropout_prob=0"]
    corpus = _corpus(tmp_path)
    _run(tiny_base, tmp_path / "one", *arguments, "accumulation=2", corpus=corpus)
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom yanmo.fit.pretraining.run import pretrain\n"
        "from yanmo.fit.pretraining.config import load_pretrain_config\n"
        f"pretrain([Path({str(corpus)!r})], base=Path({str(tiny_base)!r}), out=Path({str(tmp_path / 'two')!r}), "
        f"config=load_pretrain_config(None, overrides={[*SHORT, *arguments, 'accumulation=1']!r}))\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", str(script)]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=2e-4, rtol=1e-3)
    curves = [
        [json.loads(line) for line in (tmp_path / name / "evaluations.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert [point["step"] for point in curves[0]] == [point["step"] for point in curves[1]]
    for a, b in zip(*curves, strict=True):
        assert a["nats_per_character"] == pytest.approx(b["nats_per_character"], abs=1e-3)


@pytest.mark.usefixtures("unchecked")
def test_a_run_killed_after_its_last_step_only_writes_the_model(tiny_base, tmp_path, monkeypatch):
    import yanmo.fit.pretraining.run

    whole = _run(tiny_base, tmp_path / "whole", "n_epochs=0.7")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(yanmo.fit.pretraining.run, "save_mlm", killed)
        with pytest.raises(KeyboardInterrupt):
            _run(tiny_base, tmp_path / "run", "n_epochs=0.7")
    assert _run(tiny_base, tmp_path / "run", "n_epochs=0.7", resume=True) == whole
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "run"))
    assert all(torch.equal(one[name], two[name]) for name in one)
