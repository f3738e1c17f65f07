import json
import pickle

import pytest
import transformers
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers, processors

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


TEXTS = ["café CAFÉ Café", "今天", "今 天ab", "αβγ检测", "カタカナ 한국어", "\u2028段", "ＩP①"]
TOKENS = ["今", "天", "今天", "##天", "##今", "caf", "##é", "##e", "##E", "Caf", "CAF", "é", "cafe", "café", "ab"]
TOKENS += ["α", "β", "γ", "##β", "##γ", "检", "测", "\u2028", "段", "##段", "か", "ｉp①", "##p"]
SETTINGS = [
    {},
    {"do_lower_case": False},
    {"strip_accents": False},
    {"strip_accents": True},
    {"do_lower_case": False, "strip_accents": True},
    {"do_lower_case": False, "strip_accents": False},
    {"tokenize_chinese_chars": False},
    {"tokenize_chinese_chars": False, "strip_accents": False},
]


def _agrees_with_transformers(folder):
    tokenizer = load_tokenizer(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        assert tokenizer.encode(text).token_ids.tolist() == theirs(text, add_special_tokens=False)["input_ids"], text
    return tokenizer


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("model_type", ["bert", "roformer"])
def test_settings_of_a_vocabulary_of_characters_mean_what_they_do_in_transformers(tmp_path, settings, model_type):
    # RoFormer with characters names BERT's tokenizer, and its vocabulary may hold stray words.
    folder = _vocab_folder(tmp_path / "m", TOKENS, model_type=model_type)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"tokenizer_class": "BertTokenizer"}))
    tokenizer = _agrees_with_transformers(folder)
    tokenizer.save(tmp_path / "copy")
    for same in (pickle.loads(pickle.dumps(tokenizer)), load_tokenizer(tmp_path / "copy")):
        assert [same.encode(t).token_ids.tolist() for t in TEXTS] == [
            tokenizer.encode(t).token_ids.tolist() for t in TEXTS
        ]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("model_type", ["bert", "roformer"])
def test_settings_go_before_tokenizer_json(tmp_path, settings, model_type):
    folder = _vocab_folder(tmp_path, TOKENS, model_type=model_type)
    backend = Backend(models.WordPiece(Vocabulary.load(folder / "vocab.txt").ids, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"tokenizer_class": "BertTokenizer"}))
    assert isinstance(_agrees_with_transformers(folder), FolderTokenizer)


def test_roformer_without_a_word_in_its_vocabulary_has_characters(tmp_path):
    folder = _vocab_folder(tmp_path, [t for t in TOKENS if t != "今天"], model_type="roformer")
    assert isinstance(load_tokenizer(folder).segmenter, CharacterSegmenter)
    assert load_tokenizer(folder).ids("αβγ") == [load_tokenizer(folder).id_of(t) for t in ("α", "##β", "##γ")]


def test_roformer_with_words_in_tokenizer_json_alone_keeps_its_words(tmp_path):
    folder = _vocab_folder(tmp_path, WORDS[:10], model_type="roformer")
    backend = Backend(models.WordPiece(Vocabulary.load(folder / "vocab.txt").ids, unk_token="[UNK]"))
    backend.save(str(folder / "tokenizer.json"))
    before = load_tokenizer(folder)
    (folder / "vocab.txt").unlink()
    assert list(load_tokenizer(folder).vocabulary) == list(before.vocabulary)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strip_accents": False}, "strip_accents is False, which a vocabulary of words has no place for"),
        ({"tokenize_chinese_chars": False}, "tokenize_chinese_chars is False, which a vocabulary of words"),
        ({"do_lower_case": "false"}, "do_lower_case is 'false', neither true nor false"),
    ],
)
def test_a_setting_that_words_cannot_honor_is_refused(tmp_path, settings, message):
    folder = _vocab_folder(tmp_path, WORDS[:10], model_type="roformer")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=message):
        load_tokenizer(folder)
