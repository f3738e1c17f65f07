import math

import numpy as np
import pytest
import torch

from yanmo.encode import TokenBatch, load_mlm
from yanmo.errors import InputError
from yanmo.fit.pretraining.heldout import Passage
from yanmo.fit.pretraining.nats import UNKNOWN_CHARACTER, HiddenOrder, encode_passages, score_passages
from yanmo.tokenize import Encoding, SpecialIds, find_special_ids, load_tokenizer

PASSAGES = [
    Passage("今天天气不错我们去公园", ((0, 4), (8, 9))),
    Passage("学生球队赢了", ((2, 4),)),
    Passage("昨晚 的比赛", ((0, 2), (3, 4))),
]


@pytest.fixture
def judged(tiny_base):
    loaded = load_mlm(tiny_base)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    tokenizer = load_tokenizer(tiny_base)
    return loaded, tokenizer, find_special_ids(tokenizer)


def _score(judged, order, *, passages=PASSAGES, max_tokens=30):
    loaded, tokenizer, special = judged
    rows = encode_passages(passages, tokenizer=tokenizer, special=special, max_length=64)
    mask = special.mask
    return score_passages(loaded.model, rows, config=loaded.config, mask_id=mask, order=order, max_tokens=max_tokens)


def _slow(judged, order):
    """One row, one token at a time, straight from the definition."""
    loaded, tokenizer, special = judged
    total = 0.0
    for passage in PASSAGES:
        places = [[passage.text[:i].replace(" ", "").__len__() for i in range(*span)] for span in passage.hidden]
        ids = [tokenizer.cls_id, *tokenizer.encode(passage.text).token_ids.tolist(), tokenizer.sep_id]
        for word in places:
            for k, place in enumerate(word):
                seen = list(ids)
                for other in places:
                    for j, hidden in enumerate(other):
                        if order is HiddenOrder.TOGETHER or other is not word or j >= k:
                            seen[hidden + 1] = special.mask
                row = torch.tensor([seen])
                zeros = torch.zeros_like(row)
                batch = TokenBatch(row, zeros, torch.arange(len(seen))[None], zeros, torch.ones_like(row).bool())
                with torch.no_grad():
                    logits = loaded.model.eval()(batch, torch.tensor([place + 1]))
                total -= float(logits.log_softmax(-1)[0, ids[place + 1]])
    return total


@pytest.mark.parametrize("order", list(HiddenOrder))
def test_it_is_the_slow_sum_over_hidden_characters(judged, order):
    score = _score(judged, order)
    # "的" is not in the vocabulary: one unknown character.
    assert (score.n_characters, score.n_tokens, score.n_unknown) == (10, 10, 1)
    assert score.nats_per_character == pytest.approx((_slow(judged, order) + UNKNOWN_CHARACTER) / 10, abs=1e-4)
    assert score.together == pytest.approx((_slow(judged, HiddenOrder.TOGETHER) + UNKNOWN_CHARACTER) / 10, abs=1e-4)
    assert score.nats_per_character == pytest.approx(
        _score(judged, order, max_tokens=10**6).nats_per_character, abs=1e-5
    )


def test_words_of_one_token_cost_the_same_either_way(judged):
    passages = [Passage("今天天气不错", ((1, 2), (4, 5)))]
    chain, together = (_score(judged, order, passages=passages) for order in HiddenOrder)
    assert chain.nats_per_character == pytest.approx(together.nats_per_character, abs=1e-6)


def test_a_model_that_knows_nothing_pays_the_logarithm_of_its_vocabulary(judged):
    loaded, tokenizer, _ = judged
    with torch.no_grad():
        loaded.model.encoder.embedding.word.weight.zero_()
        loaded.model.head.bias.zero_()
    passages = PASSAGES[:2]
    for order in HiddenOrder:
        score = _score(judged, order, passages=passages)
        assert score.nats_per_character == pytest.approx(math.log(tokenizer.vocab_size), rel=1e-6)
    assert pytest.approx(math.log(1_112_064)) == UNKNOWN_CHARACTER


def test_the_mode_of_the_network_stays(judged):
    judged[0].model.train()
    _score(judged, HiddenOrder.CHAIN)
    assert judged[0].model.training


class _Pieces:
    """A vocabulary whose tokens reach over words: pairs of characters, whatever they are."""

    vocab_size, cls_id, sep_id, pad_id, n_between = 9, 2, 3, 0, 1

    def encode(self, text):
        n = -(-len(text) // 2)
        offsets = [[2 * i, min(2 * i + 2, len(text))] for i in range(n)]
        return Encoding(np.full(n, 7, dtype=np.int32), np.array(offsets, dtype=np.int32))

    def encode_batch(self, texts):
        return [self.encode(text) for text in texts]

    def save(self, folder):
        raise NotImplementedError


def test_a_token_over_the_edge_of_a_word_counts_what_it_hides():
    special = SpecialIds(4, 1, (0, 1, 2, 3, 4), True)
    passage = Passage("今天天气不错", ((1, 2), (2, 5)))
    (row,) = encode_passages([passage], tokenizer=_Pieces(), special=special, max_length=None)
    # The first word lies in token 0 with 今; the second in tokens 1 and 2, the latter with 错.
    assert row.words == ((1,), (2, 3))
    assert (row.n_characters, row.n_unknown) == (6, 0)


def test_too_long_a_passage_and_nothing_hidden_are_refused(judged):
    loaded, tokenizer, special = judged
    with pytest.raises(InputError, match=r"has 13 tokens, a row 12.*heldout_characters"):
        encode_passages(PASSAGES, tokenizer=tokenizer, special=special, max_length=12)
    with pytest.raises(InputError, match="no held-out character"):
        score_passages(loaded.model, [], config=loaded.config, mask_id=special.mask)
