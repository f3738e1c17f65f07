"""The files of CPM's own checkpoints: either format, read safely, every shard once and in its place."""

import argparse
import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from yanmo.errors import InputError

_spec = importlib.util.spec_from_file_location("cpm_reference", Path(__file__).with_name("cpm_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
vocab, n_tokens, weights = reference.vocab, reference.n_tokens, reference.weights
split, save, forward = reference.split, reference.save, reference.forward
convert, logits = reference.convert, reference.logits
NAME, TEXT = reference.NAME, reference.TEXT


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
