import argparse
import io
import json
import math
import random
import re
import struct
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors import safe_open

from yanmo.encode import convert_cpm as conversion
from yanmo.encode.convert_cpm import StoredType, convert_cpm
from yanmo.encode.cpm_tensorflow import variables_of
from yanmo.encode.crc32c import masked_crc32c
from yanmo.errors import InputError
from yanmo.tokenize import CpmTokenizer

sentencepiece = pytest.importorskip("sentencepiece")

LAYERS, WIDTH, HEADS, POSITIONS = 2, 8, 4, 16
NAME = "mp_rank_{:02d}_model_states.pt"
ROWS = ("word_embeddings", "h_to_4h.weight", "h_to_4h.bias")
COLUMNS = ("attention.dense.weight", "4h_to_h.weight")


@pytest.fixture(scope="module")
def vocab(tmp_path_factory):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["美国的首都是华盛顿", "法国的首都是巴黎", "狗 dog 猫 cat"] * 3),
        model_writer=model,
        vocab_size=50,
        hard_vocab_limit=False,
        control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>"],
        user_defined_symbols=["\u2582"],
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("vocab") / "chinese_vocab.model"
    path.write_bytes(model.getvalue())
    return path


@pytest.fixture(scope="module")
def n_tokens(vocab):
    return CpmTokenizer.load(vocab).vocab_size


@pytest.fixture
def weights(n_tokens):
    """A model under Megatron's names, unsplit; its values fit into float16."""

    def draw(*shape):
        return (torch.randn(shape) * 0.3).half()

    found = {"word_embeddings.weight": draw(n_tokens, WIDTH), "position_embeddings.weight": draw(POSITIONS, WIDTH)}
    for i in range(LAYERS):
        layer = f"transformer.layers.{i}."
        for name, rows, columns in (
            ("attention.query_key_value", 3 * WIDTH, WIDTH),
            ("attention.dense", WIDTH, WIDTH),
            ("mlp.dense_h_to_4h", 4 * WIDTH, WIDTH),
            ("mlp.dense_4h_to_h", WIDTH, 4 * WIDTH),
        ):
            found |= {f"{layer}{name}.weight": draw(rows, columns), f"{layer}{name}.bias": draw(rows)}
        for name in ("input_layernorm", "post_attention_layernorm"):
            found |= {f"{layer}{name}.weight": 1 + draw(WIDTH), f"{layer}{name}.bias": draw(WIDTH)}
    return found | {
        "transformer.final_layernorm.weight": 1 + draw(WIDTH),
        "transformer.final_layernorm.bias": draw(WIDTH),
    }


def split(weights, n_shards, *, pad_to=1):
    """The shards as the original splits them."""
    shards = [{} for _ in range(n_shards)]
    for name, whole in weights.items():
        if "query_key_value" in name:
            q, k, v = (third.chunk(n_shards) for third in whole.chunk(3))
            parts = [torch.cat(three) for three in zip(q, k, v, strict=True)]
        elif any(key in name for key in ROWS):
            if "word" in name:
                extra = -len(whole) % (n_shards * pad_to)
                whole = torch.cat([whole, torch.full((extra, WIDTH), 9.0).half()])
            parts = whole.chunk(n_shards)
        elif any(key in name for key in COLUMNS):
            parts = whole.chunk(n_shards, 1)
        else:
            parts = [whole] * n_shards
        for shard, part in zip(shards, parts, strict=True):
            shard[name] = part.clone()
    return shards


def save(shards, folder, **more):
    paths = [folder / NAME.format(rank) for rank in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        torch.save({"module": shard, "mp_world_size": len(shards), "iteration": 80000, **more}, path)
    return paths


def forward(weights, token_ids):
    """The original's forward pass of one text, head by head, in double precision."""
    w = {name: tensor.double() for name, tensor in weights.items()}
    n = len(token_ids)

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["word_embeddings.weight"][token_ids] + w["position_embeddings.weight"][:n]
    allowed = torch.ones(n, n).tril().double()
    for i in range(LAYERS):
        layer = f"transformer.layers.{i}."
        mixed = linear(norm(x, f"{layer}input_layernorm"), f"{layer}attention.query_key_value")
        query, key, value = mixed.split(WIDTH, -1)
        size, heads = WIDTH // HEADS, []
        for h in range(HEADS):
            at = slice(h * size, (h + 1) * size)
            scores = query[:, at] @ key[:, at].T / math.sqrt(size)
            scores = scores * allowed - 10000.0 * (1 - allowed)
            heads.append(scores.softmax(-1) @ value[:, at])
        x = x + linear(torch.cat(heads, -1), f"{layer}attention.dense")
        up = linear(norm(x, f"{layer}post_attention_layernorm"), f"{layer}mlp.dense_h_to_4h")
        up = 0.5 * up * (1 + torch.tanh(0.7978845608028654 * up * (1 + 0.044715 * up * up)))
        x = x + linear(up, f"{layer}mlp.dense_4h_to_h")
    return norm(x, "transformer.final_layernorm") @ w["word_embeddings.weight"].T


def logits(folder, token_ids):
    model, info = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), info
    with torch.no_grad():
        return model.eval()(torch.tensor([token_ids])).logits[0].double()


def convert(paths, out, vocab, **more):
    return convert_cpm(paths, out, vocab=vocab, **{"n_heads": HEADS} | more)


TEXT = [5, 11, 0, 30, 2, 2, 17, 9]


@pytest.mark.parametrize(("n_shards", "pad_to"), [(1, 1), (2, 1), (4, 1), (1, 128), (2, 128), (4, 128)])
def test_logits_equal_the_originals_forward_pass(weights, vocab, tmp_path, n_shards, pad_to):
    done = convert(save(split(weights, n_shards, pad_to=pad_to), tmp_path), tmp_path / "out", vocab, max_bytes=2000)
    assert len(list((tmp_path / "out").glob("model-*.safetensors"))) > 2
    found = logits(tmp_path / "out", TEXT)
    assert (found - forward(weights, TEXT)).abs().max() <= 1e-5
    assert found.std() > 0.5, "too flat to say anything"
    assert done.n_parameters == sum(tensor.numel() for tensor in weights.values())
    assert (done.n_tensors, done.config.n_layers) == (len(weights), LAYERS)


def stored(folder):
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return found


def test_the_weights_keep_their_bits_and_the_folder_its_tokenizer(weights, vocab, tmp_path):
    convert(save(split(weights, 2), tmp_path), tmp_path / "out", vocab)
    found = stored(tmp_path / "out")
    assert torch.equal(found["transformer.wte.weight"], weights["word_embeddings.weight"])
    dense = weights["transformer.layers.1.mlp.dense_4h_to_h.weight"]
    assert torch.equal(found["transformer.h.1.mlp.c_proj.weight"], dense.T)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    tokenizer = CpmTokenizer.load(tmp_path / "out")
    assert config["activation_function"] == "gelu_new"
    assert (config["eos_token_id"], config["pad_token_id"]) == (tokenizer.eod_id, tokenizer.pad_id)
    assert (
        tokenizer.encode("狗 dog\n").token_ids.tolist()
        == CpmTokenizer.load(vocab).encode("狗 dog\n").token_ids.tolist()
    )
    assert (tmp_path / "out" / "model.safetensors").stat().st_mode & 0o044, "only the owner may read"
    assert not (tmp_path / "out" / "model.safetensors.index.json").exists()


def test_bfloat16_and_a_folder_of_shards(weights, vocab, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    save(split(weights, 4), source)
    (source / "chinese_vocab.model").write_bytes(vocab.read_bytes())
    convert([source], tmp_path / "out", None, stored_type=StoredType.BFLOAT16)
    for tensor in stored(tmp_path / "out").values():
        assert tensor.dtype == torch.bfloat16
    found = stored(tmp_path / "out")["transformer.wte.weight"]
    assert torch.equal(found, weights["word_embeddings.weight"].bfloat16())


def test_what_training_leaves_beside_the_weights_is_read_safely_and_passed_over(weights, vocab, tmp_path):
    more = {
        "np_rng_state": np.random.RandomState(0).get_state(),
        "random_rng_state": random.Random(0).getstate(),
        "torch_rng_state": torch.get_rng_state(),
        "csr_tensor_module_names": {"a"},
        "optimizer": None,
    }
    convert(save(split(weights, 2), tmp_path, **more), tmp_path / "out", vocab)
    assert (logits(tmp_path / "out", TEXT) - forward(weights, TEXT)).abs().max() <= 1e-5


def test_files_of_the_old_format_are_read_too(weights, vocab, tmp_path):
    paths = [tmp_path / NAME.format(rank) for rank in range(2)]
    for path, shard in zip(paths, split(weights, 2), strict=True):
        torch.save({"module": shard}, path, _use_new_zipfile_serialization=False)
    convert(paths, tmp_path / "out", vocab, max_bytes=2000)
    assert (logits(tmp_path / "out", TEXT) - forward(weights, TEXT)).abs().max() <= 1e-5
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    with pytest.raises(InputError, match=r"mp_rank_01_model_states.pt: cannot be read as a PyTorch checkpoint"):
        convert(paths, tmp_path / "other", vocab)


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


def test_the_order_and_the_number_of_shards_are_checked(weights, vocab, tmp_path):
    zero, one = save(split(weights, 2), tmp_path)
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"are the shards 1, 0, expected mp_rank_00.*, mp_rank_01.* in this order"):
        convert([one, zero], out, vocab)
    with pytest.raises(InputError, match="are the shards 0, 0, expected"):
        convert([zero, zero], out, vocab)
    with pytest.raises(InputError, match="is one of 2 shards, and 1 were given"):
        convert([zero], out, vocab)
    for path in (zero, one):  # the same without the field that says so
        torch.save({"module": torch.load(path)["module"]}, path)
    with pytest.raises(InputError, match=r"this file is one of 2 shards, and 1 were given.*name all shards"):
        convert([one], out, vocab)
    four = save([split(weights, 2)[i % 2] for i in range(4)], tmp_path)
    with pytest.raises(InputError, match="this file is one of 2 shards, and 4 were given"):
        convert(four, out, vocab)


def test_a_file_under_a_wrong_name_is_found_by_the_name_it_was_saved_under(weights, vocab, tmp_path):
    zero, one = save(split(weights, 2), tmp_path)
    (tmp_path / "x").mkdir()
    zero.rename(tmp_path / "x" / one.name)
    one.rename(tmp_path / "x" / zero.name)
    with pytest.raises(
        InputError, match=r"mp_rank_00_\w+.pt: was saved as shard 1, its name says 0.*rename it to mp_rank_01"
    ):
        convert([tmp_path / "x"], tmp_path / "out", vocab)


def test_without_any_name_only_a_single_file_is_taken(weights, vocab, tmp_path):
    paths = []
    for rank, shard in enumerate(split(weights, 2)):
        paths.append(tmp_path / f"part{rank}.pt")
        with paths[-1].open("wb") as file:  # PyTorch then keeps no name inside
            torch.save({"module": shard}, file)
    with pytest.raises(InputError, match=r"part0.pt: does not say which shard it is.*mp_rank_00_model_states.pt"):
        convert(paths, tmp_path / "out", vocab)
    with paths[0].open("wb") as file:
        torch.save({"model": weights}, file)
    convert(paths[:1], tmp_path / "out", vocab)
    assert (logits(tmp_path / "out", TEXT) - forward(weights, TEXT)).abs().max() <= 1e-5


def test_files_that_are_no_checkpoint_are_named(weights, vocab, tmp_path):
    (path,) = save(split(weights, 1), tmp_path)
    whole, out = path.read_bytes(), tmp_path / "out"
    for broken in (whole[:-1000], whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"rank_00\w+.pt: cannot be read as a PyTorch .*truncated or damaged"):
            convert([path], out, vocab)
    with pytest.raises(InputError, match=r"nowhere.pt: there is no such file"):
        convert([tmp_path / "nowhere.pt"], out, vocab)
    torch.save([1], path)
    with pytest.raises(InputError, match="holds a list, not a checkpoint"):
        convert([path], out, vocab)
    torch.save({"module": {}}, path)
    with pytest.raises(InputError, match="holds no tensors under module or model"):
        convert([path], out, vocab)
    torch.save({"module": {"a": torch.ones(2)}}, path)
    with pytest.raises(InputError, match=r"the tensor 'position_embeddings.weight' is missing"):
        convert([path], out, vocab)
    torch.save({"module": weights, "args": argparse.Namespace(a=1)}, path)
    with pytest.raises(InputError, match=r"holds a Python object \(argparse.Namespace\), which could run code"):
        convert([path], out, vocab)
    with pytest.raises(InputError, match="no checkpoint is named"):
        convert([], out, vocab)
    with pytest.raises(InputError, match="a folder was named beside other files"):
        convert([tmp_path, path], out, vocab)


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


def test_a_full_disk_is_said_before_anything_is_written(weights, vocab, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("yanmo.encode.tensor_files.shutil.disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(InputError, match=r"the weights need 0.00 GB, and 0.00 GB are free.*make room"):
        convert(save(split(weights, 1), tmp_path), tmp_path / "out", vocab)
    assert not (tmp_path / "out").exists()


def test_what_is_there_until_the_end_is_no_model(weights, vocab, tmp_path):
    paths, seen = save(split(weights, 2), tmp_path), []

    def look(done, total):
        (folder,) = tmp_path.glob(".out.*")
        seen.append((done, total, sorted(path.suffix for path in folder.iterdir())))
        with pytest.raises((OSError, ValueError)):
            transformers.GPT2LMHeadModel.from_pretrained(folder)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(paths, tmp_path / "out", vocab, max_bytes=600, on_written=look)
    assert [len(names) for _, _, names in seen] == [1, 2, 3]
    assert seen[0][0] < seen[1][0] < seen[2][0] < seen[2][1]
    assert sorted(tmp_path.iterdir()) == paths, "something was left behind"


def test_each_tensor_is_read_once_and_let_go_after_each_file(weights, vocab, tmp_path, monkeypatch):
    calls, source = [], conversion.MegatronSource
    read, release = source.read, source.release
    monkeypatch.setattr(source, "read", lambda self, name, **more: (calls.append(name), read(self, name, **more))[1])
    monkeypatch.setattr(source, "release", lambda self: (calls.append("release"), release(self))[1])
    convert(save(split(weights, 2), tmp_path), tmp_path / "out", vocab, max_bytes=2000)
    n_files = len(list((tmp_path / "out").glob("*.safetensors")))
    assert calls.count("release") == n_files
    names = [name for name in calls if name != "release"]
    assert len(names) == len(set(names)) == len(weights)


# --- bert4keras's TensorFlow layout -----------------------------------------------------------------------------------


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
