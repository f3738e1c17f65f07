import json
import subprocess
import sys
import textwrap

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from yanmo.errors import InputError

pytest.importorskip("numba")

from yanmo.generate.loading import load_network
from yanmo.generate.quantized.folder import load_quantized
from yanmo.generate.quantized.matrix import Int4Matrix, Int8Matrix
from yanmo.generate.quantized.quantize import quantize_folder
from yanmo.generate.quantized.weight_storage import Bits, WeightStorage, storage_of

STORAGES = {
    "int8": WeightStorage(bits=Bits.INT8),
    "int4": WeightStorage(bits=Bits.INT4),
    "all int4": WeightStorage(bits=Bits.INT4, table_bits=Bits.INT4, group=16),
}


def make_network(**changes):
    torch.manual_seed(0)
    sizes = {"vocab_size": 150, "n_positions": 64, "n_embd": 24, "n_layer": 2, "n_head": 2, "initializer_range": 0.4}
    config = GPT2Config(**sizes | {"bos_token_id": None, "eos_token_id": None} | changes)
    network = GPT2LMHeadModel(config).eval()
    for parameter in network.parameters():
        if parameter.ndim == 1:  # norms and biases are no constants in a trained model
            torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "float"
    make_network().half().save_pretrained(folder, max_shard_size="20KB")
    (folder / "chinese_vocab.model").write_bytes(b"pieces")
    assert (folder / "model.safetensors.index.json").exists()
    return folder


def reference(folder, storage):
    """The float model with each matrix replaced by what it is rounded to."""
    network = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            bits = storage.table_bits if "wte" in name else storage.bits
            if weight.ndim == 2 and "wpe" not in name:
                rows = weight if "wte" in name else weight.T
                kind = Int8Matrix.of(rows) if bits == 8 else Int4Matrix.of(rows, group=storage.group)
                weight.copy_(kind.dequantized() if "wte" in name else kind.dequantized().T)
    return network


@pytest.mark.parametrize("name", STORAGES)
@pytest.mark.parametrize("shards", [True, False])
def test_a_folder_comes_back_as_the_rounded_model(source, tmp_path, name, shards):
    if not shards:
        network = GPT2LMHeadModel.from_pretrained(source)
        for path in source.glob("model*"):
            path.unlink()
        network.save_pretrained(source)
    seen = []
    out = tmp_path / "out"
    done = quantize_folder(source, out, storage=STORAGES[name], on_written=lambda *counts: seen.append(counts))
    network, expected = load_quantized(out), reference(source, STORAGES[name])
    row = torch.randint(0, 150, (2, 9))
    assert torch.allclose(network(row).logits, expected(row).logits, atol=2e-4, rtol=1e-4)
    assert done.n_parameters == expected.num_parameters()
    assert done.n_bytes == (out / "model.safetensors").stat().st_size
    assert seen[-1][0] == seen[-1][1] == len(seen)
    assert (out / "chinese_vocab.model").read_bytes() == b"pieces"
    assert {path.name for path in out.iterdir()} >= {"config.json", "model.safetensors", "chinese_vocab.model"}
    assert not [path for path in out.iterdir() if "index" in path.name or "-of-" in path.name]
    assert storage_of(out) == STORAGES[name]
    assert storage_of(source) is None
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network.dtype == torch.float32


@pytest.mark.parametrize("name", STORAGES)
def test_generation_is_that_of_the_rounded_model(source, tmp_path, name):
    quantize_folder(source, tmp_path / "out", storage=STORAGES[name])
    network, expected = load_quantized(tmp_path / "out"), reference(source, STORAGES[name])
    prompts = torch.tensor([[0, 0, 5, 6], [1, 2, 3, 4]])
    mask = (prompts > 0).long()
    for settings in ({"do_sample": False}, {"num_beams": 3}, {"do_sample": True, "top_k": 5}):
        torch.manual_seed(3)
        found = network.generate(prompts, attention_mask=mask, max_new_tokens=12, pad_token_id=0, **settings)
        torch.manual_seed(3)
        wanted = expected.generate(prompts, attention_mask=mask, max_new_tokens=12, pad_token_id=0, **settings)
        assert torch.equal(found, wanted)


def test_table_and_output_layer_are_one_and_weights_stay_in_the_file(source, tmp_path):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    network = load_quantized(tmp_path / "out")
    table, output = network.transformer.wte.matrix, network.lm_head.matrix
    assert table is output
    assert table.codes.data_ptr() == output.codes.data_ptr()
    names = load_file(tmp_path / "out" / "model.safetensors")
    assert not [name for name in names if name.startswith("lm_head")]
    n_float = sum(t.numel() for t in names.values() if t.is_floating_point() and t.ndim == 2 and t.shape[1] == 24)
    assert n_float == 64 * 24  # the positions only


def test_values_begin_at_a_cache_line(source, tmp_path):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int4"])
    raw = (tmp_path / "out" / "model.safetensors").read_bytes()
    n_header = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + n_header])
    assert (8 + n_header) % 64 == 0
    assert all(t["data_offsets"][0] % 64 == 0 for name, t in header.items() if ".matrix." in name)
    with safe_open(tmp_path / "out" / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_quantized_weights_are_not_trained(source, tmp_path):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    network = load_quantized(tmp_path / "out")
    network.transformer.ln_f.weight.requires_grad_(True)
    with pytest.raises(InputError, match="cannot be trained"):
        network(torch.tensor([[1, 2]]))
    with torch.no_grad():
        assert network(torch.tensor([[1, 2]])).logits.isfinite().all()


def change(folder, edit, name="model.safetensors"):
    tensors = load_file(folder / name)
    edit(tensors)
    save_file(tensors, folder / name, metadata={"format": "pt"})


def configure(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


CODES = "transformer.h.1.mlp.c_fc.matrix.codes"
SCALES = "transformer.h.1.mlp.c_fc.matrix.scales"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.pop(CODES), f"'{CODES}' is missing"),
        (lambda t: t.update(odd=torch.zeros(2)), "'odd' is no part of"),
        (lambda t: t.update({CODES: t[CODES][:, :1].clone()}), f"'{CODES}' has .*config.json asks for"),
        (lambda t: t.update({CODES: t[CODES].float()}), f"'{CODES}' has .*float32.*int8"),
        (lambda t: t[SCALES][0].fill_(torch.inf), f"'{SCALES}' has values that are infinite"),
        (lambda t: t["transformer.ln_f.weight"][1].fill_(torch.nan), "'transformer.ln_f.weight' has values"),
    ],
)
def test_a_wrong_tensor_is_refused(source, tmp_path, edit, message):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    change(tmp_path / "out", edit)
    with pytest.raises(InputError, match=message) as error:
        load_quantized(tmp_path / "out")
    assert str(tmp_path / "out") in str(error.value)
    assert "yanmo quantize" in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"yanmo": None}, "is not quantized"),
        ({"yanmo": 3}, "holds no object 'quantization'"),
        ({"yanmo": {"quantization": {"bits": 5}}}, r"yanmo.quantization.bits: "),
        ({"yanmo": {"quantization": {"bits": 8, "layout": 1}}}, r"layout: "),
        ({"yanmo": {"quantization": {"bits": 4, "group": 12}}}, r"group: .*multiple of 8"),
        ({"yanmo": {"quantization": {"bits": 4}}}, "config.json asks for"),
        ({"n_layer": 3}, r"'transformer.h.2.*\(and \d+ more\) is missing"),
        ({"n_layer": 1}, "is no part of"),
        ({"model_type": "bert"}, "model_type is 'bert'"),
    ],
)
def test_a_wrong_configuration_is_refused(source, tmp_path, values, message):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    configure(tmp_path / "out", **values)
    with pytest.raises(InputError, match=message):
        load_quantized(tmp_path / "out")


def test_a_truncated_or_missing_file_is_refused(source, tmp_path):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    path = tmp_path / "out" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model.safetensors.*truncated"):
        load_quantized(tmp_path / "out")
    path.unlink()
    with pytest.raises(InputError, match="neither"):
        load_quantized(tmp_path / "out")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: configure(f, n_layer=3), r"transformer.h.2.attn.c_attn.bias' \(and 11 more\) is missing.*n_layer"),
        (lambda f: configure(f, n_layer=1), r"transformer.h.1.attn.c_attn.bias' \(and 11 more\) is no part"),
        (lambda f: configure(f, n_positions=32), r"wpe.weight' has the shape \[64, 24\].*\[32, 24\]"),
        (lambda f: configure(f, tie_word_embeddings=False), "tie_word_embeddings is false"),
        (lambda f: (f / "config.json").write_text("{"), "config.json: is not JSON"),
        (lambda f: (f / "config.json").unlink(), "config.json: the file is missing"),
        (lambda f: next(iter(f.glob("*-of-*"))).unlink(), "cannot be read as safetensors"),
        (lambda f: next(iter(f.glob("*-of-*"))).write_bytes(b"1234567890"), "cannot be read as safetensors"),
        (lambda f: (f / "model.safetensors.index.json").unlink(), r"there is no model.safetensors.*yanmo convert"),
        (lambda f: (f / "model.safetensors.index.json").write_text("[]"), "is not a JSON object"),
        (lambda f: (f / "model.safetensors.index.json").write_text("{}"), "is no list of weight files"),
    ],
)
def test_a_broken_source_is_refused_and_leaves_nothing(source, tmp_path, break_it, message):
    break_it(source)
    with pytest.raises(InputError, match=message):
        quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["float"]


def test_values_that_are_no_numbers_and_an_output_layer_of_its_own_are_refused(source, tmp_path):
    for path in source.glob("model*"):
        path.unlink()
    tensors = {name: tensor for name, tensor in make_network().state_dict().items() if name != "lm_head.weight"}
    broken = tensors["transformer.h.0.mlp.c_fc.weight"].clone()
    broken[3, 4] = torch.inf
    save_file({**tensors, "transformer.h.0.mlp.c_fc.weight": broken}, source / "model.safetensors")
    with pytest.raises(InputError, match=r"'transformer.h.0.mlp.c_fc.weight' has values that are infinite"):
        quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    save_file({**tensors, "lm_head.weight": torch.zeros(150, 24)}, source / "model.safetensors")
    with pytest.raises(InputError, match=r"'lm_head.weight' differs from 'transformer.wte.weight'"):
        quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    # The same tensor once more, and masks of older versions, are no trouble.
    again = {"lm_head.weight": tensors["transformer.wte.weight"].clone(), "transformer.h.0.attn.bias": torch.ones(1)}
    save_file({**tensors, **again}, source / "model.safetensors")
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])


def test_quantizing_twice_or_over_something_is_refused(source, tmp_path):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int8"])
    with pytest.raises(InputError, match="quantized already"):
        quantize_folder(tmp_path / "out", tmp_path / "more", storage=STORAGES["int4"])
    with pytest.raises(InputError, match="exists and is not empty"):
        quantize_folder(source, tmp_path / "out", storage=STORAGES["int4"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_loading_and_generating_hold_the_weights_once(tmp_path):
    network = make_network(vocab_size=1000, n_embd=512, n_layer=6, n_head=8)  # 19 million weights
    n_weights = network.num_parameters()
    network.save_pretrained(tmp_path / "float")
    quantize_folder(tmp_path / "float", tmp_path / "out", storage=STORAGES["int8"])
    code = """
        import sys, torch
        from pathlib import Path
        from yanmo.generate.quantized.folder import load_quantized
        torch.set_num_threads(1)
        def peak():
            return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) * 1024
        small, large = map(Path, sys.argv[1:])
        load_quantized(small).generate(torch.ones(1, 4, dtype=torch.long), max_new_tokens=2, pad_token_id=0)
        before = peak()
        load_quantized(large).generate(torch.ones(1, 4, dtype=torch.long), max_new_tokens=2, pad_token_id=0)
        print(peak() - before)
    """
    make_network().save_pretrained(tmp_path / "tiny")
    quantize_folder(tmp_path / "tiny", tmp_path / "tiny8", storage=STORAGES["int8"])
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "tiny8"), str(tmp_path / "out")]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    # A float copy of the matrices alone would add 4 bytes a weight.
    assert grown < 1.5 * n_weights


def test_the_loader_of_language_models_knows_quantized_folders(source, tmp_path):
    quantize_folder(source, tmp_path / "out", storage=STORAGES["int4"])
    row = torch.tensor([[1, 2, 3]])
    assert torch.equal(load_network(tmp_path / "out")(row).logits, load_quantized(tmp_path / "out")(row).logits)
    with pytest.raises(InputError, match=r"quantized and compute in float32, not torch.bfloat16"):
        load_network(tmp_path / "out", dtype=torch.bfloat16)
