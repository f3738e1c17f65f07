import json
import multiprocessing
import os
import signal

import numpy as np
import pytest

from yanmo.data.rejects import OnBadLine
from yanmo.errors import InputError
from yanmo.fit.pretraining.heldout import HeldoutChoice
from yanmo.fit.pretraining.token_cache import build_cache, fingerprint_tokenizer
from yanmo.fit.pretraining.whole_words import word_starts
from yanmo.fit.pretraining.windows import TokenWindows, cut_windows, plan_pretraining
from yanmo.tokenize import CharacterSegmenter, Encoding, Vocabulary, WordSegmenter, WordTokenizer

CHARACTERS = "今天气不错我们去公园学生球队赢了输比赛昨晚"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NONE = HeldoutChoice(0.0, limit=5, min_characters=1, seed=0)


@pytest.fixture
def characters():
    return WordTokenizer(Vocabulary([*SPECIAL, *CHARACTERS]), segmenter=CharacterSegmenter())


@pytest.fixture
def words():
    tokens = [*SPECIAL, *CHARACTERS, "今天", "今天天气", "不错", "公园"]
    return WordTokenizer(Vocabulary(tokens), segmenter=WordSegmenter())


def _documents(n, *, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(CHARACTERS), int(rng.integers(1, 60)))) for _ in range(n)]


def _write(path, documents):
    path.write_text("".join(f"{document}\n" for document in documents), encoding="utf-8")
    return path


def test_the_cache_holds_the_tokens_of_every_document(tmp_path, words):
    documents = _documents(700)
    cache = build_cache([_write(tmp_path / "a.txt", documents)], words, folder=tmp_path / "c", choice=NONE)
    for i, document in enumerate(documents):
        low, high = cache.offsets[i : i + 2]
        assert cache.tokens[low:high].tolist() == words.encode(document).token_ids.tolist()
        boundaries = np.cumsum([0] + [len(word) for word in WordSegmenter()(document)])
        slow = [int(start in boundaries) for start in words.encode(document).offsets[:, 0]]
        assert cache.starts[low:high].tolist() == slow
    assert cache.tokens.dtype == np.uint16
    assert cache.counts.tolist() == np.bincount(cache.tokens, minlength=words.vocab_size).tolist()
    assert cache.notes["n_characters"] == sum(map(len, documents))


def test_a_token_over_several_words_joins_them():
    offsets = np.array([[0, 3], [3, 4], [4, 5], [5, 6]], dtype=np.int32)
    encoding = Encoding(np.zeros(4, dtype=np.int32), offsets)
    # Words end at 2, 4 and 6; the first token reaches into the second word, whose rest belongs to it.
    assert word_starts(encoding, ["天气", "不错", "公园"]).tolist() == [1, 0, 1, 0]


def test_the_cache_is_made_once_and_again_for_anything_else(tmp_path, words, characters, monkeypatch):
    file = _write(tmp_path / "a.txt", _documents(50))
    arguments = {"folder": tmp_path / "c", "choice": NONE}
    first = build_cache([file], words, **arguments)
    import yanmo.fit.pretraining.token_cache

    with monkeypatch.context() as patch:
        patch.setattr(yanmo.fit.pretraining.token_cache, "_write", None)
        again = build_cache([file], words, **arguments)
    assert again.tokens.tolist() == first.tokens.tolist()
    assert again.notes == first.notes
    assert fingerprint_tokenizer(words) != fingerprint_tokenizer(characters)
    build_cache([file], characters, **arguments)
    build_cache([_write(file, _documents(51))], words, **arguments)
    assert len(list((tmp_path / "c").glob("*/notes.json"))) == 3


def _die(file, tokenizer, folder):
    import yanmo.fit.pretraining.token_cache

    yanmo.fit.pretraining.token_cache.word_starts = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    build_cache([file], tokenizer, folder=folder, choice=NONE)


def test_a_killed_building_leaves_nothing_that_counts(tmp_path, words):
    file = _write(tmp_path / "a.txt", _documents(50))
    child = multiprocessing.get_context("fork").Process(target=_die, args=(file, words, tmp_path / "c"), daemon=True)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert len([path for path in (tmp_path / "c").iterdir() if path.is_dir()]) == 1
    cache = build_cache([file], words, folder=tmp_path / "c", choice=NONE)
    assert len(cache.offsets) == 51
    assert len([path for path in (tmp_path / "c").iterdir() if path.is_dir()]) == 1


def test_a_full_disk_is_a_sentence(tmp_path, words, monkeypatch):
    import yanmo.fit.pretraining.token_cache

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(yanmo.fit.pretraining.token_cache, "_count", full)
    with pytest.raises(InputError, match=r"could not be written \(No space left.*free space"):
        build_cache([_write(tmp_path / "a.txt", ["今天"])], words, folder=tmp_path / "c", choice=NONE)


def test_held_out_texts_are_those_of_the_smallest_hashes_wherever_they_stand(tmp_path, characters):
    documents = _documents(300)
    documents += documents[:100]
    file = _write(tmp_path / "a.txt", documents)
    choice = HeldoutChoice(0.05, limit=1000, min_characters=10, seed=3)
    cache = build_cache([file], characters, folder=tmp_path / "c", choice=choice)
    assert len(cache.heldout) == 20
    assert [document in cache.heldout for document in documents] == cache.is_heldout.tolist()
    assert min(map(len, cache.heldout)) >= 10
    few = build_cache(
        [file],
        characters,
        folder=tmp_path / "c",
        choice=HeldoutChoice(0.05, limit=7, min_characters=10, seed=3),
    )
    assert set(few.heldout) < set(cache.heldout)
    other = build_cache(
        [file],
        characters,
        folder=tmp_path / "c",
        choice=HeldoutChoice(0.05, limit=7, min_characters=10, seed=4),
    )
    assert set(other.heldout) != set(few.heldout)
    held = np.concatenate(
        [cache.tokens[cache.offsets[i] : cache.offsets[i + 1]] for i in np.flatnonzero(cache.is_heldout)]
    )
    rest = np.bincount(cache.tokens, minlength=characters.vocab_size) - np.bincount(
        held, minlength=characters.vocab_size
    )
    assert cache.counts.tolist() == rest.tolist()


@pytest.mark.parametrize("text", ["", "\n \n\n"])
def test_a_corpus_without_a_document_is_refused(tmp_path, words, text):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=r"a.txt: no document in it: \d blank"):
        build_cache([tmp_path / "a.txt"], words, folder=tmp_path / "c", choice=NONE)
    assert not list((tmp_path / "c").glob("*/notes.json"))


def test_bad_lines_are_kept_with_the_cache(tmp_path, words):
    (tmp_path / "a.txt").write_bytes("今天\n".encode() + b"\xff\n" + "不错\n".encode())
    arguments = {"folder": tmp_path / "c", "choice": NONE}
    for _ in range(2):
        cache = build_cache([tmp_path / "a.txt"], words, **arguments, on_bad_line=OnBadLine.SKIP)
        (record,) = map(json.loads, cache.rejected.read_text().splitlines())
        assert (record["line"], cache.notes["n_bad"]) == (2, 1)
    with pytest.raises(InputError, match=r"a.txt:2: "):
        build_cache([tmp_path / "a.txt"], words, **arguments)


def test_a_damaged_cache_is_named(tmp_path, words):
    file = _write(tmp_path / "a.txt", _documents(50))
    build_cache([file], words, folder=tmp_path / "c", choice=NONE)
    (tokens,) = (tmp_path / "c").glob("*/tokens.bin")
    tokens.write_bytes(tokens.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"damaged.*delete"):
        build_cache([file], words, folder=tmp_path / "c", choice=NONE)


def test_windows_hold_every_training_token_once_and_begin_with_words(tmp_path, characters):
    documents = [*_documents(200), "今天天气不错" * 40, "x" * 90]
    file = _write(tmp_path / "a.txt", documents)
    choice = HeldoutChoice(0.1, limit=1000, min_characters=1, seed=0)
    cache = build_cache([file], characters, folder=tmp_path / "c", choice=choice)
    windows = cut_windows(cache, max_length=16)
    assert windows.sizes.max() <= 14
    assert windows.sizes.min() >= 1
    covered = np.concatenate([np.arange(b, b + s) for b, s in zip(windows.begins, windows.sizes, strict=True)])
    held = np.repeat(cache.is_heldout, np.diff(cache.offsets))
    assert covered.tolist() == np.flatnonzero(~held).tolist()
    assert cache.starts[windows.begins].all()
    documents_of = np.searchsorted(cache.offsets, windows.begins, side="right")
    assert (documents_of == np.searchsorted(cache.offsets, windows.begins + windows.sizes - 1, side="right")).all()


def test_a_word_longer_than_a_window_is_cut(tmp_path, characters):
    cache = build_cache([_write(tmp_path / "a.txt", ["a1" * 20])], characters, folder=tmp_path / "c", choice=NONE)
    cache.offsets[-1] = 40  # one unknown token stands for the run; spread it over the whole file instead
    tokens, starts = np.ones(40, dtype=np.uint16), np.zeros(40, dtype=np.uint8)
    wide = type(cache)(tokens, starts, cache.offsets, cache.is_heldout, cache.counts, (), None, cache.notes)
    assert cut_windows(wide, max_length=16).sizes.tolist() == [14, 13, 13]


def test_all_documents_held_out_is_refused(tmp_path, characters):
    file = _write(tmp_path / "a.txt", ["今天", "今天"])
    choice = HeldoutChoice(0.5, limit=3, min_characters=1, seed=0)
    cache = build_cache([file], characters, folder=tmp_path / "c", choice=choice)
    with pytest.raises(InputError, match=r"all 2 documents are held out.*heldout_share"):
        cut_windows(cache, max_length=16)


def _windows(n, *, seed=0):
    sizes = np.random.default_rng(seed).integers(1, 127, n)
    return TokenWindows(np.cumsum(sizes) - sizes, sizes)


def test_every_epoch_is_a_new_permutation_and_padding_is_small():
    windows = _windows(20000)
    plan = plan_pretraining(windows, max_tokens=2048, n_epochs=2.0, batches_per_step=1, mask_prob=0.15, seed=0)
    entries = np.concatenate(plan.plan.batches)
    assert sorted(entries.tolist()) == list(range(40000))
    first, second = entries[:20000], entries[20000:] - 20000
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(20000))
    assert (first != second).mean() > 0.9
    assert plan.plan.padding_ratio <= 1.08
    rows = windows.sizes + 2
    assert max(len(b) * rows[b % 20000].max() for b in plan.plan.batches) <= 2048
    assert plan.tokens_after[-1] == 2 * rows.sum()
    n_hidden = [max(1, round(0.15 * size)) for size in windows.sizes.tolist()]
    assert plan.masked_per_batch == pytest.approx(2 * sum(n_hidden) / len(plan.plan.batches))


def test_steps_are_whole_and_a_plan_is_repeatable():
    windows = _windows(500)
    arguments = {"max_tokens": 512, "n_epochs": 0.5, "mask_prob": 0.15}
    plan = plan_pretraining(windows, **arguments, batches_per_step=3, seed=1)
    again = plan_pretraining(windows, **arguments, batches_per_step=3, seed=1)
    single = plan_pretraining(windows, **arguments, batches_per_step=1, seed=1)
    assert len(plan.plan.batches) == 3 * plan.n_steps
    assert all(np.array_equal(a, b) for a, b in zip(plan.plan.batches, again.plan.batches, strict=True))
    assert plan.tokens_after == single.tokens_after[::3][: plan.n_steps + 1]
    with pytest.raises(InputError, match="less than the 1000 of one step"):
        plan_pretraining(windows, **arguments, batches_per_step=1000, seed=1)
