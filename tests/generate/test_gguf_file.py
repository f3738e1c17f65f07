import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.generate import GgufType, write_gguf
from yanmo.serve.cli import app
from yanmo.tokenize.cpm import CpmTokenizer

gguf = pytest.importorskip("gguf")


@pytest.fixture
def wide_folder(cpm_vocabulary, make_gpt2, tmp_path):
    """As `cpm_folder`, its rows two blocks of 32 weights wide."""
    tokenizer = CpmTokenizer(cpm_vocabulary)
    network = make_gpt2(tokenizer.vocab_size, eod=tokenizer.eod_id, width=64)
    network.save_pretrained(tmp_path / "wide")
    tokenizer.save(tmp_path / "wide")
    return tmp_path / "wide", tokenizer, network


@pytest.mark.parametrize(("weights", "error"), [("f32", 0.0), ("f16", 5e-4), ("q8_0", 5e-3), ("q4_0", 0.13)])
def test_the_file_holds_every_tensor_within_its_type(wide_folder, tmp_path, weights, error):
    folder, tokenizer, network = wide_folder
    done = write_gguf(folder, tmp_path / "model.gguf", weights=weights)
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    found = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    block = network.transformer.h[1]
    expected = {
        "token_embd.weight": network.transformer.wte.weight,
        "position_embd.weight": network.transformer.wpe.weight,
        "output_norm.bias": network.transformer.ln_f.bias,
        "blk.1.attn_norm.weight": block.ln_1.weight,
        "blk.1.attn_qkv.weight": block.attn.c_attn.weight.T,
        "blk.1.attn_output.bias": block.attn.c_proj.bias,
        "blk.1.ffn_up.weight": block.mlp.c_fc.weight.T,
        "blk.1.ffn_down.weight": block.mlp.c_proj.weight.T,
    }
    for name, tensor in expected.items():
        wanted = tensor.detach().numpy()
        assert found[name].shape == wanted.shape
        assert np.abs(found[name] - wanted).max() <= error * np.abs(wanted).max(), name
    assert len(found) == done.n_tensors == 2 + 2 + 12 * len(network.transformer.h)
    assert done.n_bytes == (tmp_path / "model.gguf").stat().st_size

    def field(name):
        return reader.fields[name].contents()

    assert field("general.architecture") == "gpt2"
    assert (field("gpt2.context_length"), field("gpt2.attention.head_count")) == (64, 2)
    assert field("tokenizer.ggml.tokens") == tokenizer.tokens
    assert field("tokenizer.ggml.eos_token_id") == tokenizer.eod_id
    assert field("tokenizer.ggml.add_bos_token") is False


def test_llama_computes_what_the_network_does(wide_folder, tmp_path):
    """Where llama.cpp is at hand: `pip install xllamacpp`, 34 MB that not every run of tests needs."""
    xllamacpp = pytest.importorskip("xllamacpp")
    folder, tokenizer, network = wide_folder
    write_gguf(folder, tmp_path / "model.gguf", weights="f32")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(tmp_path / "model.gguf")
    parameters.n_ctx, parameters.n_parallel, parameters.cpuparams.n_threads = 64, 1, 1
    prompt = tokenizer.encode("法国的首都是").token_ids.tolist()
    answer = xllamacpp.Server(parameters).handle_completions(
        {"prompt": prompt, "n_predict": 12, "temperature": 0, "n_probs": tokenizer.vocab_size}
    )
    steps = answer["choices"][0]["logprobs"]["content"]
    made = [step["id"] for step in steps]
    with torch.no_grad():
        logits = network(torch.tensor([prompt + made])).logits[0, len(prompt) - 1 : -1]
    assert made == logits.argmax(-1).tolist()
    for step, wanted in zip(steps, logits.log_softmax(-1).tolist(), strict=True):
        found = {other["id"]: other["logprob"] for other in step["top_logprobs"]}
        assert [found[i] for i in range(len(wanted))] == pytest.approx(wanted, abs=0.03)  # its attention is in half


def test_a_file_is_whole_or_not_there(wide_folder, tmp_path, monkeypatch):
    folder, _, _ = wide_folder

    def full(writer, tensor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gguf.GGUFWriter, "write_tensor_data", full)
    with pytest.raises(OSError, match=r"No space left on device.*model\.gguf"):
        write_gguf(folder, tmp_path / "model.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["wide"]


@pytest.mark.parametrize(
    ("change", "weights", "problem"),
    [
        ({"activation_function": "relu"}, "f16", "activation_function is 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "f16", "attention is scaled"),
    ],
)
def test_what_llama_would_compute_otherwise_is_refused(wide_folder, tmp_path, change, weights, problem):
    folder, _, _ = wide_folder
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(InputError, match=problem):
        write_gguf(folder, tmp_path / "model.gguf", weights=weights)


def test_weights_beyond_float16_are_refused(wide_folder, tmp_path):
    folder, _, network = wide_folder
    with torch.no_grad():
        network.transformer.h[0].mlp.c_fc.weight[0, 0] = 1e5
    network.save_pretrained(folder)
    with pytest.raises(InputError, match=r"c_fc.weight' has weights beyond float16"):
        write_gguf(folder, tmp_path / "model.gguf", weights="f16")
    assert not (tmp_path / "model.gguf").exists()


def test_rows_that_are_no_blocks_are_refused(cpm_folder, tmp_path):
    with pytest.raises(InputError, match="blocks of 32 weights, and a row has 16"):
        write_gguf(cpm_folder[0], tmp_path / "model.gguf", weights=GgufType.Q8_0)


def test_the_command_writes_the_file(wide_folder, tmp_path):
    folder, _, _ = wide_folder
    out = tmp_path / "by-command.gguf"
    done = CliRunner().invoke(app, ["convert", "gguf", str(folder), "--out", str(out), "--type", "q8_0"])
    assert done.exit_code == 0, done.output
    write_gguf(folder, tmp_path / "by-call.gguf", weights="q8_0")
    assert out.read_bytes() == (tmp_path / "by-call.gguf").read_bytes()
    assert "个张量" in done.stderr
