import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers

from yanmo.errors import InputError
from yanmo.serve.doctor.tokenizer import examine_tokenizer
from yanmo.tokenize import FolderTokenizer, Vocabulary, WordSegmenter, load_tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = list("今天北京气不错我们公司的同学下午去园参加活动，。冠心病支架")
WORDS = ["北京", "天气", "公园", "今天"]
MANY = [a + b for a in "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥" for b in map(chr, range(0x5000, 0x5030))]
SPLIT = "北 京 天 气"


def _folder(path, tokens, *, fast=False, listed=True, settings=None, **config):
    path.mkdir(exist_ok=True)
    if listed:
        Vocabulary([*SPECIAL, *tokens]).save(path / "vocab.txt")
    if fast:
        backend = Backend(models.WordPiece({t: i for i, t in enumerate([*SPECIAL, *tokens])}, unk_token="[UNK]"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.save(str(path / "tokenizer.json"))
    (path / "config.json").write_text(json.dumps({"vocab_size": 5 + len(tokens), **config}))
    if settings is not None:
        (path / "tokenizer_config.json").write_text(json.dumps(settings))
    return path


def _said(folder, **options):
    return "\n".join(examine_tokenizer(folder, **options))


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_characters_are_rightly_cut_to_characters_and_nothing_is_written(tmp_path):
    folder = _folder(tmp_path / "m", CHARACTERS, fast=True, model_type="bert")
    before = _files(folder)
    said = _said(folder, repair=True)
    assert "字的词表" in said
    assert "--repair" not in said
    assert _files(folder) == before


@pytest.mark.parametrize(
    "spaces", [["\u2028"], ["\u2028", "##\u2028"], ["\u2028", "\u2029", "\u3000"], ["\xa0", "\x85"]]
)
def test_tokens_of_white_space_that_transformers_does_not_keep_are_no_disagreement(tmp_path, spaces):
    transformers = pytest.importorskip("transformers")
    folder = _folder(tmp_path / "m", [*spaces[:1], *CHARACTERS, *spaces[1:]], model_type="bert")
    transformers.BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    assert "字的词表" in _said(folder)
    # What is no white space still has to be the same.
    Vocabulary([*SPECIAL, *spaces[:1], *reversed(CHARACTERS), *spaces[1:]]).save(folder / "vocab.txt")
    with pytest.raises(InputError, match="give different ids"):
        _said(folder)


@pytest.mark.parametrize("listed", [True, False])
def test_a_folder_whose_tokenizer_json_splits_is_repaired(tmp_path, listed):
    tokens = [*CHARACTERS, *WORDS, *MANY]
    settings = {"tokenizer_class": "BertTokenizer", "model_max_length": 512}
    folder = _folder(tmp_path / "m", tokens, fast=True, listed=listed, settings=settings, model_type="bert")
    before = _files(folder)
    said = _said(folder)
    assert f"words {len(WORDS) + len(MANY):,}" in said
    assert "词被拆成了字，Yanmo 也一样" in said
    assert "零星" not in said
    assert f"doctor tokenizer {folder} --repair" in said
    assert _files(folder) == before, "looking changes nothing"
    assert isinstance(load_tokenizer(folder), FolderTokenizer)

    said = _said(folder, repair=True)
    assert "改名为 renamed to tokenizer.json.split" in said
    after = _files(folder)
    assert after.pop("tokenizer.json.split") == before.pop("tokenizer.json")
    assert after["config.json"] == before["config.json"]
    assert after["vocab.txt"].decode().split("\n") == [*SPECIAL, *tokens, ""]
    kept = json.loads(after["tokenizer_config.json"])
    assert (kept["model_max_length"], kept["yanmo_tokenizer"], kept["do_lower_case"]) == (512, "words", True)
    tokenizer = load_tokenizer(folder)
    assert isinstance(tokenizer.segmenter, WordSegmenter)
    text = "今天北京天气"
    assert [text[a:b] for a, b in tokenizer.encode(text).offsets.tolist()] == ["今天", "北京", "天气"]

    again = _files(folder)
    assert "Yanmo 不拆" in _said(folder, repair=True)
    assert _files(folder) == again, "a second repair has nothing to do"
    # Somebody puts the file back: the earlier one is not overwritten.
    (folder / "tokenizer.json").write_bytes(again["tokenizer.json.split"])
    _said(folder, repair=True)
    assert (folder / "tokenizer.json.split1").read_bytes() == again["tokenizer.json.split"]


def test_a_roformer_folder_with_a_splitting_file_beside_it(tmp_path):
    folder = _folder(tmp_path / "m", [*CHARACTERS, *WORDS], fast=True, model_type="roformer")
    said = _said(folder)
    assert "transformers 把词拆成字，Yanmo 不拆" in said
    assert "--repair" in said
    lines = {line.strip().split("：")[0]: line for line in said.split("\n")}
    assert SPLIT in lines["transformers / tokenizers"]
    # 27 characters; 今天 北京 天气 公园 save four tokens.
    n = len(lines["例句 sample"].split("：")[1])
    assert f"{n / n:.2f} 字" in lines["transformers / tokenizers"]
    assert f"{n / (n - 4):.2f} 字" in lines["Yanmo"]


def test_a_bare_vocabulary_is_cut_as_transformers_cuts_it(tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = _folder(tmp_path / "m", [*CHARACTERS, *WORDS], model_type="roformer")
    lines = _said(folder).split("\n")
    sample = next(line for line in lines if line.startswith("例句")).split("：")[1]
    theirs = next(line for line in lines if "transformers / tokenizers" in line)
    pieces = transformers.AutoTokenizer.from_pretrained(folder).tokenize(sample)
    assert " ".join(pieces) in theirs
    assert "--repair" not in "".join(lines), "there is nothing that a repair would change"


def test_a_few_words_may_be_strays_and_the_repair_is_the_users_choice(tmp_path):
    folder = _folder(tmp_path / "m", [*CHARACTERS, "冠心病", "支架"], model_type="bert")
    said = _said(folder)
    assert "只有 2 个多字词" in said
    assert "冠心病" in said.split("例句 sample：")[1].split("\n")[0], "the sample is of the vocabulary's own words"
    _said(folder, repair=True)
    assert len(load_tokenizer(folder).encode("冠心病").token_ids) == 1


def test_a_unigram_tokenizer_with_words_is_left_alone(tmp_path):
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁", *CHARACTERS, "北京", "▁天气"]
    backend = Backend(models.Unigram([(token, -1.0) for token in tokens], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.save(str(tmp_path / "tokenizer.json"))
    before = _files(tmp_path)
    said = _said(tmp_path, repair=True)
    assert "没有被拆成字" in said
    assert "无 none" in said
    assert "今 天 北京 天 气" in said
    assert _files(tmp_path) == before


@pytest.mark.parametrize(("config", "rows"), [(5, None), (99, 7), (7, 7)])
def test_more_tokens_than_rows_is_an_error_with_both_numbers_after_the_lines(tmp_path, config, rows):
    folder = _folder(tmp_path / "m", ["天", "气", "天气"], model_type="bert")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": config}))
    if rows is not None:
        table = {"bert.embeddings.word_embeddings.weight": np.zeros((rows, 2), np.float32), "a": np.zeros(2)}
        save_file(table, folder / "model.safetensors")
    lines = []

    def look():
        for line in examine_tokenizer(folder):
            lines.append(line)

    with pytest.raises(InputError, match=f"has 8 tokens, the model {min(config, rows or config)} rows"):
        look()
    assert any("结论" in line for line in lines)


def test_what_is_broken_is_named(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        _said(tmp_path / "none")
    folder = _folder(tmp_path / "m", [*CHARACTERS, *WORDS], fast=True, model_type="bert")
    (folder / "model.safetensors").write_bytes(b'\x08\0\0\0\0\0\0\0{"broken')
    with pytest.raises(InputError, match=r"model.safetensors: cannot be read as safetensors"):
        _said(folder)
    Vocabulary([*SPECIAL, *WORDS, *CHARACTERS]).save(folder / "vocab.txt")
    with pytest.raises(InputError, match="give different ids"):
        _said(folder, repair=True)
