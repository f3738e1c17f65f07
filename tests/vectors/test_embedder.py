import json

import numpy as np
import pytest
import torch

from yanmo.encode import EncoderConfig, ModelType, build_encoder
from yanmo.errors import InputError
from yanmo.tokenize import load_tokenizer
from yanmo.vectors.embedder import Embedder
from yanmo.vectors.pooled import PooledEncoder, Pooling
from yanmo.vectors.sentence_folder import SentenceFolder

CHARACTERS = "今天气不错我们去公园学生球队赢了输比赛昨晚查询："
TEXTS = ["今天天气不错", "", "我们去公园", "我", "学生球队赢了比赛" * 6, "昨晚输了"]


@pytest.fixture
def folder(tmp_path):
    """A random BERT of two layers, in a folder that Hugging Face's tools read too."""
    path = tmp_path / "base"
    path.mkdir()
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(CHARACTERS)]
    (path / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    config = EncoderConfig(
        ModelType.BERT,
        vocab_size=len(tokens),
        width=12,
        embedding_width=12,
        n_layers=2,
        n_heads=2,
        inner_width=16,
        n_positions=40,
    )
    encoder = build_encoder(config)
    # Twenty times the usual weights, so that texts differ.
    for parameter in encoder.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(20)
    network = PooledEncoder(encoder, pooling=Pooling.MEAN)
    Embedder(network, config, load_tokenizer(path / "vocab.txt"), layout=SentenceFolder(12, "mean")).save_pretrained(
        path
    )
    return path


def _by_transformers(folder, texts, *, limit=40):
    """What sentence-transformers does with these files, written by hand: modules in order, prompt, pooling, norm."""
    from transformers import BertModel

    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    assert [module["type"].rsplit(".", 1)[1] for module in modules] == ["Transformer", "Pooling", "Normalize"]
    assert [module["idx"] for module in modules] == [0, 1, 2]
    pooling = json.loads((folder / modules[1]["path"] / "config.json").read_text(encoding="utf-8"))
    (mode,) = [key for key, on in pooling.items() if key.startswith("pooling_mode_") and on]
    general = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    longest = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))["max_seq_length"] or limit
    prompt = general["prompts"].get(general["default_prompt_name"], "")
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split()
    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    assert pooling["word_embedding_dimension"] == model.config.hidden_size
    vectors = []
    for text in texts:
        ids = [vocabulary.index(character) for character in prompt + text][: longest - 2]
        with torch.no_grad():
            states = model(torch.tensor([[2, *ids, 3]])).last_hidden_state[0]
        vector = states[0] if mode == "pooling_mode_cls_token" else states.mean(0)
        vectors.append((vector / vector.norm()).numpy())
    return np.stack(vectors)


def test_vectors_are_those_of_transformers_alone_or_in_company(folder):
    embedder = Embedder.from_pretrained(folder)
    vectors = embedder.encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, _by_transformers(folder, TEXTS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([embedder.encode([text]) for text in TEXTS]), vectors, atol=1e-6)
    embedder.max_tokens = 20
    np.testing.assert_allclose(embedder.encode(TEXTS[::-1])[::-1], vectors, atol=1e-6)
    assert embedder.encode([]).shape == (0, 12)
    assert float(np.abs(vectors[0] - vectors[2]).max()) > 0.05


@pytest.mark.parametrize("padding", [0, 1])
def test_a_roberta_of_one_type_counts_positions_from_behind_its_padding(tmp_path, padding):
    """As klue/roberta and guwenbert: RoBERTa's layers, a BERT vocabulary, one type, whatever id the padding has."""
    from transformers import RobertaConfig, RobertaModel

    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(CHARACTERS)]
    config = RobertaConfig(
        vocab_size=len(tokens),
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=44,
        type_vocab_size=1,
        pad_token_id=padding,
        initializer_range=0.5,
    )
    model = RobertaModel(config, add_pooling_layer=False).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    texts = ["今天天气不错", "我们去公园", "学生球队赢了比赛" * 4]
    expected = []
    for text in texts:
        ids = torch.tensor([[2, *map(tokens.index, text), 3]])
        # Positions written out, not left to transformers: the first one stands behind the padding's.
        positions = torch.arange(ids.shape[1])[None] + padding + 1
        with torch.no_grad():
            expected.append(model(ids, position_ids=positions).last_hidden_state[0].mean(0).numpy())
    vectors = Embedder.from_pretrained(tmp_path).encode(texts)
    np.testing.assert_allclose(vectors, [each / np.linalg.norm(each) for each in expected], atol=1e-5)


def test_prompts_pooling_and_length_go_with_the_folder(folder, tmp_path):
    embedder = Embedder.from_pretrained(folder)
    embedder.layout = SentenceFolder(
        12, "cls", max_length=9, prompts={"query": "查询：", "plain": ""}, default_prompt="query"
    )
    embedder.network.pooling = Pooling.CLS
    embedder.save_pretrained(tmp_path / "out")
    again = Embedder.from_pretrained(tmp_path / "out")
    vectors = again.encode(TEXTS)
    np.testing.assert_allclose(vectors, embedder.encode(TEXTS), atol=1e-6)
    np.testing.assert_allclose(vectors, _by_transformers(tmp_path / "out", TEXTS), atol=1e-5)
    assert again.max_length == 9
    plain = again.encode(TEXTS, prompt="plain")
    assert not np.allclose(plain, vectors, atol=1e-2)
    with pytest.raises(InputError, match="no prompt 'passage'; there is query, plain"):
        again.encode(TEXTS, prompt="passage")


def test_a_folder_with_an_encoder_only_is_pooled_by_the_mean(folder):
    expected = Embedder.from_pretrained(folder).encode(TEXTS)
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (folder / name).unlink()
    np.testing.assert_array_equal(Embedder.from_pretrained(folder).encode(TEXTS), expected)


def test_the_layout_of_sentence_transformers_6_is_read_too(folder):
    """Its files name other packages and leave out what is default."""
    module = "sentence_transformers.base.modules.transformer.Transformer"
    pooling = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    rows = [{"idx": 0, "name": "0", "path": "", "type": module}, {"idx": 1, "name": "1", "path": "p", "type": pooling}]
    (folder / "modules.json").write_text(json.dumps(rows))
    (folder / "p").mkdir()
    (folder / "p" / "config.json").write_text('{"embedding_dimension": 12, "pooling_mode": "cls"}')
    (folder / "sentence_bert_config.json").write_text('{"transformer_task": "feature-extraction"}')
    layout = SentenceFolder.read(folder, width=12)
    assert layout == SentenceFolder(12, "cls", normalize=False)
    vectors = Embedder.from_pretrained(folder).encode(TEXTS)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > 0.1


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("modules.json", "[", r"modules.json: is not JSON"),
        ("modules.json", "{}", r"modules.json: is not a JSON list"),
        ("modules.json", '[{"idx": 0}]', "a module has no type"),
        (
            "modules.json",
            '[{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "1_Pooling"}, '
            '{"type": "a.Dense", "path": "2_Dense"}]',
            r"the modules are Transformer, Pooling, Dense; expected",
        ),
        (
            "1_Pooling/config.json",
            '{"pooling_mode_max_tokens": true}',
            "pools by pooling_mode_max_tokens; expected mean",
        ),
        ("1_Pooling/config.json", "{}", "pools by nothing"),
        ("sentence_bert_config.json", '{"do_lower_case": true}', "do_lower_case is set"),
        ("config_sentence_transformers.json", '{"default_prompt_name": "q"}', "the default prompt 'q' is none"),
    ],
)
def test_what_yanmo_does_not_have_is_refused(folder, file, text, message):
    (folder / file).write_text(text)
    with pytest.raises(InputError, match=message):
        Embedder.from_pretrained(folder)


def test_a_single_string_is_refused(folder):
    with pytest.raises(InputError, match=r"the text '今天' was given, expected a list"):
        Embedder.from_pretrained(folder).encode("今天")
