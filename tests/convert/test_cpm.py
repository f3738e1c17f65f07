"""CPM to a GPT-2 folder: the same logits and bits, in whole files or not at all."""

import importlib.util
import json
from collections import namedtuple
from pathlib import Path

import pytest
import torch
import transformers

from yanmo.convert import cpm
from yanmo.convert.cpm import StoredType
from yanmo.errors import InputError
from yanmo.tokenize import CpmTokenizer

_spec = importlib.util.spec_from_file_location("cpm_reference", Path(__file__).with_name("cpm_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
vocab, n_tokens, weights = reference.vocab, reference.n_tokens, reference.weights
split, save, forward = reference.split, reference.save, reference.forward
convert, logits, stored = reference.convert, reference.logits, reference.stored
LAYERS, TEXT = reference.LAYERS, reference.TEXT


@pytest.mark.parametrize(("n_shards", "pad_to"), [(1, 1), (2, 1), (4, 1), (1, 128), (2, 128), (4, 128)])
def test_logits_equal_the_originals_forward_pass(weights, vocab, tmp_path, n_shards, pad_to):
    done = convert(save(split(weights, n_shards, pad_to=pad_to), tmp_path), tmp_path / "out", vocab, max_bytes=2000)
    assert len(list((tmp_path / "out").glob("model-*.safetensors"))) > 2
    found = logits(tmp_path / "out", TEXT)
    assert (found - forward(weights, TEXT)).abs().max() <= 1e-5
    assert found.std() > 0.5, "too flat to say anything"
    assert done.n_parameters == sum(tensor.numel() for tensor in weights.values())
    assert (done.n_tensors, done.config.n_layers) == (len(weights), LAYERS)


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


def test_a_full_disk_is_said_before_anything_is_written(weights, vocab, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("yanmo.convert.tensor_files.shutil.disk_usage", lambda _: usage(10, 10, 1000))
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
    calls, source = [], cpm.MegatronSource
    read, release = source.read, source.release
    monkeypatch.setattr(source, "read", lambda self, name, **more: (calls.append(name), read(self, name, **more))[1])
    monkeypatch.setattr(source, "release", lambda self: (calls.append("release"), release(self))[1])
    convert(save(split(weights, 2), tmp_path), tmp_path / "out", vocab, max_bytes=2000)
    n_files = len(list((tmp_path / "out").glob("*.safetensors")))
    assert calls.count("release") == n_files
    names = [name for name in calls if name != "release"]
    assert len(names) == len(set(names)) == len(weights)
