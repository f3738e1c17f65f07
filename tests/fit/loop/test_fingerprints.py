import shutil

import pytest

from yanmo.data.rejects import OnBadLine
from yanmo.fit.loop.fingerprints import corpus_record, fingerprint_base


@pytest.fixture
def base(tiny_base, tmp_path):
    return shutil.copytree(tiny_base, tmp_path / "base")


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"])
def test_every_file_that_training_reads_tells_bases_apart(base, name):
    before = fingerprint_base(base)
    assert len(before) == 64
    (base / name).write_bytes((base / name).read_bytes() + b" ")
    assert fingerprint_base(base) != before


@pytest.mark.parametrize("name", ["matching.json", "tokenizer.json", "special_tokens_map.json"])
def test_a_file_more_that_training_reads_makes_another_base(base, name):
    before = fingerprint_base(base)
    (base / name).write_text("{}")
    assert fingerprint_base(base) != before


def test_place_card_and_checkpoints_do_not_make_another_base(base, tmp_path):
    before = fingerprint_base(base)
    (base / "README.md").write_text("card")
    (base / "pytorch_model.bin").write_bytes(b"not read beside safetensors")
    (base / "checkpoint-3").mkdir()
    (base / "checkpoint-3" / "model.safetensors").write_bytes(b"x")
    assert fingerprint_base(shutil.move(base, tmp_path / "elsewhere")) == before


def test_weights_of_torch_and_shards_count_where_they_are_what_is_loaded(tmp_path):
    found = set()
    for name in ("pytorch_model.bin", "pytorch_model-00001-of-00001.bin", "model-00001-of-00001.safetensors"):
        for content in (b"a", b"b"):
            folder = tmp_path / f"{name}-{content.decode()}"
            folder.mkdir()
            (folder / name).write_bytes(content)
            found.add(fingerprint_base(folder))
    assert len(found) == 6


def test_a_corpus_is_told_by_its_bytes_and_by_how_they_are_read(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("今天\n", encoding="utf-8")
    one = corpus_record([file], encoding="utf-8", on_bad_line=OnBadLine.ERROR)
    assert corpus_record([file], encoding="UTF8", on_bad_line=OnBadLine.ERROR) == one
    assert corpus_record([file], encoding="gb18030", on_bad_line=OnBadLine.ERROR) != one
    assert corpus_record([file], encoding="utf-8", on_bad_line=OnBadLine.SKIP) != one
    file.write_text("今天呀\n", encoding="utf-8")
    assert corpus_record([file], encoding="utf-8", on_bad_line=OnBadLine.ERROR)["corpus"] != one["corpus"]
