import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from yanmo.encode import EncoderConfig, encoder_keymap, load_encoder, read_config
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


def test_roberta_without_a_padding_id_has_transformers_own():
    values = {"model_type": "roberta", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1}
    values |= {"num_attention_heads": 2, "intermediate_size": 4, "max_position_embeddings": 20}
    assert EncoderConfig.from_hf(values).position_start == transformers.RobertaConfig().pad_token_id + 1
    assert EncoderConfig.from_hf(values | {"pad_token_id": 7}).max_tokens == 20 - 8


WRAPPED = ["bert.", "module.", "module.bert.", "auto_model.", "0.auto_model.", "_orig_mod.module.", "model.roberta."]


@pytest.mark.parametrize("prefix", WRAPPED)
@pytest.mark.parametrize("model_type", ["bert", "nezha", "ernie"])
def test_whatever_wraps_the_names_is_taken_off(bert_folder, prefix, model_type):
    path = bert_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": model_type}))
    if model_type == "nezha":
        # NEZHA's positions are computed and have no table.
        _rewrite(bert_folder, lambda t: {k: v for k, v in t.items() if "position_embeddings" not in k})
    before = load_encoder(bert_folder)
    # Heads of a wrapped model stand inside of the outer wrapper.
    outer = prefix.removesuffix("bert.").removesuffix("roberta.")
    head = {f"{outer}cls.predictions.bias": torch.zeros(40), f"{prefix}embeddings.position_ids": torch.zeros(1, 40)}
    _rewrite(bert_folder, lambda tensors: {f"{prefix}{name}": tensor for name, tensor in tensors.items()} | head)
    after = load_encoder(bert_folder)
    assert {*head} <= {*after.left_out}
    assert len(after.left_out) == len(before.left_out) + 2
    for name, tensor in before.encoder.state_dict().items():
        assert torch.equal(tensor, after.encoder.state_dict()[name])


def test_wrapped_names_are_said_as_the_folder_has_them(bert_folder):
    gone = "module.bert.encoder.layer.1.output.dense.bias"
    _rewrite(bert_folder, lambda tensors: {f"module.bert.{name}": tensor for name, tensor in tensors.items()})
    _rewrite(bert_folder, lambda tensors: {name: tensor for name, tensor in tensors.items() if name != gone})
    with pytest.raises(InputError, match=f"the tensor '{gone}' is missing"):
        load_encoder(bert_folder)


def test_two_encoders_in_one_folder_are_told_apart(bert_folder):
    _rewrite(bert_folder, lambda t: {f"{side}.{k}": v.clone() for k, v in t.items() for side in ("query", "passage")})
    with pytest.raises(InputError, match=r"several encoders: their names begin with 'passage.' and 'query.'"):
        load_encoder(bert_folder)


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
        ({"type_vocab_size": 0}, "type_vocab_size is 0"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0, expected a whole number from 1"),
        ({"num_attention_heads": "2"}, "num_attention_heads is '2'"),
        ({"num_attention_heads": None}, "num_attention_heads is None"),
        ({"num_attention_heads": True}, "num_attention_heads is True"),
        ({"num_attention_heads": -2}, "num_attention_heads is -2"),
        ({"hidden_size": 32.0}, "hidden_size is 32.0"),
        ({"hidden_size": [32]}, r"hidden_size is \[32\]"),
        ({"num_hidden_layers": "3"}, "num_hidden_layers is '3'"),
        ({"num_hidden_layers": float("inf")}, "num_hidden_layers is inf"),
        ({"vocab_size": "x"}, "vocab_size is 'x'"),
        ({"max_position_embeddings": "a"}, "max_position_embeddings is 'a'"),
        ({"intermediate_size": None}, "intermediate_size is None"),
        ({"layer_norm_eps": "1e-12"}, "layer_norm_eps is '1e-12', expected a number from 0 to 1"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps is nan"),
        ({"layer_norm_eps": -1}, "layer_norm_eps is -1"),
        ({"hidden_dropout_prob": 5.0}, "hidden_dropout_prob is 5.0, expected a number from 0 to 1"),
        ({"pad_token_id": "a"}, "pad_token_id is 'a'"),
        ({"pad_token_id": 40}, "pad_token_id 40 is no row of vocab_size 40"),
        ({"model_type": "roberta", "pad_token_id": None}, "pad_token_id is null, and roberta counts positions from it"),
        ({"model_type": "xlm-roberta", "pad_token_id": -1}, "pad_token_id -1 leaves no row"),
        ({"model_type": "roberta", "pad_token_id": 39}, "pad_token_id 39 leaves no row of max_position_embeddings 40"),
    ],
)
def test_a_configuration_that_cannot_be_honored_is_refused(bert_folder, change, message):
    path = bert_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        load_encoder(bert_folder)


@pytest.mark.parametrize("listed", [{}, {"weight_map": {}}, {"weight_map": ["a"]}, {"weight_map": {"a": 1}}])
def test_a_list_of_shards_that_lists_none_is_refused(bert_folder, listed):
    (bert_folder / "model.safetensors").unlink()
    (bert_folder / "model.safetensors.index.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match=r"index\.json: does not say which file holds which tensor"):
        load_encoder(bert_folder)


@pytest.mark.parametrize("held", [torch.zeros(2), [1], {1: torch.zeros(2)}, b"some text\n", b"\x80\x02h\x05.", b""])
def test_a_torch_file_of_something_else_is_refused(bert_folder, held):
    (bert_folder / "model.safetensors").unlink()
    path = bert_folder / "pytorch_model.bin"
    if isinstance(held, bytes):
        path.write_bytes(held)
    else:
        torch.save(held, path)
    with pytest.raises(InputError, match=str(bert_folder)):
        load_encoder(bert_folder)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"config.json: the file is missing"):
        load_encoder(tmp_path)
