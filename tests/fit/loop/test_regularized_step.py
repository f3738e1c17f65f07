"""Regularizers in real runs: they act on the token table and on cached states, add up, and resume to the last bit."""

import pytest
import torch
from safetensors.torch import load_file

from yanmo.errors import InputError
from yanmo.fit.loop.progress import TrainingProgress
from yanmo.fit.matching.config import load_train_config
from yanmo.fit.matching.run import train_matcher
from yanmo.fit.matching.trainer import MatchingTrainer
from yanmo.fit.pretraining.config import load_pretrain_config
from yanmo.fit.pretraining.run import pretrain
from yanmo.fit.pretraining.trainer import PretrainTrainer

SHORT = ["max_tokens=80", "n_epochs=0.4", "report_to=[]", "learning_rate=1e-3", "n_checkpoints=4"]
TABLE = ["frozen_word_embedding=false"]
CACHED = [
    "architecture.layout=sides",
    "architecture.joint_from=2",
    "architecture.conditional_from=1",
    "frozen_layers=1",
]
EACH = {
    "fgm": "regularizers.fgm.epsilon=0.5",
    "pgd": "regularizers.pgd={epsilon: 0.5, n_steps: 2}",
    "vat": "regularizers.vat={weight: 1.0, epsilon: 0.5}",
    "gradient_penalty": "regularizers.gradient_penalty.weight=1.0",
    "exact": "regularizers.parameter_penalty={weight: 0.1, form: exact}",
    "finite_difference": "regularizers.parameter_penalty.weight=0.1",
    "sam": "regularizers.sam.rho=0.1",
    "flooding": "regularizers.flooding.level=100",
    "r_drop": "regularizers.r_drop.weight=1.0",
}


def _train(base, tasks, make_pairs, out, *overrides, resume=False):
    config = load_train_config(None, overrides=[*SHORT, *overrides])
    train_matcher(make_pairs(12, seed=1), {}, task_set=tasks, base=base, out=out, config=config, resume=resume)
    return load_file(out / "model.safetensors")


def _same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def logged(monkeypatch):
    """Everything that a trainer logs, in order."""
    entries = []
    for kind in (MatchingTrainer, PretrainTrainer):
        original = kind.log

        def log(self, logs, *more, original=original):
            original(self, logs, *more)
            entries.append(dict(logs))

        monkeypatch.setattr(kind, "log", log)
    return entries


class StopError(Exception):
    pass


@pytest.fixture
def gradients(tiny_base, two_tasks, make_pairs, tmp_path, monkeypatch):
    """The gradients that settings give on the first batches of a run, without taking the step."""

    def of(*overrides):
        found = {}

        def read(self, model):
            found.update({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
            raise StopError

        with monkeypatch.context() as patch:
            patch.setattr(MatchingTrainer, "_clip_grad_norm", read)
            with pytest.raises(StopError):
                _train(tiny_base, two_tasks, make_pairs, tmp_path / str(len(list(tmp_path.iterdir()))), *overrides)
        return found

    return of


def test_each_acts_on_cached_states(gradients):
    plain = gradients(*CACHED)
    flat = torch.cat([g.flatten() for g in plain.values()])
    for name, override in EACH.items():
        bent = gradients(*CACHED, override)
        assert set(bent) == set(plain), name
        cosine = torch.cosine_similarity(torch.cat([g.flatten() for g in bent.values()]), flat, dim=0)
        assert cosine < 0.99999, name


def test_fgm_is_by_hand_what_it_says_on_the_token_table(gradients, monkeypatch):
    """Its gradient is the mean of two plain ones, the second with the table moved up the first."""
    from yanmo.match.network.classifier import PairClassifier

    name, epsilon = "encoder.embedding.word.weight", 0.5
    still = [*TABLE, "dropout_prob=0", "architecture.head_dropout_prob=0"]
    bent, plain = gradients(*still, EACH["fgm"]), gradients(*still)
    forward = PairClassifier.forward

    def moved(self, *arguments, **more):
        table = self.encoder.embedding.word.weight
        if not hasattr(self, "is_moved"):
            self.is_moved = True
            with torch.no_grad():
                table += epsilon * plain[name] / plain[name].norm()
        return forward(self, *arguments, **more)

    monkeypatch.setattr(PairClassifier, "forward", moved)
    worse = gradients(*still)
    for key, gradient in bent.items():
        torch.testing.assert_close(gradient, (plain[key] + worse[key]) / 2, atol=1e-6, rtol=1e-4)


def test_states_are_moved_where_the_table_is_frozen_and_the_tracker_sees_it(
    tiny_base, two_tasks, make_pairs, tmp_path, logged
):
    for number, place in enumerate((TABLE, CACHED, [])):
        logged.clear()
        _train(tiny_base, two_tasks, make_pairs, tmp_path / str(number), *place, EACH["fgm"], EACH["flooding"])
        rises = [entry["regularizer/adversarial_rise"] for entry in logged if "regularizer/adversarial_rise" in entry]
        assert rises
        assert max(rises) > 1e-5  # a step as long as this one may also overshoot
        assert {entry["regularizer/flooding_duty"] for entry in logged if "regularizer/flooding_duty" in entry} == {1.0}


def test_a_run_with_regularizers_stopped_and_resumed_ends_with_the_same_weights(
    tiny_base, two_tasks, make_pairs, tmp_path, monkeypatch
):
    """Dropout is on and VAT draws, so random states must come back as they were."""
    overrides = [*CACHED, EACH["fgm"], EACH["r_drop"], EACH["vat"], "n_epochs=0.8"]
    whole = _train(tiny_base, two_tasks, make_pairs, tmp_path / "whole", *overrides)

    def stop(self, args, state, control, **more):
        if state.global_step == 3:
            raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "on_step_end", stop)
        with pytest.raises(StopError):
            _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", *overrides)
    assert list((tmp_path / "run").glob("checkpoint-*/complete"))
    torch.manual_seed(99)
    assert _same(_train(tiny_base, two_tasks, make_pairs, tmp_path / "run", *overrides, resume=True), whole)
    assert not _same(_train(tiny_base, two_tasks, make_pairs, tmp_path / "plain", *CACHED, "n_epochs=0.8"), whole)


def _pretrain(base, out, *overrides):
    corpus = base.parent / "regularized.txt"
    corpus.write_text("今天天气不错我们去公园\n学生球队赢了比赛\n昨晚我们输了比赛\n" * 4, encoding="utf-8")
    shorter = [
        "max_length=24",
        "max_tokens=60",
        "accumulation=2",
        "heldout_share=0",
        "report_to=[]",
        "learning_rate=1e-3",
    ]
    config = load_pretrain_config(None, overrides=[*shorter, *overrides])
    pretrain([corpus], base=base, out=out, config=config)
    return load_file(out / "model.safetensors")


def test_pretraining_takes_them_too_under_accumulation(tiny_base, tmp_path, logged, monkeypatch):
    plain = _pretrain(tiny_base, tmp_path / "plain")
    # Forced through the regularized step with every strength at 0: the Trainer's own step, bit for bit.
    with monkeypatch.context() as patch:
        patch.setattr("yanmo.fit.loop.regularizers.Regularizers.is_active", True)
        assert _same(_pretrain(tiny_base, tmp_path / "off"), plain)
    for name in ("fgm", "finite_difference", "r_drop"):
        assert not _same(_pretrain(tiny_base, tmp_path / name, EACH[name]), plain), name
    assert any(entry.get("regularizer/adversarial_rise", 0) > 1e-5 for entry in logged)
    assert any(entry.get("regularizer/parameter_penalty", 0) > 1e-5 for entry in logged)


def test_what_cannot_act_is_refused(tiny_base, two_tasks, make_pairs, tmp_path):
    def run(*overrides):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / str(len(list(tmp_path.iterdir()))), *overrides)

    with pytest.raises(InputError, match=r"nothing in this model drops out\. Fix: set dropout_prob above 0"):
        run(EACH["r_drop"], "dropout_prob=0", "architecture.head_dropout_prob=0")
    with pytest.raises(InputError, match=r"no layer of the encoder learns.*Fix: lower frozen_layers"):
        run(EACH["fgm"], "frozen_layers=3", "architecture.conditional_from=3")
    for first, second, message in (
        ("fgm", "pgd", "fgm and pgd each make a step"),
        ("fgm", "exact", "fgm and parameter_penalty each make a step"),
        ("gradient_penalty", "exact", "penalize one another"),
        ("flooding", "finite_difference", "set form to exact"),
    ):
        with pytest.raises(InputError, match=message):
            run(EACH[first], EACH[second])
    with pytest.raises(InputError, match=r"regularizers\.fgm\.epsilon: .*greater than or equal to 0"):
        run("regularizers.fgm.epsilon=-1")


def test_a_diverging_run_names_the_step_and_the_place(tiny_base, two_tasks, make_pairs, tmp_path, monkeypatch):
    from yanmo.layers import FeedForward

    forward, calls = FeedForward.forward, []

    def spoiled(self, x):
        calls.append(1)
        return forward(self, x) * (float("nan") if len(calls) > 13 else 1.0)  # three layers a pass

    monkeypatch.setattr(FeedForward, "forward", spoiled)
    place = r"the first thing not finite is the output of 'encoder\.blocks\.0\.feed_forward' \(FeedForward\)"
    with pytest.raises(InputError, match=rf"the loss is nan at step 5: training has diverged; {place}"):
        _train(tiny_base, two_tasks, make_pairs, tmp_path / "run", "n_epochs=2")
