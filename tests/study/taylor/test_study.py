import io
import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import typer
from rich.console import Console
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.commands.study import study
from yanmo.study.classification_tasks import ClassificationTask, bundled_task, corpus_task, hashed_ngrams
from yanmo.study.taylor.cost import break_even, growth_exponent, measure_costs
from yanmo.study.taylor.losses import LOSSES, TrainingPlan, train_and_read
from yanmo.study.taylor.minima import PUBLISHED_MINIMA, exact_minimum, significant
from yanmo.study.taylor.peak_memory import peak_bytes
from yanmo.study.taylor.study import run_taylor


def test_minima_equal_those_of_high_precision_arithmetic():
    mpmath = pytest.importorskip("mpmath")
    for order in (2, 4, 10, 20):
        found = exact_minimum(order)
        with mpmath.workdps(40):
            coefficients = [mpmath.mpf(1) / mpmath.factorial(k) for k in range(order - 1, -1, -1)]
            (root,) = [r for r in mpmath.polyroots(coefficients, maxsteps=200, extraprec=200) if abs(r.imag) < 1e-30]
            value = mpmath.fsum(root.real**k / mpmath.factorial(k) for k in range(order + 1))
            assert abs(mpmath.mpf(found.x) - root.real) <= abs(root.real) * mpmath.mpf("5e-12")
            assert abs(mpmath.mpf(found.value) - value) <= value * mpmath.mpf("5e-12")
        assert found.value == found.from_proof
        assert found.gap < 1e-20
        for digits in (found.x, found.value):
            assert len(digits.lstrip("-0.").replace(".", "")) == 12


@pytest.mark.parametrize("order", PUBLISHED_MINIMA)
def test_minima_round_to_every_published_digit(order):
    found = exact_minimum(order)
    for ours, theirs in zip((found.x, found.value), PUBLISHED_MINIMA[order], strict=True):
        assert f"{float(ours):.6g}" == theirs


def test_significant_digits_round_and_keep_their_zeros():
    assert significant(Fraction(99999, 10000), 3) == "10.0"
    assert significant(Fraction(1, 400), 2) == "0.0025"
    assert significant(Fraction(123456), 6) == "123456"


def test_slopes_and_crossings_of_known_curves():
    lengths = [512, 1024, 2048, 4096]
    assert growth_exponent(lengths, [3.0 * n**1.7 for n in lengths], shortest=1024) == pytest.approx(1.7)
    assert growth_exponent(lengths, [1.0, 2.0, 4.0, None], shortest=2048) is None
    linear, square = [1500.0 * n for n in lengths], [float(n * n) for n in lengths]
    assert break_even(lengths, linear, square) == pytest.approx(1500)
    assert break_even(lengths, square, linear) is None
    assert break_even(lengths, [1.0] * 4, [2.0] * 4) == 512
    assert break_even(lengths, linear, [None] * 4) is None


def test_the_peak_counts_what_lives_at_one_time():
    def loop():
        x = torch.zeros(1000)
        for _ in range(5):
            x = (x + 1).view(10, 100).add_(1).view(1000)
        return x

    assert peak_bytes(loop) == 8000
    w = torch.ones(10, 10, requires_grad=True)
    # Both factors of the second product wait for the gradient: (w w) is 100 numbers, its product another 100.
    assert peak_bytes(lambda: w @ w @ w) == 800
    assert peak_bytes(lambda: None) == 0


def test_costs_have_the_growth_they_must_have():
    lengths = [128, 256, 512]
    costs = measure_costs(lengths, head_width=4, is_training=False, n_repeats=1, on_length=lambda: None)
    memory = {name: growth_exponent(lengths, cost["bytes"], shortest=0) for name, cost in costs.items()}
    assert memory["taylor2"] == pytest.approx(2.0, abs=0.05)
    assert memory["softmax"] == pytest.approx(1.0, abs=0.05)
    assert memory["linear_taylor"] < 1.05
    assert memory["causal_linear_taylor"] < 1.05
    assert all(seconds > 0 for cost in costs.values() for seconds in cost["seconds"])


def _separable():
    inputs = torch.eye(3).repeat(30, 1)
    return ClassificationTask(
        "separable", inputs, torch.arange(3).repeat(30), ("a", "b", "c"), None, lambda: torch.nn.Linear(3, 3)
    )


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_learns_the_easy_task_and_leaves_the_generator_alone(name):
    plan = TrainingPlan(rates=(0.1,), n_epochs=12, seeds=(0,))
    before = torch.get_rng_state()
    reading = train_and_read(_separable(), LOSSES[name], plan, rate=0.1, seed=0)
    assert torch.equal(before, torch.get_rng_state())
    assert reading == train_and_read(_separable(), LOSSES[name], plan, rate=0.1, seed=0)
    assert reading.accuracy == 1
    assert reading.nll < 1
    # All are right, so that the calibration error is the mean distance of their probabilities from 1.
    assert reading.calibration_error == pytest.approx(1 - math.exp(-reading.nll), abs=0.05)


def test_ngrams_are_the_same_on_every_machine():
    # CRC-32 of the UTF-8 bytes, by hand: of "a" it is 0xe8b7be43, of "ab" 0x9e83486d.
    assert hashed_ngrams("ab", n_buckets=1 << 32) == [0xE8B7BE43 + 1, 0x71BEEFF9 + 1, 0x9E83486D + 1]
    assert all(1 <= i <= 7 for i in hashed_ngrams("研墨磨墨", n_buckets=7))


def test_bundled_texts_are_tested_on_what_was_not_trained_on():
    task = bundled_task(n_documents=5)
    assert len(task.classes) == 5
    assert set(task.labels[task.fixed_test].tolist()) == set(range(5))
    train = torch.ones(len(task.labels), dtype=torch.bool)
    train[task.fixed_test] = False
    assert train.sum() > len(task.fixed_test) > 0


def test_a_corpus_is_one_class_a_file(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "one.txt").write_text("\n".join(f"今天天气不错{i}" * 20 for i in range(6)) + "\n\n", encoding="utf-8")
    (folder / "two.txt").write_text("\n".join(f"我们去公园{i}" for i in range(6)) + "\n", encoding="utf-8")
    (folder / "few.txt").write_text("不够\n", encoding="utf-8")
    task = corpus_task(tmp_path, n_per_class=5)
    assert task.classes == ("one", "two")
    assert task.labels.tolist() == [0] * 5 + [1] * 5
    with pytest.raises(InputError, match=r"corpus: 0 files hold 9 documents or more, expected at least 2.*Fix"):
        corpus_task(tmp_path, n_per_class=9)
    with pytest.raises(InputError, match="there is no folder 'corpus' in the data"):
        corpus_task(folder, n_per_class=5)


def _app():
    app = typer.Typer()
    app.command()(study)
    return app


@pytest.mark.usefixtures("unchecked")
def test_the_quick_study_runs_from_the_command_line(tmp_path):
    result = CliRunner().invoke(_app(), ["taylor", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "taylor.json").read_text(encoding="utf-8"))
    assert record["quick"] is True
    assert record["seeds"] == [0, 1]
    assert record["versions"]["torch"] == torch.__version__
    minima = record["numbers"]["minima"]
    assert [row["order"] for row in minima] == list(range(2, 21, 2))
    assert all(row["layer_agrees"] for row in minima)
    assert all(row["matches_published"] for row in minima[:5])
    for found in record["numbers"]["losses"].values():
        assert len(found["readings"]) == 7
        for reading in found["readings"].values():
            assert np.isfinite([run["nll"] for run in reading["runs"]]).all()
            assert reading["nll"]["mean"] == pytest.approx(np.mean([run["nll"] for run in reading["runs"]]))
    pictures = sorted((tmp_path / "figures").iterdir())
    assert [path.name for path in pictures] == ["taylor_attention.png", "taylor_losses.png", "taylor_polynomials.png"]
    for path in pictures:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 200_000
    assert "-1.59607163798" in result.output
    assert str(tmp_path / "taylor.json") in result.output


def test_bad_use_is_named(tmp_path):
    result = CliRunner().invoke(_app(), ["taylor", "--data", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "there is no such folder" in str(result.exception)
    assert CliRunner().invoke(_app(), ["tailor"]).exit_code == 2
    with pytest.raises(InputError, match="there is no folder 'corpus'"):
        run_taylor(quick=True, data=tmp_path, console=Console(file=io.StringIO()))
