import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from yanmo.errors import InputError
from yanmo.generate import Decoding, load_language_model, load_network


def change(folder, edit):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def configure(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_folder_gives_its_network(cpm_folder, dtype):
    folder, tokenizer, network = cpm_folder
    model = load_language_model(folder, dtype=dtype)
    row = torch.tensor([[5, 6, 7]])
    assert torch.equal(model.network(row).logits, network.to(dtype)(row).logits)
    assert model.network.lm_head.weight is model.network.transformer.wte.weight
    assert model.tokenizer.vocab_size == tokenizer.vocab_size
    assert not model.network.training


def test_a_prompt_with_newline_and_space(cpm_folder, slow_greedy):
    folder, tokenizer, network = cpm_folder
    prompt = "狗 dog\n日本 "
    [found] = load_language_model(folder).generate([prompt], decoding=Decoding(max_new_tokens=8))
    token_ids = tokenizer.encode(prompt).token_ids.tolist()
    assert tokenizer.newline_id in token_ids
    network.config.eos_token_id = None
    expected = slow_greedy(network, token_ids, 8, forbidden=tokenizer.pad_id)
    if tokenizer.eod_id in expected:
        expected = expected[: expected.index(tokenizer.eod_id)]
    assert list(found.token_ids) == expected
    assert found.text == tokenizer.decode(expected)


def test_old_causal_masks_are_no_weights(cpm_folder):
    folder, _, _ = cpm_folder
    change(folder, lambda tensors: tensors.update({"transformer.h.0.attn.bias": torch.ones(1, 1, 64, 64)}))
    load_network(folder)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda t: t.pop("transformer.h.1.mlp.c_fc.bias"), "'transformer.h.1.mlp.c_fc.bias' is missing"),
        (lambda t: t.update({"transformer.h.2.ln_1.bias": torch.ones(16)}), "'transformer.h.2.ln_1.bias' is no part"),
        (lambda t: t.update({"transformer.ln_f.bias": torch.ones(17)}), r"ln_f.bias' has the shape \[17\].* \[16\]"),
        (lambda t: t.update({"lm_head.weight": t["transformer.wte.weight"] + 1}), "'lm_head.weight' differs"),
        (lambda t: t["transformer.ln_f.bias"].fill_(torch.nan), "'transformer.ln_f.bias' has values that are infinite"),
        (lambda t: t["transformer.wpe.weight"][3].fill_(-torch.inf), "'transformer.wpe.weight' has values"),
    ],
)
def test_no_tensor_is_random(cpm_folder, edit, problem):
    folder, _, _ = cpm_folder
    change(folder, edit)
    with pytest.raises(InputError, match=problem) as caught:
        load_language_model(folder)
    assert caught.value.where == folder
    assert caught.value.fix


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"model_type": "bert"}, "model_type is 'bert', not 'gpt2'"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is false"),
        ({"n_layer": 1}, "'transformer.h.1.attn.c_attn.bias' .* is no part"),
        ({"n_layer": 3}, "'transformer.h.2.attn.c_attn.bias' .*is missing"),
    ],
)
def test_configurations_that_do_not_fit(cpm_folder, values, problem):
    folder, _, _ = cpm_folder
    configure(folder, **values)
    with pytest.raises(InputError, match=problem):
        load_language_model(folder)


def test_damaged_folders(cpm_folder, tokenizer, tmp_path):
    folder, _, _ = cpm_folder
    with pytest.raises(InputError, match="tokenizer has 262 ids") as caught:
        load_language_model(folder, tokenizer=tokenizer)
    assert caught.value.where == folder
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"config\.json: is not JSON"):
        load_language_model(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json: the file is missing"):
        load_language_model(folder)
    with pytest.raises(InputError, match="config"):
        load_language_model(tmp_path / "nowhere")
