import json

import pytest
import torch

from yanmo.encode import load_encoder
from yanmo.errors import InputError
from yanmo.generate.gpt2_config import read_gpt2_config
from yanmo.tokenize import load_tokenizer
from yanmo.tokenize.foreign_folder import foreign_folder

FOLDERS = {
    "TensorFlow 1": (["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"], "yanmo convert tensorflow {m}"),
    "data alone": (["model.ckpt-9.data-00000-of-00001"], "TensorFlow 1 checkpoint .*yanmo convert tensorflow {m}"),
    "Megatron": (["mp_rank_00_model_states.pt"], "Megatron's shards .*yanmo convert cpm {m} --out OUT"),
    "Megatron by step": (["80000/mp_rank_00_model_states.pt", "latest"], "yanmo convert cpm {m}/80000 --out OUT"),
    "Megatron by rank": (["iter_9/mp_rank_00/model_optim_rng.pt"], "Megatron's shards"),
    "Keras": (["tf_model.h5"], "Keras or TensorFlow 2 .*save_pretrained"),
    "Flax": (["flax_model.msgpack"], "Flax model"),
    "Paddle": (["model_state.pdparams"], "PaddlePaddle"),
    "GGUF": (["cpm-q4.gguf"], "GGUF"),
    "adapter": (["adapter_config.json", "adapter_model.safetensors"], "adapter without its base.*merge_and_unload"),
    "one above": (["checkpoint-500/config.json"], "name the one that is meant, such as {m}/checkpoint-500"),
    "another name": (["best.pt"], r"another name .*\(best.pt\)"),
}


def _make(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("load", [load_encoder, read_gpt2_config, load_tokenizer])
def test_a_folder_of_another_kind_is_told_what_it_is_and_what_to_do(tmp_path, kind, load):
    names, message = FOLDERS[kind]
    with pytest.raises(InputError, match=message.format(m=tmp_path)):
        load(_make(tmp_path, names))


def test_weights_of_another_framework_beside_a_configuration_are_told(tmp_path):
    values = {"model_type": "bert", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1}
    values |= {"num_attention_heads": 2, "intermediate_size": 4}
    _make(tmp_path, ["tf_model.h5", "1_Pooling/config.json"])
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"neither model.safetensors nor .*; it holds a Keras"):
        load_encoder(tmp_path)


def test_a_model_of_ours_is_no_foreign_one_though_other_files_lie_beside_it(tmp_path):
    _make(tmp_path, ["config.json", "model.safetensors", "tf_model.h5", "1_Pooling/config.json"])
    assert foreign_folder(tmp_path) is None
    assert foreign_folder(tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", ["sentencepiece.bpe.model", "spiece.model", "merges.txt"])
def test_half_a_tokenizer_is_completed_by_transformers(tmp_path, name):
    _make(tmp_path, [name, "config.json", "model.safetensors"])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=rf"only a .*\({name}\).*AutoTokenizer.from_pretrained\('{tmp_path}'\)"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.nn.Linear(2, 2), r"a Python object \(torch.nn.modules.linear.Linear\).*save model.state_dict"),
        (lambda: {"state_dict": {"a": torch.ones(1)}, "epoch": 3}, r"in its entry 'state_dict'.*\['state_dict'\]"),
        (
            lambda: {"model": {"a": torch.ones(1), "b": torch.ones(1)}, "optimizer": {0: torch.ones(1)}},
            "in its entry 'model'",
        ),
        (lambda: [torch.ones(1)], "it holds a list"),
        (lambda: torch.ones(1), "it holds a Tensor"),
    ],
)
def test_a_torch_file_of_something_else_is_told(tmp_path, make, message):
    values = {"model_type": "bert", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1}
    (tmp_path / "config.json").write_text(json.dumps(values | {"num_attention_heads": 2, "intermediate_size": 4}))
    torch.save(make(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=message):
        load_encoder(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(InputError, match="is a pointer of Git LFS"):
        load_encoder(tmp_path)
