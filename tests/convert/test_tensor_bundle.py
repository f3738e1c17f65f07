import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from yanmo.convert.sorted_table import read_sorted_table
from yanmo.convert.tensor_bundle import open_checkpoint
from yanmo.errors import InputError

FOLDER = Path(__file__).with_name("tensorflow_checkpoints")


@pytest.fixture(params=["bert", "roformer"])
def prefix(request, tmp_path):
    """A copy of a checkpoint that TensorFlow wrote; RoFormer's has two data files."""
    shutil.copytree(FOLDER / request.param, tmp_path, dirs_exist_ok=True)
    return tmp_path / "bert_model.ckpt"


def _read_all(prefix):
    checkpoint = open_checkpoint(prefix)
    return {name: checkpoint.read(name) for name in checkpoint.variables}


def test_a_truncated_data_file_is_named_with_the_variable(prefix):
    path = max(prefix.parent.glob("*.data-*"))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match=rf"{path.name}: has [\d,]+ bytes; the variable '.*' ends at byte .* again"):
        _read_all(prefix)


def test_any_changed_byte_of_a_data_file_is_found(prefix):
    path = min(prefix.parent.glob("*.data-*"))
    whole = path.read_bytes()
    for at in range(0, len(whole), 397):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"the bytes of the variable '.*' do not fit their checksum"):
            _read_all(prefix)


def test_any_changed_byte_of_the_index_is_found(prefix):
    path = prefix.with_name("bert_model.ckpt.index")
    whole = path.read_bytes()
    # The last 48 bytes are the footer; before it lie the blocks, which are all read but for that of the statistics.
    statistics = 8 + 5
    for at in range(0, len(whole) - 48 - 2 * statistics - 40, 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(InputError, match="a block does not fit its checksum") as caught:
            read_sorted_table(path)
        assert caught.value.where == path
    path.write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(InputError, match="does not end as the index"):
        read_sorted_table(path)


@pytest.mark.parametrize("n_kept", [0, 10, 47, 48, 500])
def test_a_truncated_index_is_named(prefix, n_kept):
    path = prefix.with_name("bert_model.ckpt.index")
    path.write_bytes(path.read_bytes()[:n_kept])
    with pytest.raises(InputError, match=r"ckpt\.index: does not end as the index .* download it again"):
        open_checkpoint(prefix)


def test_missing_files_are_named(prefix):
    path = max(prefix.parent.glob("*.data-*"))
    path.unlink()
    with pytest.raises(InputError, match=rf"{path.name}: the data file is missing\. Fix: copy it there"):
        open_checkpoint(prefix)
    prefix.with_name("bert_model.ckpt.index").unlink()
    with pytest.raises(InputError, match=r"ckpt\.index: the index file is missing"):
        open_checkpoint(prefix)


def test_a_table_of_something_else_is_refused(tmp_path):
    from yanmo.convert.crc32c import masked_crc32c

    def block(*entries):
        body = b"".join(bytes([0, len(key), len(value)]) + key + value for key, value in entries)
        body += struct.pack("<II", 0, 1)
        return body + b"\0" + struct.pack("<I", masked_crc32c(body + b"\0"))

    data = block((b"key", b"value"))
    listing = block((b"key", bytes([0, len(data) - 5])))
    footer = bytes([0, 0, len(data), len(listing) - 5]).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    (tmp_path / "a.index").write_bytes(data + listing + footer)
    assert read_sorted_table(tmp_path / "a.index") == {b"key": b"value"}
    with pytest.raises(InputError, match="is a table, but not that of a TensorFlow checkpoint"):
        open_checkpoint(tmp_path / "a")


def test_values_equal_tensorflow_s_own_reading(prefix, tmp_path):
    tf = pytest.importorskip("tensorflow")
    theirs, ours = tf.train.load_checkpoint(str(prefix)), _read_all(prefix)
    assert ours.keys() == theirs.get_variable_to_shape_map().keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs.get_tensor(name))
    random = np.random.default_rng(0)
    values = {f"v{i}": random.standard_normal((i % 5, 3, i)).astype(np.float32) for i in range(1, 200)}
    values |= {"int32": np.arange(5, dtype=np.int32), "float64": random.standard_normal(9)}
    values |= {"scalar": np.int64(-3), "half": random.standard_normal(9).astype(np.float16)}
    values["bfloat16"] = random.standard_normal((300, 7)).astype(tf.bfloat16.as_numpy_dtype)
    names = list(values)
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "many"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=list(values.values()),
    )
    ours = _read_all(tmp_path / "many")
    assert ours.keys() == values.keys()
    for name, value in values.items():
        assert ours[name].shape == np.shape(value)
        np.testing.assert_array_equal(ours[name], np.asarray(value).astype(ours[name].dtype))
