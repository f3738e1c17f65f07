import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from yanmo.encode import encoder_keymap, load_encoder, read_config
from yanmo.errors import InputError


def _rewrite(folder, change):
    tensors = load_file(folder / "model.safetensors")
    save_file(change(tensors), folder / "model.safetensors")


def test_keymap_is_a_bijection_on_every_family_member(reference):
    _, folder = reference
    loaded = load_encoder(folder)
    keymap = encoder_keymap(loaded.config)
    for ours in loaded.encoder.state_dict():
        theirs = keymap.to_theirs(ours)
        assert keymap.to_ours(theirs) == ours
        assert keymap.to_ours(f"{keymap.prefix}{theirs}") == ours


def test_config_survives_the_round_trip(reference):
    _, folder = reference
    config = read_config(folder)
    assert type(config).from_hf(config.to_hf()) == config


def test_gamma_beta_and_prefixed_names_load_the_same(bert_folder):
    before = load_encoder(bert_folder).encoder.state_dict()

    def old_names(tensors):
        renamed = {}
        for name, tensor in tensors.items():
            if "LayerNorm" in name:
                name = name.replace("weight", "gamma").replace("bias", "beta")
            renamed[f"bert.{name}"] = tensor
        return renamed

    _rewrite(bert_folder, old_names)
    after = load_encoder(bert_folder).encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_torch_file_loads_as_the_safetensors_file_does(bert_folder):
    before = load_encoder(bert_folder).encoder.state_dict()
    torch.save(load_file(bert_folder / "model.safetensors"), bert_folder / "pytorch_model.bin")
    (bert_folder / "model.safetensors").unlink()
    after = load_encoder(bert_folder).encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_fewer_layers_are_the_lower_ones(bert_folder):
    whole, cut = load_encoder(bert_folder).encoder, load_encoder(bert_folder, n_layers=2).encoder
    assert len(cut.blocks) == 2
    assert torch.equal(whole.blocks[1].feed_forward.up.weight, cut.blocks[1].feed_forward.up.weight)


NORM = "encoder.layer.2.output.LayerNorm.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: {k: v for k, v in t.items() if "layer.1.output.dense.bias" not in k},
            "layer.1.output.dense.bias' is missing",
        ),
        (lambda t: t | {"encoder.layer.1.output.dense.extra": torch.zeros(1)}, "dense.extra' is no part of a bert"),
        (lambda t: t | {"encoder.layer.9.new": torch.zeros(1)}, "'encoder.layer.9.new' is no part of a bert encoder"),
        (
            lambda t: t | {"embeddings.LayerNorm.weight": torch.zeros(3)},
            r"has the shape \[3\], config.json asks for \[16\]",
        ),
        (lambda t: t | {NORM: t[NORM].index_fill(0, torch.tensor(3), torch.nan)}, f"'{NORM}' has values that are inf"),
        (lambda t: t | {NORM: t[NORM].half().fill_(torch.inf)}, f"'{NORM}' has values that are inf"),
    ],
)
def test_a_tensor_too_few_too_many_or_misshapen_is_named(bert_folder, change, message):
    _rewrite(bert_folder, change)
    with pytest.raises(InputError, match=message):
        load_encoder(bert_folder)


def test_a_truncated_file_is_named(bert_folder):
    path = bert_folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model.safetensors: cannot be read .* download it again"):
        load_encoder(bert_folder)


def test_pickled_code_is_not_executed(bert_folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    (bert_folder / "model.safetensors").unlink()
    torch.save({"x": Evil()}, bert_folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot be read as a torch file of plain tensors"):
        load_encoder(bert_folder)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2' is not an encoder Yanmo reads"),
        ({"hidden_act": "swish"}, "hidden_act 'swish'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type = 'relative_key' is not supported"),
        ({"num_attention_heads": 3}, "16 is not a multiple of num_attention_heads 3"),
    ],
)
def test_a_configuration_that_cannot_be_honored_is_refused(bert_folder, change, message):
    path = bert_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_encoder(bert_folder)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"config.json: the file is missing"):
        load_encoder(tmp_path)
