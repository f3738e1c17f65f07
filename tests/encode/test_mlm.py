import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from yanmo.encode import load_encoder, load_mlm, save_mlm
from yanmo.encode.mlm import head_keymap
from yanmo.errors import InputError

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "type_vocab_size": 2,
    "initializer_range": 0.5,
}
FAMILY = {
    "bert": (transformers.BertForMaskedLM, transformers.BertConfig, {"hidden_act": "relu"}),
    "roformer": (transformers.RoFormerForMaskedLM, transformers.RoFormerConfig, {"embedding_size": 12}),
    "roberta": (transformers.RobertaForMaskedLM, transformers.RobertaConfig, {"hidden_act": "relu"}),
    "xlm-roberta": (transformers.XLMRobertaForMaskedLM, transformers.XLMRobertaConfig, {}),
    "ernie": (transformers.ErnieForMaskedLM, transformers.ErnieConfig, {"use_task_id": True}),
}


@pytest.fixture(params=FAMILY)
def whole(request, tmp_path):
    """A tiny random masked language model of transformers, every part of its head away from its start."""
    model_class, config_class, more = FAMILY[request.param]
    model = model_class(config_class(**SIZES, **more)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("cls", "lm_head")):
                parameter.normal_()
    model.save_pretrained(tmp_path)
    return model, tmp_path


def _their_logits(model, batch):
    with torch.no_grad():
        return model(input_ids=batch.token_ids, attention_mask=batch.mask.long()).logits


def _batch(batch_of, config):
    batch = batch_of([11, 7], pad_id=config.pad_id)
    zeros = torch.zeros_like(batch.token_ids)
    return type(batch)(batch.token_ids, zeros, batch.position_ids, zeros, batch.mask)


def test_logits_are_those_of_transformers_at_the_asked_places_only(whole, batch_of):
    reference, folder = whole
    loaded = load_mlm(folder)
    assert loaded.has_head
    batch = _batch(batch_of, loaded.config)
    places = torch.tensor([1, 5, 10, 12, 17])
    with torch.no_grad():
        logits = loaded.model.eval()(batch, places)
    assert logits.shape == (5, 40)
    expected = _their_logits(reference, batch).flatten(0, 1)[places]
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-5)


def test_a_saved_folder_loads_in_transformers_and_here_with_equal_logits(whole, batch_of, tmp_path):
    reference, folder = whole
    loaded = load_mlm(folder)
    out = tmp_path / "saved"
    out.mkdir()
    save_mlm(loaded.model, loaded.config, out)
    again, info = type(reference).from_pretrained(out, output_loading_info=True)
    assert not info["unexpected_keys"]
    assert not [key for key in info["missing_keys"] if "embed_positions" not in key and "position_ids" not in key]
    batch = _batch(batch_of, loaded.config)
    torch.testing.assert_close(_their_logits(again.eval(), batch), _their_logits(reference, batch), atol=1e-4, rtol=0)
    assert json.loads((out / "config.json").read_text())["architectures"] == [type(reference).__name__]
    ours, encoder = load_mlm(out), load_encoder(out)
    assert ours.has_head
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(ours.model.state_dict()[name], tensor)
    assert set(encoder.left_out) == {
        head_keymap(loaded.config).to_theirs(f"head.{n}") for n in loaded.model.head.state_dict()
    }


def test_the_decoder_is_the_token_table(whole):
    _, folder = whole
    model = load_mlm(folder).model
    names = dict(model.named_parameters())
    assert sum(parameter.shape[0] == 40 and parameter.ndim == 2 for parameter in names.values()) == 1 + (
        "encoder.embedding.position.weight" in names
    )


def test_without_a_head_logits_start_about_unit_and_at_the_frequencies(bert_folder, batch_of):
    loaded = load_mlm(bert_folder)
    assert not loaded.has_head
    counts = torch.arange(40.0)
    loaded.model.start_from_frequencies(counts)
    torch.testing.assert_close(loaded.model.head.bias.exp(), (counts + 1) / (counts + 1).sum())
    torch.testing.assert_close(loaded.model.head.bias.exp().sum(), torch.tensor(1.0))
    with torch.no_grad():
        logits = loaded.model.eval()(batch_of([11, 11, 11]), torch.arange(33)) - loaded.model.head.bias
    assert 0.3 < float(logits.std()) < 2.0


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model."])
def test_a_wrapped_model_keeps_its_head(tmp_path, prefix):
    transformers.BertForMaskedLM(transformers.BertConfig(**SIZES)).save_pretrained(tmp_path)
    before = load_mlm(tmp_path).model.state_dict()
    _change(tmp_path, lambda tensors: {f"{prefix}{name}": tensor for name, tensor in tensors.items()})
    after = load_mlm(tmp_path)
    assert after.has_head
    assert all(torch.equal(tensor, after.model.state_dict()[name]) for name, tensor in before.items())


def _change(folder, change):
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: {k: v for k, v in t.items() if k != "cls.predictions.bias"},
            "the tensor 'cls.predictions.bias' is missing",
        ),
        (lambda t: t | {"cls.predictions.bias": torch.zeros(39)}, r"has the shape \[39\], config.json asks for \[40\]"),
        (
            lambda t: t | {"cls.predictions.decoder.weight": torch.zeros(40, 16)},
            "'cls.predictions.decoder.weight' differs from what it should be tied to",
        ),
        (lambda t: t | {"cls.predictions.extra": torch.zeros(1)}, "'cls.predictions.extra' is no part of"),
        (lambda t: t | {"cls.predictions.bias": torch.full([40], torch.nan)}, "'cls.predictions.bias' has values"),
    ],
)
def test_a_head_that_is_not_whole_is_refused(tmp_path, change, message):
    transformers.BertForMaskedLM(transformers.BertConfig(**SIZES)).save_pretrained(tmp_path)
    _change(tmp_path, change)
    with pytest.raises(InputError, match=message):
        load_mlm(tmp_path)


def test_old_names_and_written_out_ties_load_the_same(tmp_path):
    transformers.BertForMaskedLM(transformers.BertConfig(**SIZES)).save_pretrained(tmp_path)
    before = load_mlm(tmp_path).model.state_dict()

    def old(tensors):
        made = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in tensors.items()}
        made["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
        made["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
        made["cls.seq_relationship.bias"] = torch.zeros(2)
        return made

    _change(tmp_path, old)
    after = load_mlm(tmp_path).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
