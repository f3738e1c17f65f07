"""Regularizers and the watch of the sharpness in Trainers of other people: a BERT of transformers and its own loss."""

import copy

import pytest
import torch
from torch.utils.data import Dataset, default_collate
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    Trainer,
    TrainingArguments,
)

from yanmo.errors import InputError
from yanmo.fit import RegularizedTrainerMixin, Regularizers, SharpnessWatch
from yanmo.regularize import fgm_backward, r_drop_loss

RATE, ROWS = 0.1, 4
CONFIG = {
    "vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "num_labels": 3,
}  # fmt: skip


class Recording(Trainer):
    """Remembers its batches, and draws the dropout of every pass from the pass's number."""

    def __init__(self, *args, **kwargs):
        self.seen, self.n_passes = [], 0
        super().__init__(*args, **kwargs)

    def compute_loss(self, model, inputs, *args, **kwargs):
        self.seen.append(dict(inputs))
        self.n_passes += 1
        torch.manual_seed(self.n_passes)
        return super().compute_loss(model, inputs, *args, **kwargs)


class Regularized(RegularizedTrainerMixin, Recording):
    pass


class Rows(Dataset):
    def __init__(self, *, labels_of_tokens=False):
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(12, (4 * ROWS, 5), generator=generator)
        labels = torch.randint(3, ids.shape if labels_of_tokens else ids.shape[:1], generator=generator)
        self.rows = [{"input_ids": i, "labels": y} for i, y in zip(ids, labels, strict=True)]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def bert(kind=BertForSequenceClassification, *, dropout=0.0):
    torch.manual_seed(0)
    return kind(BertConfig(**CONFIG, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout))


def trained(model, tmp_path, *, kind=Regularized, data=None, accumulate=1, **options):
    arguments = TrainingArguments(
        output_dir=str(tmp_path), per_device_train_batch_size=ROWS, max_steps=2, learning_rate=RATE, optim="sgd",
        lr_scheduler_type="constant", logging_steps=1, report_to=[], use_cpu=True, max_grad_norm=0.0,
        save_strategy="no", disable_tqdm=True, gradient_accumulation_steps=accumulate,
    )  # fmt: skip
    trainer = kind(model, arguments, train_dataset=data or Rows(), **options)
    trainer.train()
    return trainer


def descended(model, steps):
    """Gradient descent by hand: each step is a function that adds to ``.grad``."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for step in steps:
        optimizer.zero_grad()
        step()
        optimizer.step()
    return model


def the_same(one, other, *, atol=0.0):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.allclose(a, b, rtol=0, atol=atol) for a, b in pairs)


def logged(trainer, name):
    return [entry[f"regularizer/{name}"] for entry in trainer.state.log_history if "loss" in entry]


def test_all_strengths_zero_is_the_trainer_itself(tmp_path):
    plain, mixed = bert(dropout=0.1), bert(dropout=0.1)
    trained(plain, tmp_path, kind=Recording, accumulate=2)
    trained(mixed, tmp_path, regularizers={}, accumulate=2)
    assert the_same(plain, mixed)


def test_fgm_is_fgm_by_hand(tmp_path):
    model, by_hand, plain = bert(), bert(), bert()
    trainer = trained(model, tmp_path, regularizers={"fgm": {"epsilon": 0.5}})
    batches = trainer.seen[::2]  # each is passed twice: where it is, and where it is worst
    assert trainer.n_passes == 4
    table = by_hand.get_input_embeddings().weight
    descended(by_hand, [lambda b=b: fgm_backward(lambda: by_hand(**b).loss, [table], epsilon=0.5) for b in batches])
    descended(plain, [lambda b=b: plain(**b).loss.backward() for b in batches])
    assert the_same(model, by_hand, atol=1e-6)
    assert not the_same(model, plain, atol=1e-3)
    assert min(logged(trainer, "adversarial_rise")) > 0


def test_r_drop_is_r_drop_by_hand(tmp_path):
    model, by_hand = bert(dropout=0.2), bert(dropout=0.2)
    trainer = trained(model, tmp_path, regularizers=Regularizers(r_drop={"weight": 2.0}))
    n = 0

    def step(batch):
        def one_pass():
            nonlocal n
            n += 1
            torch.manual_seed(n)
            found = by_hand.train()(**batch)
            return found.loss, found.logits

        r_drop_loss(one_pass, weight=2.0, divisor=float(ROWS)).backward()

    descended(by_hand, [lambda b=b: step(b) for b in trainer.seen[::2]])
    assert the_same(model, by_hand, atol=1e-6)
    assert min(logged(trainer, "loss_terms")) > 0


def test_accumulated_batches_are_one_mean(tmp_path):
    # Below the level of flooding the gradient is turned around: a step uphill by the mean of two batches.
    model, by_hand = bert(), bert()
    seen = trained(model, tmp_path, regularizers={"flooding": {"level": 100.0}}, accumulate=2).seen

    def step(two):
        for batch in two:
            (-by_hand(**batch).loss / 2).backward()

    descended(by_hand, [lambda two=two: step(two) for two in (seen[:2], seen[2:])])
    assert the_same(model, by_hand, atol=1e-6)


def test_what_cannot_act_is_refused(tmp_path):
    frozen = bert()
    frozen.get_input_embeddings().requires_grad_(False)
    tokens = {"kind": Regularized, "data": Rows(labels_of_tokens=True)}
    for problem, model, regularizers, options in [
        ("do not learn", frozen, {"fgm": {"epsilon": 1.0}}, {}),
        ("regularizers: fgm", bert(), {"fgm": {"epsilon": -1.0}}, {}),
        ("dropout", bert(), {"r_drop": {"weight": 1.0}}, {}),
        (r"shape \[4, 5, 3\]", bert(BertForTokenClassification), {"vat": {"weight": 1.0}}, tokens),
    ]:
        with pytest.raises(InputError, match=problem):
            trained(model, tmp_path, regularizers=regularizers, **options)


def test_the_watch_reads_says_once_and_leaves_the_run_as_it_was(tmp_path):
    plain = bert(dropout=0.2)
    watched, said, read = copy.deepcopy(plain), [], []
    batch = default_collate(Rows().rows)
    watch = SharpnessWatch(lambda m: m(**batch).loss, every=1, edge=1e-9, say=said.append, log=read.append)
    trained(plain, tmp_path, kind=Recording)
    trained(watched, tmp_path, kind=Recording, callbacks=[watch])
    assert the_same(plain, watched)
    assert [step for step, _ in watch.readings] == [1, 2]
    for _, readings in watch.readings:
        assert readings["sharpness/times_rate"] == pytest.approx(RATE * readings["sharpness/value"])
    assert read == [readings for _, readings in watch.readings]
    assert len(said) == 1
    for options in ({"every": 0}, {"edge": 0.0}):
        with pytest.raises(InputError, match="every is"):
            SharpnessWatch(lambda model: model, **options)
