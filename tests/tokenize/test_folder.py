import json
import pickle

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers, processors

from yanmo.errors import InputError
from yanmo.tokenize import CharacterSegmenter, FolderTokenizer, Vocabulary, WordSegmenter, load_tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.fixture
def roberta(tmp_path):
    vocab = [
        ("<s>", 0.0),
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -1.0),
        ("天", -1.0),
        ("气", -1.0),
        ("天气", -1.5),
    ]
    backend = Backend(models.Unigram(vocab, unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    backend.enable_truncation(3)
    backend.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_a_tokenizer_json_is_read_with_its_special_tokens(roberta):
    tokenizer = load_tokenizer(roberta)
    assert (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, tokenizer.n_between) == (0, 2, 1, 2)
    encoding = tokenizer.encode("天气天气气")
    assert encoding.token_ids.tolist() == [4, 7, 7, 6], "no truncation from the file"
    assert encoding.offsets[1:].tolist() == [[0, 2], [2, 4], [4, 5]]
    assert tokenizer.encode("天\ud800").token_ids.tolist() == [4, 5, 3]


def test_it_pickles_and_survives_its_folder(roberta, tmp_path):
    tokenizer = load_tokenizer(roberta)
    tokenizer.save(tmp_path / "copy")
    for same in (pickle.loads(pickle.dumps(tokenizer)), load_tokenizer(tmp_path / "copy")):
        assert isinstance(same, FolderTokenizer)
        assert same.encode("天气 天").token_ids.tolist() == tokenizer.encode("天气 天").token_ids.tolist()
        assert same.n_between == 2


def _vocab_folder(path, tokens, **config):
    Vocabulary([*SPECIAL, *tokens]).save(path / "vocab.txt")
    (path / "config.json").write_text(json.dumps(config))
    return path


WORDS = [chr(0x4E00 + i) + chr(0x5000 + j) for i in range(40) for j in range(40)]


def test_a_vocabulary_of_words_is_recognized(tmp_path):
    folder = _vocab_folder(tmp_path, WORDS[:1200], model_type="bert")
    assert isinstance(load_tokenizer(folder).segmenter, WordSegmenter)
    assert isinstance(load_tokenizer(folder / "vocab.txt").segmenter, WordSegmenter)
    assert isinstance(load_tokenizer(folder, characters=True).segmenter, CharacterSegmenter)


@pytest.mark.parametrize(("model_type", "segmenter"), [("bert", CharacterSegmenter), ("roformer", WordSegmenter)])
def test_a_small_vocabulary_follows_the_model_type(tmp_path, model_type, segmenter):
    folder = _vocab_folder(tmp_path, WORDS[:10], model_type=model_type)
    assert isinstance(load_tokenizer(folder).segmenter, segmenter)


def test_lower_casing_follows_the_folder(tmp_path):
    folder = _vocab_folder(tmp_path, ["A", "a"], model_type="bert")
    assert load_tokenizer(folder).ids("A") == [5]
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert load_tokenizer(folder).ids("A") == [4]


def test_a_folder_without_or_with_a_broken_tokenizer_is_named(tmp_path):
    with pytest.raises(InputError, match=r"neither vocab.txt nor tokenizer.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer.json: cannot be read as a tokenizer"):
        load_tokenizer(tmp_path)
