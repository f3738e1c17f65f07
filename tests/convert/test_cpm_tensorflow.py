"""CPM in bert4keras's TensorFlow layout: the same folder as from the shards, or a refusal that names the variable."""

import importlib.util
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from yanmo.convert.cpm_tensorflow import variables_of
from yanmo.convert.crc32c import masked_crc32c
from yanmo.errors import InputError

_spec = importlib.util.spec_from_file_location("cpm_reference", Path(__file__).with_name("cpm_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
vocab, n_tokens, weights = reference.vocab, reference.n_tokens, reference.weights
split, save, forward = reference.split, reference.save, reference.forward
convert, logits, stored = reference.convert, reference.logits, reference.stored
LAYERS, WIDTH, HEADS, TEXT = reference.LAYERS, reference.WIDTH, reference.HEADS, reference.TEXT


def varint(value):
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def field(number, value):
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def save_tensorflow(values, folder):
    """Writes TensorFlow's checkpoint format: LevelDB's table of entries, and the bytes."""
    data, entries = b"", {b"": field(1, 1)}
    for name in sorted(values):
        array = np.ascontiguousarray(values[name])
        raw = array.tobytes()
        shape = b"".join(field(2, field(1, size)) for size in array.shape)
        kind = {np.dtype("float32"): 1, np.dtype("float16"): 19, np.dtype("int64"): 9}[array.dtype]
        entries[name.encode()] = (
            field(1, kind) + field(2, shape) + field(4, len(data)) + field(5, len(raw))
            + varint(6 << 3 | 5) + struct.pack("<I", masked_crc32c(raw))
        )  # fmt: skip
        data += raw
    table = b""

    def block(rows):
        nonlocal table
        body = b"".join(varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in rows)
        body += struct.pack("<II", 0, 1)
        place = varint(len(table)) + varint(len(body))
        table += body + b"\0" + struct.pack("<I", masked_crc32c(body + b"\0"))
        return place

    places = block([]), block([(b"\xff", block(sorted(entries.items())))])
    footer = b"".join(places)
    table += footer + bytes(40 - len(footer)) + struct.pack("<Q", 0xDB4775248B80FB57)
    (folder / "model.ckpt.index").write_bytes(table)
    (folder / "model.ckpt.data-00000-of-00001").write_bytes(data)


def as_bert4keras(weights):
    """The same model under the names and in the order of axes that bert4keras reads."""
    w = {name: tensor.float().numpy() for name, tensor in weights.items()}
    found = {
        "gpt/embeddings/word_embeddings": w["word_embeddings.weight"],
        "gpt/embeddings/position_embeddings": w["position_embeddings.weight"],
        "gpt/output/LayerNorm/gamma": w["transformer.final_layernorm.weight"],
        "gpt/output/LayerNorm/beta": w["transformer.final_layernorm.bias"],
    }
    for i in range(LAYERS):
        ours, theirs = f"transformer.layers.{i}.", f"gpt/transformer/layer_{i}/"
        for ours_part, theirs_part in (("input_layernorm", "attention/input"), ("post_attention_layernorm", "input")):
            found[f"{theirs}{theirs_part}/LayerNorm/gamma"] = w[f"{ours}{ours_part}.weight"]
            found[f"{theirs}{theirs_part}/LayerNorm/beta"] = w[f"{ours}{ours_part}.bias"]
        for third, name in enumerate(("query", "key", "value")):
            at = slice(third * WIDTH, (third + 1) * WIDTH)
            found[f"{theirs}attention/self/{name}/kernel"] = w[f"{ours}attention.query_key_value.weight"][at].T
            found[f"{theirs}attention/self/{name}/bias"] = w[f"{ours}attention.query_key_value.bias"][at]
        for ours_part, theirs_part in (
            ("attention.dense", "attention/output"),
            ("mlp.dense_h_to_4h", "intermediate"),
            ("mlp.dense_4h_to_h", "output"),
        ):
            found[f"{theirs}{theirs_part}/dense/kernel"] = w[f"{ours}{ours_part}.weight"].T
            found[f"{theirs}{theirs_part}/dense/bias"] = w[f"{ours}{ours_part}.bias"]
    return found


@pytest.fixture
def variables(weights):
    return as_bert4keras(weights)


def test_a_bert4keras_checkpoint_gives_the_same_folder_as_the_shards(weights, variables, vocab, tmp_path):
    save_tensorflow(variables | {"global_step": np.array(7)}, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"num_attention_heads": HEADS}))
    convert([tmp_path], tmp_path / "tf", vocab, n_heads=None, max_bytes=2000)
    assert (logits(tmp_path / "tf", TEXT) - forward(weights, TEXT)).abs().max() <= 1e-5
    convert(save(split(weights, 2), tmp_path), tmp_path / "shards", vocab, max_bytes=2000)
    one, other = stored(tmp_path / "tf"), stored(tmp_path / "shards")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_variable_of_bert4keras_is_used_once(variables, weights, vocab, tmp_path):
    convert(save(split(weights, 1), tmp_path), tmp_path / "out", vocab)
    used = [name for tensor in stored(tmp_path / "out") for name in variables_of(tensor)]
    assert sorted(used) == sorted(variables)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gpt/transformer/layer_1/intermediate/dense/kernel": None}, r"dense/kernel' \[8, 32\] is missing"),
        ({"gpt/transformer/layer_0/input/LayerNorm/beta": np.ones(9, "f4")}, r"has the shape \[9\], expected \[8\]"),
        ({"gpt/output/LayerNorm/beta": np.ones(8, "i8")}, "'gpt/output/LayerNorm/beta' is not floating point"),
        ({"gpt/pooler/kernel": np.ones(8, "f4")}, "'gpt/pooler/kernel' is no part of a GPT-2 of 2 layers"),
        ({"gpt/embeddings/position_embeddings": None}, "'gpt/embeddings/position_embeddings' is missing"),
        ({"gpt/embeddings/word_embeddings": np.ones((9, 8), "f4")}, "has 9 rows, the vocabulary has"),
    ],
)
def test_a_broken_bert4keras_checkpoint_is_refused(variables, vocab, tmp_path, change, message):
    save_tensorflow({name: value for name, value in (variables | change).items() if value is not None}, tmp_path)
    with pytest.raises(InputError, match=message):
        convert([tmp_path], tmp_path / "out", vocab)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"num_attention_heads": "four"}'])
def test_a_configuration_that_cannot_be_used_is_named(variables, vocab, tmp_path, text):
    save_tensorflow(variables, tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=re.escape(str(Path(tmp_path, "config.json")))):
        convert([tmp_path], tmp_path / "out", vocab, n_heads=None)
