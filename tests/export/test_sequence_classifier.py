import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers, processors

from yanmo.encode import ModelType
from yanmo.errors import InputError
from yanmo.export.plain_scores import score_by_transformers
from yanmo.export.sequence_classifier import export_task
from yanmo.match import HeadKind, Matcher, MatchingFile
from yanmo.tokenize import PairEncoder, PairLayout, Vocabulary, WordSegmenter, WordTokenizer
from yanmo.tokenize.folder import FolderTokenizer

PAIRS = [("今天天气不错", "天气"), ("我们去公园", "学生去公园"), ("学", "园"), ("", "今天"), ("a[SEP]天", "不")]
PLAIN = {"layout": PairLayout.JOINT, "joint_from": 0, "head": HeadKind.POOLED}


def _apart(matcher, *, task):
    """Spreads a random matcher's scores of the pairs around one half, so that a wrong one shows."""
    classifier = matcher.engine.classifier
    with torch.no_grad():
        # Else the first token hardly depends on the others.
        for block in classifier.encoder.blocks:
            block.attention.query.weight.mul_(4)
            block.attention.out.weight.mul_(8)
        logits = matcher.logits(PAIRS, task=task)
        factor = 1 / float(np.ptp(logits))
        assert factor < 30
        classifier.head.out.weight.mul_(factor)
        classifier.head.out.bias.mul_(factor).sub_(float(logits.mean()) * factor)
        classifier.task_bias.mul_(factor)
    return matcher


@pytest.fixture
def unigram_like(tmp_path):
    """A tokenizer as XLM-R's: two separators between the texts, one type."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *"今天气不错我们去公园学生", "问", "："]
    backend = Backend(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    backend.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("问:", "问：")])
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return FolderTokenizer(backend, cls_token="<s>", sep_token="</s>", pad_token="<pad>")


@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ERNIE, ModelType.ROFORMER])
@pytest.mark.parametrize("task", ["loose", "strict"])
def test_transformers_gives_the_matchers_calibrated_probabilities(tiny_matcher, tmp_path, model_type, task):
    matcher = _apart(tiny_matcher(model_type=model_type, **PLAIN), task=task)
    export_task(matcher, tmp_path / "out", task=task)
    expected = matcher.score(PAIRS, task=task)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", PAIRS), expected, atol=1e-5)
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", PAIRS[:1]), expected[:1], atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"separate_heads": True},
        {"conditional_from": None},
        {"conditional_from": 1},
        {"head": HeadKind.CLASSIFICATION},
        {"head": HeadKind.CLASSIFICATION, "model_type": ModelType.ERNIE, "separate_heads": True},
    ],
)
def test_heads_and_conditions_of_every_kind_are_folded(tiny_matcher, tmp_path, changes):
    matcher = tiny_matcher(**PLAIN | changes)
    export_task(matcher, tmp_path / "out", task="strict")
    expected = matcher.score(PAIRS, task="strict")
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", PAIRS), expected, atol=1e-5)


@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ROBERTA, ModelType.XLM_ROBERTA])
def test_a_prefix_and_two_separators_travel_in_the_tokenizer(tiny_matcher, tmp_path, unigram_like, model_type):
    matcher = tiny_matcher(model_type=model_type, prefix="问：", **PLAIN)
    # The table of the tiny model has 16 rows; the two tokens of the prefix make 18.
    matcher.engine.classifier.encoder.embedding.word = _wider(matcher.engine.classifier.encoder.embedding.word, 18)
    object.__setattr__(matcher.engine.config, "vocab_size", 18)
    encoder = PairEncoder(
        unigram_like, layout=PairLayout.JOINT, prefix="问：", normalization=matcher.matching.normalization
    )
    matcher = _apart(Matcher(matcher.engine, encoder, matcher.matching), task="strict")
    export_task(matcher, tmp_path / "out", task="strict")
    expected = matcher.score(PAIRS, task="strict")
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", PAIRS), expected, atol=1e-5)


@pytest.mark.parametrize("model_type", [ModelType.BERT, ModelType.ERNIE])
def test_an_encoder_of_one_type_stays_one(tiny_matcher, tmp_path, model_type):
    matcher = _apart(tiny_matcher(model_type=model_type, **PLAIN), task="strict")
    matcher.engine.classifier.encoder.embedding.token_type = torch.nn.Embedding(1, 8)
    object.__setattr__(matcher.engine.config, "n_types", 1)
    export_task(matcher, tmp_path / "out", task="strict")
    expected = matcher.score(PAIRS, task="strict")
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", PAIRS), expected, atol=1e-5)


def _wider(table, n_rows):
    wider = torch.nn.Embedding(n_rows, table.embedding_dim)
    torch.nn.init.normal_(wider.weight, std=0.5)
    return wider


def test_the_decision_travels_and_says_that_the_calibration_is_folded(tiny_matcher, tmp_path):
    matcher = tiny_matcher(**PLAIN)
    export_task(matcher, tmp_path / "out", task="strict")
    written = MatchingFile.load(tmp_path / "out")
    assert written.task_set.names == ("strict",)
    assert written.decision("strict").threshold == 0.3
    assert written.decision("strict").calibration.scale == 1.0
    assert written.training["calibration_in_weights"] == {"scale": 2.0, "bias": -1.0}
    logit = matcher.logits(PAIRS, task="strict").astype(np.float64)
    by_hand = 1 / (1 + np.exp(-(2.0 * logit - 1.0)))
    np.testing.assert_allclose(score_by_transformers(tmp_path / "out", PAIRS), by_hand, atol=1e-5)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint_from": 2}, r"architecture.joint_from is 2.*--onnx.*--set architecture.joint_from=0"),
        ({"layout": PairLayout.SIDES}, r"architecture.layout is sides.*--set architecture.layout=joint"),
        ({"head": HeadKind.INTERACTION}, r"architecture.head is interaction.*--set architecture.head=pooled"),
        (
            {"head": HeadKind.CLASSIFICATION, "model_type": ModelType.ROFORMER},
            r"architecture.head is classification.*--set architecture.head=pooled",
        ),
        ({"attention": "taylor2"}, r"architecture.attention is taylor2.*--set architecture.attention=softmax"),
        ({"model_type": ModelType.NEZHA}, r"transformers has no nezha model"),
    ],
)
def test_what_transformers_has_no_model_for_is_refused_by_its_setting(tiny_matcher, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        export_task(tiny_matcher(**{**PLAIN, **changes}), tmp_path / "out", task="strict")
    assert not list(tmp_path.iterdir())


def test_positions_that_transformers_would_count_otherwise_are_refused(tiny_matcher, tmp_path):
    matcher = tiny_matcher(model_type=ModelType.ROBERTA, **PLAIN)
    with pytest.raises(InputError, match=r"roberta positions leave out pad_token_id 1, .* padding is 0"):
        export_task(matcher, tmp_path / "out", task="strict")


def test_words_unknown_tasks_exports_and_full_folders_are_refused(tiny_matcher, tmp_path, exported):
    matcher = tiny_matcher(**PLAIN)
    with pytest.raises(InputError, match="unknown task 'no'"):
        export_task(matcher, tmp_path / "out", task="no")
    with pytest.raises(InputError, match="only a matcher with torch weights"):
        export_task(Matcher.from_pretrained(exported[1]), tmp_path / "out", task="strict")
    words = WordTokenizer(Vocabulary(list(matcher.pair_encoder.tokenizer.vocabulary)), segmenter=WordSegmenter())
    read = PairEncoder(words, layout=PairLayout.JOINT, normalization=matcher.matching.normalization)
    by_words = Matcher(matcher.engine, read, matcher.matching)
    with pytest.raises(InputError, match="cuts words by jieba"):
        export_task(by_words, tmp_path / "out", task="strict")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("a")
    with pytest.raises(InputError, match="exists and is not empty"):
        export_task(matcher, tmp_path / "full", task="strict")


def test_sentence_transformers_loads_it(tiny_matcher, tmp_path):
    library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    matcher = _apart(tiny_matcher(**PLAIN), task="strict")
    export_task(matcher, tmp_path / "out", task="strict")
    model = library.CrossEncoder(str(tmp_path / "out"), device="cpu")
    expected = matcher.score(PAIRS, task="strict")
    np.testing.assert_allclose(model.predict(PAIRS), expected, atol=1e-5)
