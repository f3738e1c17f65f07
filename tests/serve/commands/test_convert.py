import io
import shutil
from pathlib import Path

import pytest
import torch
import transformers
import typer
from typer.testing import CliRunner

from yanmo.convert.cpm_config import CpmConfig
from yanmo.convert.megatron import megatron_rules
from yanmo.encode import load_encoder
from yanmo.errors import InputError
from yanmo.serve.commands.convert import convert_app
from yanmo.tokenize import CpmTokenizer

CHECKPOINTS = Path(__file__).parents[2] / "convert" / "tensorflow_checkpoints"


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.add_typer(convert_app, name="convert")

    def invoke(layout, *more):
        arguments = ["convert", "tensorflow", str(CHECKPOINTS / layout), "--out", str(tmp_path / "out"), *more]
        return CliRunner().invoke(app, arguments)

    return invoke


def test_a_checkpoint_becomes_a_folder_and_what_was_left_behind_is_said(run, tmp_path):
    result = run("bert")
    assert result.exit_code == 0, result.output
    assert "BertForPreTraining：2 层 × 8，激活 gelu" in result.stdout
    assert "词表 20，按字切分，不分大小写" in result.stdout
    assert "optimizer state 8、step count 1" in result.stdout
    assert load_encoder(tmp_path / "out").config.n_layers == 2


def test_the_options_reach_the_conversion(run, tmp_path):
    assert isinstance(run("roformer").exception, InputError)
    result = run("roformer", "--model-type", "roformer", "--activation", "gelu_new", "--checkpoint", "bert_model.ckpt")
    assert result.exit_code == 0, result.output
    config = load_encoder(tmp_path / "out").config
    assert (config.model_type.value, config.activation.value) == ("roformer", "gelu_new")
    assert run("roformer", "--model-type", "albert").exit_code == 2


def test_a_damaged_file_is_one_sentence_with_its_name(run, tmp_path, monkeypatch):
    shutil.copytree(CHECKPOINTS / "nezha", tmp_path / "in")
    path = tmp_path / "in" / "bert_model.ckpt.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-1])
    result = run(str(tmp_path / "in"))
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith(f"{path}: has 5,463 bytes; the variable ")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def cpm(tmp_path):
    """A tiny CPM checkpoint of one shard and its vocabulary, in a folder."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder, model = tmp_path / "cpm", io.BytesIO()
    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["美国的首都是华盛顿", "狗 dog 猫 cat"] * 3),
        model_writer=model,
        vocab_size=50,
        hard_vocab_limit=False,
        control_symbols=["<pad>", "<eod>"],
        user_defined_symbols=["\u2582", "\u2583"],
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "chinese_vocab.model").write_bytes(model.getvalue())
    n_tokens = CpmTokenizer.load(folder).vocab_size
    config = CpmConfig(n_layers=1, width=4, n_heads=2, n_positions=8, vocab_size=n_tokens)
    module = {rule.source: torch.randn(rule.shape) for rule in megatron_rules(config)}
    torch.save({"module": module}, folder / "mp_rank_00_model_states.pt")

    def invoke(*arguments):
        app = typer.Typer()
        app.add_typer(convert_app, name="convert")
        return CliRunner().invoke(app, ["convert", "cpm", *map(str, arguments), "--out", str(tmp_path / "out")])

    return folder, invoke, n_tokens


def test_cpm_becomes_a_folder_and_its_sizes_are_said(cpm, tmp_path):
    folder, invoke, n_tokens = cpm
    vocab = folder / "chinese_vocab.model"
    result = invoke(folder / "mp_rank_00_model_states.pt", "--vocab", vocab, "--heads", 2, "--dtype", "bfloat16")
    assert result.exit_code == 0, result.output
    assert "GPT2LMHeadModel：1 层 × 4，2 头，8 个位置" in result.stdout
    assert "张量 16 个，bfloat16" in result.stdout
    assert f"词表 {n_tokens}，新版（换行是 ▃）" in result.stdout
    model = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "out", dtype="auto")
    assert model.dtype == torch.bfloat16


def test_a_folder_of_cpm_is_enough_and_a_refusal_is_no_crash(cpm):
    folder, invoke, _ = cpm
    assert isinstance(invoke(folder).exception, InputError), "no number of heads"
    result = invoke(folder, "--heads", 2)
    assert result.exit_code == 0, result.output
    assert isinstance(invoke(folder, "--heads", 2).exception, InputError), "the folder is there"
