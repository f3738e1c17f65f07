"""CPM's shards that make no model: a damaged tensor, another model's vocabulary, heads that nobody named."""

import importlib.util
from pathlib import Path

import pytest
import torch

from yanmo.errors import InputError

_spec = importlib.util.spec_from_file_location("cpm_reference", Path(__file__).with_name("cpm_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
vocab, n_tokens, weights = reference.vocab, reference.n_tokens, reference.weights
split, save, convert = reference.split, reference.save, reference.convert
WIDTH = reference.WIDTH

NORM, DENSE = "transformer.final_layernorm.bias", "transformer.layers.1.attention.dense.weight"
QKV = "transformer.layers.0.attention.query_key_value.weight"


def _drop(shards):
    del shards[1][DENSE]


def _add(shards):
    shards[0]["transformer.layers.0.attention.extra"] = torch.ones(2)


def _add_layer(shards):
    shards[0]["transformer.layers.7.mlp.dense_h_to_4h.bias"] = torch.ones(2)


def _reshape(shards):
    shards[1][DENSE] = shards[1][DENSE].T.contiguous()


def _mix(shards):
    shards[1][NORM][3] += 1


def _integers(shards):
    shards[0][NORM] = torch.ones(WIDTH, dtype=torch.long)


def _no_number(shards):
    shards[0][DENSE][0, 0] = float("nan")


def _too_large(shards):
    shards[0][DENSE] = shards[0][DENSE].float() * 1e6


def _uneven(shards):
    shards[0][QKV] = torch.ones(7, WIDTH)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_drop, rf"rank_01.*the tensor '{DENSE}' \[8, 4\] is missing.*get the whole checkpoint"),
        (_add, r"rank_00.*the tensor 'transformer.layers.0.attention.extra' is no part of a GPT-2 of 2 layers"),
        (_add_layer, r"the tensor 'transformer.layers.2.input_layernorm.weight' \[8\] is missing"),
        (_reshape, rf"rank_01.*the tensor '{DENSE}' has the shape \[4, 8\], expected \[8, 4\] in each of 2 shards"),
        (_mix, rf"rank_01.*the tensor '{NORM}' differs from that of mp_rank_00.*shards of two checkpoints"),
        (_integers, rf"rank_00.*'{NORM}' is torch.int64, not a tensor of floating-point numbers"),
        (_no_number, r"the tensor 'transformer.h.1.attn.c_proj.weight' has values that are infinite or no number"),
        (_too_large, r"infinite or no number in float16.*add --dtype bfloat16"),
        (_uneven, r"query_key_value.weight' \[7, 8\] for a width of 8 this file is of no whole number of shards"),
    ],
)
def test_a_broken_checkpoint_is_refused_with_the_tensors_name(weights, vocab, tmp_path, damage, message):
    shards = split(weights, 2)
    damage(shards)
    paths = save(shards, tmp_path)
    with pytest.raises(InputError, match=message):
        convert(paths, tmp_path / "out", vocab)
    assert sorted(tmp_path.iterdir()) == paths, "something was left behind"


def test_a_vocabulary_that_is_not_the_models_is_refused(weights, vocab, n_tokens, tmp_path):
    for n_rows in (n_tokens - 1, n_tokens + 2, n_tokens + 40):
        rows = torch.zeros(n_rows, WIDTH).half()
        paths = save([weights | {"word_embeddings.weight": rows}], tmp_path)
        expected = rf"'word_embeddings.weight' has {n_rows} rows in all shards, the vocabulary has {n_tokens} tokens"
        with pytest.raises(InputError, match=expected):
            convert(paths, tmp_path / "out", vocab)
    with pytest.raises(InputError, match=r"there is neither chinese_vocab.model nor spiece.model"):
        convert(paths, tmp_path / "out", None)


def test_heads_that_no_weight_tells_are_asked_for(weights, vocab, tmp_path):
    paths = save(split(weights, 1), tmp_path)
    with pytest.raises(InputError, match=r"does not say how many heads share its width of 8.*add --heads"):
        convert(paths, tmp_path / "out", vocab, n_heads=None)
    with pytest.raises(InputError, match="a width of 8 cannot be shared by 3 heads"):
        convert(paths, tmp_path / "out", vocab, n_heads=3)
