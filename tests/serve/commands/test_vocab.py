import json
import lzma
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from yanmo.errors import InputError
from yanmo.serve.commands.vocab import vocab_build, wordify
from yanmo.tokenize import Vocabulary, WordSegmenter, load_tokenizer

BASE = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "天", "##天", "气", "公", "园", "错", "iphone", "，"]
KEPT = [token for token in BASE if token not in ("[unused1]", "##天")]

app = typer.Typer()
vocab = typer.Typer()
vocab.command("build")(vocab_build)
app.add_typer(vocab, name="vocab")
app.command()(wordify)


@pytest.fixture
def base(tmp_path):
    Vocabulary(BASE).save(tmp_path / "base" / "vocab.txt")
    return tmp_path / "base"


def _build(tmp_path, *arguments):
    out = tmp_path / "out.txt"
    result = CliRunner().invoke(
        app, ["vocab", "build", *map(str, arguments), "--out", str(out)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return list(Vocabulary.load(out)), result.stdout


def test_words_of_several_corpora_plain_and_packed(base, tmp_path):
    (tmp_path / "a.txt").write_text("天气不错，天气\n\n公园\n", encoding="utf-8")
    with lzma.open(tmp_path / "b.txt.xz", "wt", encoding="utf-8") as file:
        file.write("公园 iPhone\n不错\n公园\n新冠肺炎\n")
    corpora = ["--corpus", tmp_path / "a.txt", "--corpus", tmp_path / "b.txt.xz"]
    tokens, shown = _build(tmp_path, "--base", base, *corpora, "--n-words", 2)
    assert tokens == [*KEPT, "公园", "不错"]
    assert f"保留 kept {len(KEPT)} · 去掉 dropped 2 · 新增 added 2" in shown
    # The third by rank.
    assert _build(tmp_path, "--base", base / "vocab.txt", *corpora, "--n-words", 3)[0][-1] == "天气"


def test_a_list_is_added_whole_and_what_is_passed_over_is_said(base, tmp_path):
    (tmp_path / "w.txt").write_bytes("\ufeff天气\r\n新冠肺炎\r\n\r\n公园\r\n".encode())
    tokens, shown = _build(tmp_path, "--add-to", base, "--words", tmp_path / "w.txt")
    assert tokens == [*BASE, "天气", "公园"]
    assert "略过 passed over 1" in shown
    assert "新冠肺炎" in shown


def test_jiebas_dictionary_is_the_default(base, tmp_path):
    jieba = find_spec("jieba")
    if jieba is None:
        pytest.skip("jieba is not installed")
    rows = [line.split() for line in Path(jieba.origin).with_name("dict.txt").read_text("utf-8").splitlines()]
    first = sorted(rows, key=lambda row: -int(row[1]))[:3]
    tokens, _ = _build(tmp_path, "--base", base, "--n-words", 3)
    assert tokens[len(KEPT) :] == [row[0] for row in first]


def test_the_report_compares_old_and_new_on_texts_alone(base, tmp_path):
    (tmp_path / "w.txt").write_text("天气\n公园\n", encoding="utf-8")
    rows = [{"source": "天气，公园", "target": "公园猫", "labelA": "1"}] * 3
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    arguments = ["--base", base, "--words", tmp_path / "w.txt", "--report-on", tmp_path / "pairs.jsonl"]
    _, shown = _build(tmp_path, *arguments)
    # 8 characters: 8 tokens before, 天气 ， 公园 / 公园 猫 after.
    assert "原词表 before：每 token 1.000 字 characters · [UNK] 12.50% · 整词 whole words 0.0%（6 段" in shown
    assert "新词表 after：每 token 1.600 字 characters · [UNK] 20.00% · 整词 whole words 100.0%（6 段" in shown


def test_bad_lines_of_a_corpus_are_named_or_left_out(base, tmp_path):
    (tmp_path / "a.txt").write_bytes("天气\n".encode() + b"\xff\xfe\n\x00\x01\n" + "公园\n".encode())
    arguments = ["--base", base, "--corpus", tmp_path / "a.txt", "--n-words", 2]
    with pytest.raises(InputError, match=r"a.txt:2: byte 1 .* --on-bad-line skip"):
        _build(tmp_path, *arguments)
    tokens, _ = _build(tmp_path, *arguments, "--on-bad-line", "skip")
    assert tokens == [*KEPT, "公园", "天气"]
    assert len((tmp_path / "out.txt.rejects.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one vocabulary"),
        (["--base", "b", "--add-to", "b"], "name one vocabulary"),
        (["--base", "b", "--words", "w.txt", "--corpus", "w.txt"], "a list or a corpus, not both"),
        (["--base", "b", "--words", "none.txt"], r"none.txt: cannot be read"),
        (["--base", "b", "--corpus", "empty.txt"], "the corpus has no Chinese word"),
        (["--base", "b", "--words", "empty.txt"], r"empty.txt: the word list is empty"),
        (["--base", "b", "--words", "gbk.txt"], r"gbk.txt:1: byte 1 .* not utf-8"),
        (["--base", "b", "--words", "w.txt", "--n-words", "5"], r"vocab.txt: 5 new words .* ask for 1 words"),
        (["--base", "b", "--words", "w.txt", "--report-on", "empty.txt"], r"empty.txt: there is no text in it"),
    ],
)
def test_what_cannot_be_done_is_refused(base, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    base.rename("b")
    (tmp_path / "w.txt").write_text("天气\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "gbk.txt").write_bytes("汉字\n".encode("gbk"))
    with pytest.raises(InputError, match=message):
        _build(tmp_path, *arguments)


def test_wordify_writes_a_folder_and_says_what_became_of_the_tokens(base, tmp_path):
    from yanmo.encode import EncoderConfig, ModelType, build_encoder, load_encoder, save_encoder

    config = EncoderConfig(ModelType.BERT, len(BASE) + 2, 8, 8, 1, 2, 12, 64)
    save_encoder(build_encoder(config), config, base)
    Vocabulary([*KEPT, "天气", "猫"]).save(tmp_path / "new.txt")
    arguments = ["wordify", str(base), "--vocab", str(tmp_path / "new.txt"), "--out", str(tmp_path / "words")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert f"沿用 kept {len(KEPT)} · 同职 by role 0 · 取平均 averaged 1（平均 2.00 片" in result.stdout
    assert "天气 ← 天 + 气" in result.stdout
    assert "未知 unknown 1" in result.stdout
    assert "多出 2 行" in result.stdout
    assert load_encoder(tmp_path / "words").config.vocab_size == len(KEPT) + 2
    assert isinstance(load_tokenizer(tmp_path / "words").segmenter, WordSegmenter)
    with pytest.raises(InputError, match="not empty"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
