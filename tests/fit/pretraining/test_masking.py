import numpy as np
import pytest

from yanmo.fit.pretraining.heldout import HeldoutChoice
from yanmo.fit.pretraining.masking import MaskedBatchMaker, choose_hidden, corrupt
from yanmo.fit.pretraining.token_cache import build_cache
from yanmo.fit.pretraining.windows import cut_windows
from yanmo.tokenize import CharacterSegmenter, Vocabulary, WordTokenizer, find_special_ids

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"今天气不错我们去公园学生球队赢了输比赛昨晚"]


@pytest.fixture
def tokenizer():
    return WordTokenizer(Vocabulary(TOKENS), segmenter=CharacterSegmenter())


def _draw(starts, *, usable=None, prob=0.15, seed=0):
    starts = np.array(starts, dtype=np.uint8)
    usable = np.ones(len(starts), dtype=bool) if usable is None else np.array(usable)
    return choose_hidden(starts, usable, prob=prob, rng=np.random.default_rng(seed))


def test_words_are_hidden_whole_and_fill_the_share():
    rng = np.random.default_rng(0)
    n_hidden = 0
    for seed in range(200):
        sizes = rng.integers(1, 4, 40)
        starts = np.concatenate([[1] + [0] * (size - 1) for size in sizes])
        hidden = _draw(starts, seed=seed)
        room = round(0.15 * len(starts))
        assert 1 <= len(hidden) <= room
        n_hidden += len(hidden) / room
        word_of = np.cumsum(starts)
        for word in set(word_of[hidden].tolist()):
            assert (word_of[hidden] == word).sum() == (word_of == word).sum()
    assert n_hidden / 200 > 0.99


def test_every_word_of_a_row_has_its_turn():
    times = np.zeros(20)
    for seed in range(4000):
        times[_draw([1] * 20, seed=seed)] += 1
    assert times.sum() == 3 * 4000
    # A binomial of 4000 draws at 3/20: five standard deviations.
    assert np.abs(times - 600).max() < 5 * (4000 * 0.15 * 0.85) ** 0.5


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_short_row_hides_one_token(n):
    assert len(_draw([1] * n)) == 1


def test_a_word_longer_than_the_share_is_hidden_in_part():
    begins = set()
    for seed in range(200):
        hidden = _draw([1] + [0] * 39, seed=seed)
        assert hidden.tolist() == list(range(hidden[0], hidden[0] + 6))
        begins.add(int(hidden[0]))
    assert begins == set(range(35))


def test_what_is_not_usable_stays_visible_unless_there_is_nothing_else():
    usable = [False] * 10 + [True] * 3
    for seed in range(50):
        assert set(_draw([1] * 13, usable=usable, seed=seed).tolist()) <= {10, 11, 12}
    assert len(_draw([1] * 13, usable=[False] * 13)) == 2


def test_corruption_is_eighty_ten_ten():
    ids, hidden = np.full(20000, 7), np.arange(0, 20000, 2)
    replacements = np.array([8, 9])
    made = corrupt(ids, hidden, mask_id=4, replacements=replacements, rng=np.random.default_rng(0))
    assert (made[1::2] == 7).all()
    for value, share in ((4, 0.8), (8, 0.05), (9, 0.05), (7, 0.1)):
        n = 10000
        assert abs((made[hidden] == value).sum() - share * n) < 5 * (n * share * (1 - share)) ** 0.5
    assert (ids == 7).all()


@pytest.fixture
def maker(tmp_path, tokenizer):
    rng = np.random.default_rng(0)
    documents = ["".join(rng.choice(list("今天气不错我们去公园学生?"), int(rng.integers(1, 40)))) for _ in range(60)]
    (tmp_path / "a.txt").write_text("\n".join(documents), encoding="utf-8")
    choice = HeldoutChoice(0.0, limit=1, min_characters=1, seed=0)
    cache = build_cache([tmp_path / "a.txt"], tokenizer, folder=tmp_path / "c", choice=choice)
    windows = cut_windows(cache, max_length=16)
    special = find_special_ids(tokenizer)

    def make(seed=0, prob=0.15):
        return (
            MaskedBatchMaker(cache, windows, tokenizer=tokenizer, special=special, prob=prob, seed=seed),
            windows,
            cache,
        )

    return make


def test_a_row_depends_on_seed_epoch_and_row_and_nothing_else(maker):
    one, windows, _ = maker()
    n = len(windows)
    alone = one([2 * n + 5])
    among = one([7, 2 * n + 5, n + 1])
    size = int(windows.sizes[5]) + 2
    assert among["token_ids"][1, :size].tolist() == alone["token_ids"][0].tolist()
    assert among["mask"][1].sum() == size
    other_epoch = [one.row(epoch, 5)[1].tolist() for epoch in range(8)]
    assert len({tuple(hidden) for hidden in other_epoch}) > 1
    other_seed = [maker(seed)[0].row(0, 5)[1].tolist() for seed in range(8)]
    assert len({tuple(hidden) for hidden in other_seed}) > 1


def test_a_batch_restores_to_the_text_and_hides_no_special_token(maker):
    made, windows, cache = maker(prob=0.5)
    entries = list(range(len(windows)))
    batch = made(entries)
    restored = batch["token_ids"].clone().flatten()
    assert batch["mask"].flatten()[batch["places"]].all()
    restored[batch["places"]] = batch["targets"]
    assert len(set(batch["places"].tolist())) == len(batch["places"])
    special = set(range(5))
    for row, (begin, size) in enumerate(zip(windows.begins.tolist(), windows.sizes.tolist(), strict=True)):
        expected = [2, *cache.tokens[begin : begin + size].tolist(), 3]
        found = restored.view(batch["token_ids"].shape)[row]
        assert found[: size + 2].tolist() == expected
        assert (found[size + 2 :] == 0).all()
        hidden = batch["places"][batch["places"] // found.numel() == row]
        assert len(hidden) >= 1
    only_unknown = {row for row, b in enumerate(windows.begins) if set(cache.tokens[b : b + windows.sizes[row]]) <= {1}}
    rows = (batch["places"] // batch["token_ids"].shape[1]).tolist()
    assert all(
        target not in special or row in only_unknown
        for row, target in zip(rows, batch["targets"].tolist(), strict=True)
    )
    # What stands in a hidden place is the mask, the token itself, or another that is not special.
    shown = set(batch["token_ids"].flatten()[batch["places"]].tolist())
    assert 4 in shown
    assert not shown & {0, 2, 3}


def test_words_of_the_cache_are_hidden_whole(maker):
    made, windows, cache = maker(prob=0.5)
    whole = 0
    for window in range(len(windows)):
        begin, size = int(windows.begins[window]), int(windows.sizes[window])
        ids, hidden, _ = made.row(0, window)
        starts = cache.starts[begin : begin + size].copy()
        word_of = np.cumsum(starts)
        budget = max(1, round(0.5 * size))
        for word in set(word_of[hidden].tolist()):
            n, n_usable = (word_of[hidden] == word).sum(), ((word_of == word) & (ids != 1)).sum()
            if n == n_usable:
                whole += n > 1
            else:
                assert n_usable == 0 or n_usable > budget or len(hidden) == n
    assert whole > 5
