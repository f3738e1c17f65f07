import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from yanmo.encode import ModelType, classifier_form, declared_labels, load_classification_head, load_encoder
from yanmo.errors import InputError

SIZES = {
    "vocab_size": 20,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}
# Dense layer and last map, by the class.
NAMES = {
    "Bert": ("bert.pooler.dense", "classifier"),
    "Ernie": ("ernie.pooler.dense", "classifier"),
    "Roberta": ("classifier.dense", "classifier.out_proj"),
    "XLMRoberta": ("classifier.dense", "classifier.out_proj"),
}


def _folder(kind, folder, **changes):
    config = getattr(transformers, f"{kind}Config")(**SIZES, **{"num_labels": 1} | changes)
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(folder)
    return folder


def _rewrite(folder, change):
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")


def _load(folder):
    return load_classification_head(folder, load_encoder(folder))


@pytest.mark.parametrize("kind", NAMES)
def test_the_head_is_found_under_the_names_of_its_class(tmp_path, kind):
    stored = load_file(_folder(kind, tmp_path) / "model.safetensors")
    dense, out = NAMES[kind]
    head = _load(tmp_path)
    assert {*head} == {"dense.weight", "dense.bias", "out.weight", "out.bias"}
    for leaf in ("weight", "bias"):
        assert torch.equal(head[f"dense.{leaf}"], stored[f"{dense}.{leaf}"])
        assert torch.equal(head[f"out.{leaf}"], stored[f"{out}.{leaf}"])


@pytest.mark.parametrize("kind", ["Bert", "Roberta"])
@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.module.", "model."])
def test_whatever_wraps_the_names_is_taken_off(tmp_path, kind, wrapper):
    before = _load(_folder(kind, tmp_path))
    _rewrite(tmp_path, lambda tensors: {f"{wrapper}{name}": tensor for name, tensor in tensors.items()})
    after = _load(tmp_path)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_half_precision_and_torch_files_load_in_float32(tmp_path):
    before = _load(_folder("XLMRoberta", tmp_path))
    halves = {name: tensor.half() for name, tensor in load_file(tmp_path / "model.safetensors").items()}
    (tmp_path / "model.safetensors").unlink()
    torch.save(halves, tmp_path / "pytorch_model.bin")
    after = _load(tmp_path)
    assert all(torch.equal(after[name], tensor.half().float()) for name, tensor in before.items())


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("Bert", lambda t: _without(t, "bert.pooler.dense.bias"), "'bert.pooler.dense.bias' is missing"),
        ("Bert", lambda t: _without(t, "classifier.weight"), "'classifier.weight' is missing"),
        ("Roberta", lambda t: _without(t, "classifier.out_proj.bias"), "'classifier.out_proj.bias' is missing"),
        (
            "XLMRoberta",
            lambda t: t | {"classifier.dense.weight": torch.zeros(16, 8)},
            r"'classifier.dense.weight' has the shape \[16, 8\], config.json asks for \[16, 16\]",
        ),
        (
            "Bert",
            lambda t: t | {"classifier.weight": torch.zeros(2, 16)},
            r"'classifier.weight' has the shape \[2, 16\], config.json asks for \[1, 16\]",
        ),
        (
            "XLMRoberta",
            lambda t: t | {"classifier.out_proj.bias": torch.full((1,), torch.nan)},
            "'classifier.out_proj.bias' has values that are infinite",
        ),
        (
            "Bert",
            lambda t: t | {"classifier.norm.weight": torch.zeros(16)},
            "'classifier.norm.weight' is no part of the head of BertForSequenceClassification.*a form that Yanmo does",
        ),
    ],
)
def test_a_tensor_too_few_too_many_or_misshapen_is_named(tmp_path, kind, change, message):
    _folder(kind, tmp_path)
    _rewrite(tmp_path, change)
    with pytest.raises(InputError, match=message):
        _load(tmp_path)


def _without(tensors, name):
    return {key: tensor for key, tensor in tensors.items() if key != name}


@pytest.mark.parametrize(
    ("model_type", "name"),
    [(ModelType.ROFORMER, "RoFormerForSequenceClassification"), (ModelType.NEZHA, "a nezha classifier")],
)
def test_a_head_of_another_form_is_refused_by_name(tmp_path, model_type, name):
    with pytest.raises(InputError, match=f"the head of {name} is of a form that Yanmo does not know"):
        classifier_form(model_type, where=tmp_path)


@pytest.mark.parametrize("n_labels", [1, 2, 3])
def test_declared_labels_are_as_many_as_transformers_has_logits(tmp_path, n_labels):
    config = transformers.BertConfig(num_labels=n_labels, architectures=["BertForSequenceClassification"])
    values = config.to_diff_dict()
    assert declared_labels(values) == tuple(f"LABEL_{i}" for i in range(n_labels))
    assert declared_labels(values | {"architectures": ["BertModel"]}) is None
    assert declared_labels(values | {"architectures": None}) is None
