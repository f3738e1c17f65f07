import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from yanmo.convert import tensorflow
from yanmo.convert.tensorflow import convert_tensorflow
from yanmo.convert.tensorflow_names import rename_rules
from yanmo.encode import Activation, EncoderConfig, ModelType, TokenBatch, load_encoder
from yanmo.errors import InputError
from yanmo.tokenize import WordSegmenter, load_tokenizer

_spec = importlib.util.spec_from_file_location("reference", Path(__file__).with_name("tensorflow_reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
LAYOUTS = list(reference.LAYOUTS)
CLASSES = {
    "bert": (transformers.BertForPreTraining, "BertForPreTraining"),
    "roformer": (transformers.RoFormerForMaskedLM, "RoFormerForMaskedLM"),
    "nezha": (None, "NezhaForPreTraining"),
}
POSITION = "bert/embeddings/position_embeddings"


def _source(layout, folder):
    return Path(shutil.copytree(reference.FOLDER / layout, folder))


def _convert(layout, source, out, **more):
    given = {"model_type": ModelType.ROFORMER} if layout == "roformer" else {}
    return convert_tensorflow(source, out, **given | more)


def _texts(layout):
    rng = np.random.RandomState(3)
    # NEZHA's distances are clipped at 64 tokens, and only a longer text shows it.
    return [
        (rng.randint(5, len(reference.TOKENS), n), rng.randint(0, 2, n))
        for n in (12, 1, 70 if layout == "nezha" else 16)
    ]


def _states(folder, texts):
    """Token vectors of all texts in one padded batch."""
    longest = max(len(ids) for ids, _ in texts)
    ids, types, mask = (torch.zeros(len(texts), longest, dtype=torch.long) for _ in range(3))
    for row, (text_ids, text_types) in enumerate(texts):
        n = len(text_ids)
        ids[row, :n], types[row, :n], mask[row, :n] = torch.tensor(text_ids), torch.tensor(text_types), 1
    batch = TokenBatch(ids, types, torch.arange(longest).expand(ids.shape), types, mask.bool())
    with torch.no_grad():
        states = load_encoder(folder).encoder.eval()(batch, None)
    return [state[: len(ids)].numpy() for state, (ids, _) in zip(states, texts, strict=True)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_token_vectors_equal_the_source_framework_s(layout, tmp_path):
    done = _convert(layout, _source(layout, tmp_path / "in"), tmp_path / "out")
    model = reference.Reference(layout, reference.make_weights(layout))
    texts = _texts(layout)
    for state, (ids, types) in zip(_states(tmp_path / "out", texts), texts, strict=True):
        assert np.abs(state - model.states(ids, types)).max() <= 1e-5
    assert done.architecture == CLASSES[layout][1]
    tokenizer = load_tokenizer(tmp_path / "out")
    assert tokenizer.encode("天地x").token_ids.tolist() == [5, 6, 1]


@pytest.mark.parametrize("layout", ["bert", "roformer"])
def test_transformers_reads_the_folder_whole_and_its_heads_agree(layout, tmp_path):
    _convert(layout, _source(layout, tmp_path / "in"), tmp_path / "out")
    model_class, _ = CLASSES[layout]
    model, info = model_class.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    if layout == "roformer":  # the one tensor that is computed: as a new model of theirs has it
        fresh = model_class(model.config).roformer.encoder.embed_positions.weight
        torch.testing.assert_close(model.roformer.encoder.embed_positions.weight, fresh, rtol=0, atol=1e-7)
    original = reference.Reference(layout, reference.make_weights(layout))
    for ids, types in _texts(layout):
        with torch.no_grad():
            output = model.eval()(input_ids=torch.tensor(ids)[None], token_type_ids=torch.tensor(types)[None])
        states = original.states(ids, types)
        logits = output.prediction_logits if layout == "bert" else output.logits
        expected = original.masked_words(states)
        # Theirs is float32 and the reference float64: what rounding leaves grows with the logits, and by processor.
        assert np.abs(logits[0].numpy() - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
        if layout == "bert":
            assert np.abs(output.seq_relationship_logits.numpy() - original.next_sentence(states)).max() <= 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_variable_becomes_one_tensor_of_float32(layout, tmp_path):
    done = _convert(layout, _source(layout, tmp_path / "in"), tmp_path / "out")
    tensors, weights = load_file(tmp_path / "out" / "model.safetensors"), reference.make_weights(layout)
    rules = rename_rules(done.config, weights)
    assert {rule.variable: rule.tensor for rule in rules}.keys() == weights.keys()
    computed = {"roformer.encoder.embed_positions.weight"} if layout == "roformer" else set()
    assert {rule.tensor: rule.variable for rule in rules}.keys() == tensors.keys() - computed
    assert set(done.tensors) == tensors.keys()
    for rule in rules:
        expected = weights[rule.variable].T if rule.is_transposed else weights[rule.variable]
        assert tensors[rule.tensor].dtype == torch.float32
        np.testing.assert_array_equal(tensors[rule.tensor].numpy(), expected)
    assert done.left_out == ({"optimizer state": 8, "step count": 1} if layout == "bert" else {})


def test_the_configuration_is_carried_over(tmp_path):
    _convert("bert", _source("bert", tmp_path / "in"), tmp_path / "out")
    values = json.loads((tmp_path / "out" / "config.json").read_text())
    expected = {name: value for name, value in reference.CONFIG.items() if name != "directionality"}
    assert expected.items() <= values.items()
    assert (values["model_type"], values["layer_norm_eps"]) == ("bert", 1e-12)
    _convert("nezha", _source("nezha", tmp_path / "nezha"), tmp_path / "exact", activation=Activation.GELU)
    assert load_encoder(tmp_path / "exact").config.activation is Activation.GELU


def test_a_word_vocabulary_stays_one_and_a_cased_one_too(tmp_path, monkeypatch):
    # A real one has thousands of words; what decides is tested where it is written.
    monkeypatch.setattr("yanmo.tokenize.folder._FEWEST_WORDS", 2)
    source = _source("bert", tmp_path / "in")
    done = convert_tensorflow(source, tmp_path / "words")
    again = load_tokenizer(tmp_path / "words")
    assert isinstance(done.tokenizer.segmenter, WordSegmenter)
    assert isinstance(again.segmenter, WordSegmenter)
    assert again.lower_case
    text = (source / "vocab.txt").read_text(encoding="utf-8")
    (source / "vocab.txt").write_text(text.replace("##x", "##X"), encoding="utf-8")
    convert_tensorflow(source, tmp_path / "cased")
    assert not load_tokenizer(tmp_path / "cased").lower_case


def _change_config(folder, **changes):
    path = folder / "bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"num_hidden_layers": 3},
            r"'bert/encoder/layer_2/attention/self/query/kernel' \[8, 8\] is missing from this bert",
        ),
        ({"num_hidden_layers": 1}, r"'bert/encoder/layer_1/.*' \(and 15 more\) is no part of a bert"),
        (
            {"intermediate_size": 13},
            r"layer_0/intermediate/dense/kernel' has the shape \[8, 12\], .* asks for \[8, 13\]",
        ),
        ({"max_position_embeddings": 512}, r"position_embeddings' has the shape \[16, 8\], .* asks for \[512, 8\]"),
        ({"vocab_size": 21}, r"vocab.txt: has 20 tokens, bert_config.json asks for 21\. Fix: take the vocab.txt"),
        ({"num_attention_heads": 3}, r"bert_config.json: hidden_size 8 is not a multiple of num_attention_heads 3"),
        (
            {"model_type": "roformer"},
            r"says roformer, but the checkpoint has a position table\. Fix: add --model-type bert",
        ),
        ({"model_type": "albert"}, r"model_type 'albert' is none of bert, roformer, nezha"),
        ({"hidden_act": "swish"}, r"bert_config.json: hidden_act 'swish' is none of gelu"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path, changes, message):
    source = _source("bert", tmp_path / "in")
    _change_config(source, **changes)
    with pytest.raises(InputError, match=message):
        convert_tensorflow(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_vocabulary_and_embedding_must_be_of_one_size(tmp_path):
    source = _source("bert", tmp_path / "in")
    _change_config(source, vocab_size=19)
    (source / "vocab.txt").write_text("\n".join(reference.TOKENS[:19]), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"word_embeddings' has the shape \[20, 8\], bert_config.json asks for \[19, 8\]"
    ):
        convert_tensorflow(source, tmp_path / "out")


def test_an_ambiguous_family_is_asked_for(tmp_path):
    with pytest.raises(InputError, match=r"does not say what .* --model-type roformer .* or --model-type nezha"):
        convert_tensorflow(_source("roformer", tmp_path / "in"), tmp_path / "out")
    with pytest.raises(InputError, match=rf"'{POSITION}' is no part of a nezha"):
        convert_tensorflow(_source("bert", tmp_path / "bert"), tmp_path / "out", model_type=ModelType.NEZHA)
    with pytest.raises(InputError, match=rf"'{POSITION}' \[16, 8\] is missing from this bert"):
        convert_tensorflow(tmp_path / "in", tmp_path / "out", model_type=ModelType.BERT)
    with pytest.raises(InputError, match="no TensorFlow layout of ernie is known"):
        convert_tensorflow(tmp_path / "in", tmp_path / "out", model_type=ModelType.ERNIE)


def test_missing_files_are_named(tmp_path):
    source, out = _source("bert", tmp_path / "in"), tmp_path / "out"
    for name, message in [
        ("vocab.txt", "vocab.txt: there is no such vocabulary file"),
        ("bert_config.json", "bert_config.json: the file is missing"),
        ("bert_model.ckpt.index", r"bert_model.ckpt.index: the index file is missing\. Fix: copy it beside"),
        ("bert_model.ckpt.data-00000-of-00001", r"in: there is no checkpoint \(NAME.index"),
    ]:
        (source / name).unlink()
        with pytest.raises(InputError, match=message):
            convert_tensorflow(source, out)
    with pytest.raises(InputError, match="there is no such folder"):
        convert_tensorflow(tmp_path / "none", out)
    assert not out.exists()


def test_of_several_checkpoints_one_must_be_named(tmp_path):
    source = _source("bert", tmp_path / "in")
    for path in list(source.glob("bert_model.ckpt.*")):
        shutil.copy(path, source / path.name.replace("bert_model", "other"))
    with pytest.raises(
        InputError, match=r"several checkpoints: bert_model.ckpt, other.ckpt\. Fix: add --checkpoint NAME"
    ):
        convert_tensorflow(source, tmp_path / "out")
    with pytest.raises(InputError, match=r"third\.index: the index file is missing"):
        convert_tensorflow(source, tmp_path / "out", checkpoint="third")
    convert_tensorflow(source, tmp_path / "out", checkpoint="other.ckpt")
    assert (tmp_path / "out" / "model.safetensors").is_file()
    with pytest.raises(InputError, match="the output folder exists and is not empty"):
        convert_tensorflow(source, tmp_path / "out", checkpoint="other.ckpt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bert/encoder/transformer/group_0/inner_group_0/ffn_1/intermediate/dense/kernel", "of ALBERT layout"),
        ("electra/embeddings/word_embeddings", "of ELECTRA layout"),
        ("gpt/embeddings/word_embeddings", "of GPT layout"),
        ("shared/embedding", "of T5 layout"),
        ("layer-0/.ATTRIBUTES/VARIABLE_VALUE", "of TensorFlow 2 object-based layout"),
        ("bert/encoder/layer_1/adapter/kernel", r"'bert/encoder/layer_1/adapter/kernel' is no part of a bert"),
        ("cls/squad/output_weights", None),
        ("output_bias", None),
        ("beta1_power", None),
    ],
)
def test_a_further_variable_is_refused_or_left_out_by_name(tmp_path, monkeypatch, name, message):
    def with_one_more(prefix):
        opened = open_checkpoint(prefix)
        return replace(opened, variables={**opened.variables, name: opened.variables["global_step"]})

    open_checkpoint = tensorflow.open_checkpoint
    monkeypatch.setattr(tensorflow, "open_checkpoint", with_one_more)
    source = _source("bert", tmp_path / "in")
    if message is None:
        assert sum(convert_tensorflow(source, tmp_path / "out").left_out.values()) == 10
    else:
        with pytest.raises(InputError, match=message):
            convert_tensorflow(source, tmp_path / "out")


def test_a_weight_of_integers_is_refused(tmp_path, monkeypatch):
    def with_integers(prefix):
        opened = open_checkpoint(prefix)
        name = "cls/seq_relationship/output_bias"
        return replace(opened, variables={**opened.variables, name: replace(opened.variables[name], type_number=3)})

    open_checkpoint = tensorflow.open_checkpoint
    monkeypatch.setattr(tensorflow, "open_checkpoint", with_integers)
    with pytest.raises(InputError, match="output_bias' is int32, not floating point"):
        convert_tensorflow(_source("bert", tmp_path / "in"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_weight_that_is_no_number_is_refused(tmp_path, monkeypatch, bad):
    def spoiled(opened, name):
        values = np.array(read(opened, name))
        if name == "bert/encoder/layer_1/output/LayerNorm/gamma":
            values[2] = bad
        return values

    read = tensorflow.Checkpoint.read
    monkeypatch.setattr(tensorflow.Checkpoint, "read", spoiled)
    with pytest.raises(InputError, match=r"'bert/encoder/layer_1/output/LayerNorm/gamma' has values that are infinite"):
        convert_tensorflow(_source("bert", tmp_path / "in"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_half_a_head_is_refused(tmp_path, monkeypatch):
    def without_a_norm(prefix):
        opened = open_checkpoint(prefix)
        kept = {k: v for k, v in opened.variables.items() if k != "cls/predictions/transform/LayerNorm/beta"}
        return replace(opened, variables=kept)

    open_checkpoint = tensorflow.open_checkpoint
    monkeypatch.setattr(tensorflow, "open_checkpoint", without_a_norm)
    with pytest.raises(InputError, match=r"'cls/predictions/transform/LayerNorm/beta' \[8\] is missing"):
        convert_tensorflow(_source("bert", tmp_path / "in"), tmp_path / "out")


def test_a_narrow_embedding_has_rules_for_its_projection():
    config = EncoderConfig(ModelType.ROFORMER, 20, 8, 6, 1, 2, 12, 16)
    rules = {rule.variable: rule for rule in rename_rules(config, ["cls/predictions/output_bias"])}
    kernel = rules["bert/encoder/embedding_hidden_mapping_in/kernel"]
    assert (kernel.tensor, kernel.shape) == ("roformer.embeddings_project.weight", (6, 8))
    assert rules["bert/embeddings/LayerNorm/beta"].shape == (6,)
    assert rules["cls/predictions/transform/dense/kernel"].shape == (8, 6)
    assert rules["cls/predictions/transform/dense/bias"].shape == (6,)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_checkpoint_written_here_and_now_by_tensorflow_converts_the_same(layout, tmp_path):
    pytest.importorskip("tensorflow")
    words = [chr(0x4E00 + i) + chr(0x5000 + i % 7) for i in range(1000)]
    tokens = [*reference.TOKENS, *words] if layout == "bert" else reference.TOKENS
    reference.write_folder(layout, tmp_path / "in", tokens)
    done = _convert(layout, tmp_path / "in", tmp_path / "out")
    assert isinstance(done.tokenizer.segmenter, WordSegmenter) is (layout == "bert")
    model = reference.Reference(layout, reference.make_weights(layout, len(tokens)))
    texts = _texts(layout)
    for state, (ids, types) in zip(_states(tmp_path / "out", texts), texts, strict=True):
        assert np.abs(state - model.states(ids, types)).max() <= 1e-5
