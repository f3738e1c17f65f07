import pytest
import typer
from transformers import GPT2Config, GPT2LMHeadModel
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.commands.quantize import quantize

pytest.importorskip("numba")


@pytest.fixture
def app():
    app = typer.Typer()
    app.callback()(lambda: None)
    app.command()(quantize)
    return app


@pytest.fixture
def model(tmp_path):
    config = GPT2Config(vocab_size=20, n_positions=8, n_embd=16, n_layer=1, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("options", [["--bits", "8"], ["--bits", "4", "--group", "16", "--table-bits", "4"]])
def test_a_folder_is_written(app, model, tmp_path, options):
    from yanmo.generate.quantized.weight_storage import storage_of

    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["quantize", str(model), *options, "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "个参数" in done.stderr
    assert str(out) in done.stderr
    assert storage_of(out).bits == int(options[1])


def test_wrong_use(app, model, tmp_path):
    done = CliRunner().invoke(app, ["quantize", str(model), "--bits", "3", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    with pytest.raises(InputError, match=r"--group is 12.*multiple of 8"):
        CliRunner().invoke(
            app,
            ["quantize", str(model), "--bits", "4", "--group", "12", "--out", str(tmp_path / "out")],
            catch_exceptions=False,
        )
