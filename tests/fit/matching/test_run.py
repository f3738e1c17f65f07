import errno
import io
import json
import multiprocessing
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from yanmo.data.tasks import Budget, Task, TaskSet
from yanmo.errors import InputError
from yanmo.export import WeightForm, WeightPlan, export_matcher, stored_weights
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher
from yanmo.match.matcher import Matcher

FROZEN = [
    "architecture.layout=sides",
    "architecture.joint_from=2",
    "architecture.conditional_from=1",
    "frozen_layers=1",
]
ROOM = Budget(left=32, right=32)
SHORT = ["max_tokens=80", "n_epochs=1.5", "report_to=[]", "n_checkpoints=8", "n_evaluations=4", "learning_rate=1e-3"]


def _train(base, tasks, make_pairs, out, *overrides, n=24, resume=False, **more):
    return train_matcher(
        make_pairs(n, seed=1),
        make_pairs(18, seed=2),
        task_set=tasks,
        base=base,
        out=out,
        config=load_train_config(None, overrides=[*SHORT, *overrides]),
        resume=resume,
        **more,
    )


def _die_at(step, base, tasks, make_pairs, out, overrides):
    from yanmo.fit.loop.progress import TrainingProgress

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    TrainingProgress.on_step_end = on_step_end
    torch.set_num_threads(1)
    _train(base, tasks, make_pairs, out, *overrides)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("overrides", [FROZEN, ["architecture.joint_from=1", "average_decay=null"]])
def test_a_run_killed_and_resumed_ends_with_the_same_weights(tiny_base, two_tasks, make_pairs, tmp_path, overrides):
    """Dropout is on, so the state of every random generator has to come back too."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = _train(tiny_base, two_tasks, make_pairs, tmp_path / "whole", *overrides)
        context = multiprocessing.get_context("fork")
        for step in (whole.n_steps // 2, whole.n_steps - 1):
            out = tmp_path / f"killed{step}"
            child = context.Process(
                target=_die_at, args=(step, tiny_base, two_tasks, make_pairs, out, overrides), daemon=True
            )
            child.start()
            child.join(120)
            assert child.exitcode == -signal.SIGKILL
            assert not (out / "matching.json").exists()
            (newest,) = out.glob("checkpoint-*")
            torn = out / f"checkpoint-{step}"  # as if killed again while saving
            if torn != newest:
                torn.mkdir()
                (torn / "model.safetensors").write_bytes(b"half")
            _train(tiny_base, two_tasks, make_pairs, out, *overrides, resume=True)
            expected = load_file(tmp_path / "whole" / "model.safetensors")
            resumed = load_file(out / "model.safetensors")
            assert all(torch.equal(resumed[name], tensor) for name, tensor in expected.items())
            assert (out / "matching.json").read_text() == (tmp_path / "whole" / "matching.json").read_text()
            assert not list(out.glob("checkpoint-*"))
    finally:
        torch.set_num_threads(n_threads)


def test_it_learns_what_the_tasks_ask_and_keeps_rules_that_were_judged_elsewhere(
    tiny_base, two_tasks, make_pairs, tmp_path
):
    overrides = ["architecture.layout=sides", "architecture.joint_from=3", "learning_rate=5e-3", "n_epochs=4"]
    summary = _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", *overrides, "max_tokens=200", n=300)
    assert summary.judgement.tasks["strict"].auc > 0.9
    matcher = Matcher.from_pretrained(tmp_path / "run")
    pairs = make_pairs(18, seed=2)["strict"]
    texts = [(pair.text0, pair.text1) for pair in pairs]
    labels = np.array([pair.label for pair in pairs], dtype=bool)
    assert (matcher.decide(texts, task="strict") == labels).mean() > 0.8
    scores = matcher.score_all(texts)
    only_loose = np.array([line % 3 == 1 for line in range(18)])
    assert (scores["loose"] - scores["strict"])[only_loose].mean() > 0.2
    rule = matcher.matching.decision("strict")
    assert rule.n_examples == 18
    assert rule.f1 == summary.judgement.tasks["strict"].f1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["training_fingerprint"]


def test_frozen_parts_stay_and_the_rest_moves(tiny_base, two_tasks, make_pairs, tmp_path):
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", *FROZEN, frozen_cache=tmp_path / "cache")
    before, after = load_file(tiny_base / "model.safetensors"), load_file(tmp_path / "run" / "model.safetensors")
    moved = {name for name, tensor in before.items() if name in after and not torch.equal(tensor, after[name])}
    assert moved
    assert all(".layer.0." not in name and "embeddings" not in name for name in moved)
    assert any(".layer.2." in name for name in moved)
    assert len(list((tmp_path / "cache").glob("*.f16"))) == 1


def test_cached_states_train_the_same_model_to_float16(tiny_base, two_tasks, make_pairs, tmp_path):
    """Never-joint frozen layers are read from a file; asking for one more joint layer computes them anew."""
    shared = ["architecture.layout=sides", "architecture.conditional_from=1", "dropout_prob=0.0", "n_epochs=1"]
    shared += ["architecture.head_dropout_prob=0.0", "architecture.joint_from=1"]
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "cached", *shared, "frozen_layers=1")
    expected = load_file(tmp_path / "cached" / "model.safetensors")
    import yanmo.fit.matching.encoded_run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yanmo.fit.matching.encoded_run, "frozen_states", lambda *_, **__: None)
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "fresh", *shared, "frozen_layers=1")
    fresh = load_file(tmp_path / "fresh" / "model.safetensors")
    assert all((fresh[name] - tensor).abs().max() < 2e-2 for name, tensor in expected.items())


def test_patience_keeps_the_best_evaluation(tiny_base, two_tasks, make_pairs, tmp_path):
    overrides = ["patience=1", "learning_rate=0.5", "n_evaluations=8", "max_grad_norm=100.0"]
    summary = _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", *overrides)
    history = [json.loads(line) for line in (tmp_path / "run" / "evaluations.jsonl").read_text().splitlines()]
    best = max(history[1:], key=lambda entry: entry["official"]["f1"])
    assert summary.step == best["step"]
    assert [entry["step"] for entry in history] == sorted({entry["step"] for entry in history})
    assert summary.judgement.official.f1 == pytest.approx(best["official"]["f1"])


def test_a_diverging_run_says_so(tiny_base, two_tasks, make_pairs, tmp_path):
    with pytest.raises(InputError, match="diverged"):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", "learning_rate=1e30", "max_grad_norm=1e30")


def test_the_trackers_logs_stay_and_another_environment_is_named(tiny_base, two_tasks, make_pairs, tmp_path):
    out = tmp_path / "run"
    _train(tiny_base, two_tasks, make_pairs, out, "n_epochs=0.2", "report_to=[tensorboard]")
    assert list(out.glob("runs/*/events*"))
    (out / "matching.json").unlink()
    record = json.loads((out / "run.json").read_text())
    record["environment"]["torch"] = "2.0.0"
    (out / "run.json").write_text(json.dumps(record))
    said = Console(file=io.StringIO(), width=200)
    overrides = ["n_epochs=0.2", "report_to=[tensorboard]"]
    _train(tiny_base, two_tasks, make_pairs, out, *overrides, resume=True, console=said)
    assert "torch 2.0.0 → " in said.file.getvalue()


def test_folders_are_never_mixed_up(tiny_base, two_tasks, make_pairs, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "none", resume=True)
    out = tmp_path / "run"
    _train(tiny_base, two_tasks, make_pairs, out, "n_epochs=0.2")
    with pytest.raises(InputError, match="--resume"):
        _train(tiny_base, two_tasks, make_pairs, out)
    with pytest.raises(InputError, match="is finished"):
        _train(tiny_base, two_tasks, make_pairs, out, "n_epochs=0.2", resume=True)
    (out / "matching.json").unlink()
    with pytest.raises(InputError, match=r"other settings \(n_epochs 0.2, now 0.3\)"):
        _train(tiny_base, two_tasks, make_pairs, out, "n_epochs=0.3", resume=True)


def test_a_full_disk_leaves_the_checkpoint_before_it_to_go_on_from(
    tiny_base, two_tasks, make_pairs, tmp_path, monkeypatch
):
    import yanmo.fit.matching.trainer

    out, save = tmp_path / "run", yanmo.fit.matching.trainer.save_file
    calls = []

    def full(*arguments, **more):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments, **more)

    monkeypatch.setattr(yanmo.fit.matching.trainer, "save_file", full)
    with pytest.raises(InputError, match=r"No space left on device.*--resume"):
        _train(tiny_base, two_tasks, make_pairs, out)
    assert not (out / "matching.json").exists()
    _train(tiny_base, two_tasks, make_pairs, out, resume=True)
    assert (out / "matching.json").exists()


def test_a_weight_of_an_unknown_task_is_refused_before_the_work(tiny_base, two_tasks, make_pairs, tmp_path):
    with pytest.raises(InputError, match="looose"):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", "task_weights={looose: 2}")
    assert not (tmp_path / "run").exists()


def test_too_few_validation_pairs_are_refused_before_the_work(tiny_base, two_tasks, make_pairs, tmp_path):
    with pytest.raises(InputError, match="'strict' has 1 matches among 3"):
        train_matcher(
            make_pairs(6, seed=1),
            {"strict": make_pairs(18, seed=2)["strict"][:3]},
            task_set=two_tasks,
            base=tiny_base,
            out=tmp_path / "run",
            config=load_train_config(None, overrides=SHORT),
        )
    assert not (tmp_path / "run").exists()


def test_without_validation_pairs_tasks_decide_at_a_half(tiny_base, two_tasks, make_pairs, tmp_path):
    summary = train_matcher(
        make_pairs(6, seed=1),
        {},
        task_set=two_tasks,
        base=tiny_base,
        out=tmp_path / "run",
        config=load_train_config(None, overrides=[*SHORT, "n_epochs=1"]),
    )
    assert summary.judgement is None
    assert Matcher.from_pretrained(tmp_path / "run").matching.decision("strict").threshold == 0.5


def test_probabilities_of_a_teacher_are_learned_as_such(tiny_base, two_tasks, make_pairs, tmp_path):
    """With one probability for every pair, no logit can do better than its log-odds."""
    taught = {name: [replace(pair, label=0.8) for pair in pairs] for name, pairs in make_pairs(24, seed=1).items()}
    train_matcher(
        taught,
        {},
        task_set=two_tasks,
        base=tiny_base,
        out=tmp_path / "run",
        config=load_train_config(None, overrides=[*SHORT, "n_epochs=8", "average_decay=null", "dropout_prob=0"]),
    )
    matcher = Matcher.from_pretrained(tmp_path / "run")
    for name, pairs in make_pairs(12, seed=3).items():
        logits = matcher.logits([(pair.text0, pair.text1) for pair in pairs], task=name)
        assert logits == pytest.approx(np.full(len(pairs), np.log(0.8 / 0.2)), abs=0.3)


@pytest.mark.skipif(not torch.cpu._is_avx512_bf16_supported(), reason="this processor has no units for bfloat16")
@pytest.mark.parametrize("overrides", [[], FROZEN])
def test_products_in_bfloat16_train_to_nearly_the_same_weights_in_float32(
    tiny_base, two_tasks, make_pairs, tmp_path, overrides
):
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "exact", *overrides, "dropout_prob=0")
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "half", *overrides, "dropout_prob=0", "precision=bfloat16")
    exact, half = (load_file(tmp_path / name / "model.safetensors") for name in ("exact", "half"))
    changed = [name for name in exact if not torch.equal(exact[name], half[name])]
    assert changed, "products were not rounded"
    for name in exact:
        assert half[name].dtype == torch.float32
        # Adam steps of a small rate: at most the rate times the steps apart, far less where gradients agree.
        assert (exact[name] - half[name]).abs().mean() < 2e-3


def test_budgets_beyond_the_positions_of_the_base_are_refused(tiny_base, make_pairs, tmp_path):
    """No pair here is that long; the first that is would come when the matcher is in use."""
    tasks = TaskSet(name="two", tasks=(Task(name="loose", budget=ROOM), Task(name="strict")))
    with pytest.raises(
        InputError, match=r"the budget of task 'strict', 128 and 128 tokens, .* the encoder has 64.* lower"
    ):
        _train(tiny_base, tasks, make_pairs, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("overrides", [[], FROZEN[:2]], ids=["settings as they are", "sides"])
def test_a_roberta_of_one_type_trains(two_tasks, make_pairs, tiny_base, tmp_path, overrides):
    """As klue/roberta and guwenbert; the two texts of a joint input have no types of their own there."""
    from transformers import RobertaConfig, RobertaModel

    n_tokens = len((tiny_base / "vocab.txt").read_text(encoding="utf-8").split())
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
    base = tmp_path / "base"
    RobertaModel(
        RobertaConfig(vocab_size=n_tokens, max_position_embeddings=70, type_vocab_size=1, **sizes)
    ).save_pretrained(base)
    shutil.copy(tiny_base / "vocab.txt", base)
    _train(base, two_tasks, make_pairs, tmp_path / "run", *overrides)
    pairs = [("今天天气", "今天天气"), ("我们", "学生赢了")]
    matcher = Matcher.from_pretrained(tmp_path / "run")
    alone = [matcher.logits([pair], task="loose")[0] for pair in pairs]
    np.testing.assert_allclose(matcher.logits(pairs, task="loose"), alone, atol=1e-5)
    assert np.isfinite(alone).all()


def test_bfloat16_is_refused_where_it_would_be_imitated(tiny_base, two_tasks, make_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    with pytest.raises(InputError, match="no units"):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", "precision=bfloat16")


def test_training_goes_on_from_a_matcher_with_other_tasks(tiny_base, two_tasks, make_pairs, tmp_path):
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "first")
    renamed = TaskSet(name="later", tasks=(Task(name="strict", budget=ROOM), Task(name="new", budget=ROOM)))
    pairs = make_pairs(24, seed=1)
    train_matcher(
        {"strict": pairs["strict"], "new": pairs["loose"]},
        {},
        task_set=renamed,
        base=tmp_path / "first",
        out=tmp_path / "second",
        # A step whose rate is next to nothing leaves what was taken over as it was.
        config=load_train_config(
            None, overrides=[*SHORT, "learning_rate=1e-30", "new_learning_rate=1e-30", "average_decay=null"]
        ),
    )
    first, second = (Matcher.from_pretrained(tmp_path / name) for name in ("first", "second"))
    texts = [(pair.text0, pair.text1) for pair in make_pairs(12, seed=3)["strict"]]
    assert second.logits(texts, task="strict") == pytest.approx(first.logits(texts, task="strict"), abs=1e-5)
    assert np.abs(second.logits(texts, task="new") - first.logits(texts, task="loose")).max() > 1e-3


def test_training_goes_on_from_an_export_built_as_it_is(tiny_base, two_tasks, make_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_weights, "_SMALLEST", 16)
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "first", "architecture.head_width=8")
    first = Matcher.from_pretrained(tmp_path / "first")
    export_matcher(first, tmp_path / "export", plan=WeightPlan.uniform(WeightForm.INT8))
    # The settings say nothing of the head's width: the matcher does.
    still = [*SHORT, "learning_rate=1e-30", "new_learning_rate=1e-30", "average_decay=null"]
    pairs = make_pairs(24, seed=1)
    config = load_train_config(None, overrides=still)
    train_matcher(pairs, {}, task_set=two_tasks, base=tmp_path / "export", out=tmp_path / "second", config=config)
    second = Matcher.from_pretrained(tmp_path / "second")
    texts = [(pair.text0, pair.text1) for pair in make_pairs(12, seed=3)["strict"]]
    # Weights of 8 bits: what moves is far below what the pairs differ by.
    before, after = (matcher.logits(texts, task="strict") for matcher in (first, second))
    assert np.abs(before - after).max() < 0.05 * max(np.ptp(before), 1.0)


def test_a_task_is_added_to_a_matcher_whose_others_answer_as_before(tiny_base, two_tasks, make_pairs, tmp_path):
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "first")
    more = TaskSet(name="more", tasks=(*two_tasks.tasks, Task(name="new", budget=ROOM)))
    settings = [*SHORT, "frozen_shared=true", "learning_rate=0.05", "new_learning_rate=0.05"]
    train_matcher(
        {"strict": [], "loose": [], "new": make_pairs(24, seed=1)["loose"]},
        {},
        task_set=more,
        base=tmp_path / "first",
        out=tmp_path / "second",
        config=load_train_config(None, overrides=settings),
    )
    first, second = (Matcher.from_pretrained(tmp_path / name) for name in ("first", "second"))
    texts = [(pair.text0, pair.text1) for pair in make_pairs(12, seed=3)["strict"]]
    for task in ("strict", "loose"):
        assert second.logits(texts, task=task).tolist() == first.logits(texts, task=task).tolist()
    before, after = (matcher.engine.classifier.task_vectors.weight for matcher in (first, second))
    assert torch.equal(after[:2], before)
    assert after[2].abs().max() > 0.06  # a fresh vector is at most 0.05


def test_only_a_trained_matcher_is_left_as_it_is(tiny_base, two_tasks, make_pairs, tmp_path):
    with pytest.raises(InputError, match="goes on from a trained matcher"):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "first", "frozen_shared=true")


@pytest.mark.parametrize(
    ("override", "message"),
    [("architecture.joint_from=1", "architecture.joint_from = 0"), ("n_layers=2", "n_layers cuts an encoder")],
)
def test_a_matcher_of_another_build_is_not_gone_on_from(tiny_base, two_tasks, make_pairs, tmp_path, override, message):
    _train(tiny_base, two_tasks, make_pairs, tmp_path / "first", "n_epochs=0.5")
    with pytest.raises(InputError, match=message):
        _train(tmp_path / "first", two_tasks, make_pairs, tmp_path / "second", override)
