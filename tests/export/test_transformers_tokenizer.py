import json

import pytest
from transformers import AutoTokenizer

from yanmo.data import Budget
from yanmo.errors import InputError
from yanmo.export.transformers_tokenizer import write_pair_tokenizer
from yanmo.tokenize import (
    CharacterSegmenter,
    PairBudget,
    PairEncoder,
    PairLayout,
    TextNormalization,
    Vocabulary,
    WordTokenizer,
)

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天气不错我们去公园学生问：", "ab", "##c"]


def _encoder(*, layout=PairLayout.JOINT, prefix="", lower_case=True):
    tokenizer = WordTokenizer(Vocabulary(TOKENS), segmenter=CharacterSegmenter(), lower_case=lower_case)
    return PairEncoder(tokenizer, layout=layout, prefix=prefix)


def _both(encoder, folder, pair, budget, **options):
    """Ids and types of a pair, by us and by transformers."""
    (folder / "config.json").write_text('{"model_type": "bert"}')
    write_pair_tokenizer(encoder, folder, budget=budget, limit=None, **options)
    ours = encoder.encode(pair, budget=PairBudget(budget.left, budget.right, head=budget.head))
    # As a list, the way scorers call it: an empty second text given alone counts as none.
    theirs = AutoTokenizer.from_pretrained(folder)([pair[0]], [pair[1]], truncation=True)
    return ours, theirs["input_ids"][0], theirs["token_type_ids"][0]


@pytest.mark.parametrize("prefix", ["", "问："])
@pytest.mark.parametrize("pair", [("今天ABC", "天气 不错"), ("", "今天"), ("", ""), ("[SEP]天", "[CLS][PAD]气")])
def test_pairs_within_the_budget_become_the_same_tokens(tmp_path, prefix, pair):
    ours, ids, types = _both(_encoder(prefix=prefix), tmp_path, pair, Budget(left=20, right=20))
    assert (ids, types) == (ours.token_ids.tolist(), ours.type_ids.tolist())


def test_types_may_stand_for_sides_where_each_text_is_alone(tmp_path):
    encoder = _encoder(layout=PairLayout.SIDES, prefix="问：")
    ours, ids, types = _both(encoder, tmp_path, ("今天", "气"), Budget(), types_are_sides=True)
    assert (ids, types) == (ours.token_ids.tolist(), ours.side.tolist())
    assert not ours.type_ids.any()


# Room for text: 10 - 2 left and 10 - 1 right.
@pytest.mark.parametrize("lengths", [(30, 3), (3, 30), (30, 8), (8, 9), (8, 10), (9, 9)])
def test_one_cut_text_keeps_its_beginning_and_as_many_tokens(tmp_path, lengths):
    pair = ("今天气不错我们去公园" * 3)[: lengths[0]], ("学生去公园我们不错气" * 3)[: lengths[1]]
    ours, ids, types = _both(_encoder(), tmp_path, pair, Budget(left=10, right=10, head=1.0))
    if lengths == (9, 9):
        # Of two texts that are both too long, the odd token goes to the other one: nothing more differs.
        assert len(ids) == len(ours) == 20
    else:
        assert (ids, types) == (ours.token_ids.tolist(), ours.type_ids.tolist())
    assert ids.count(3) == 2


def test_a_cut_text_loses_the_end_that_the_budget_would_keep(tmp_path):
    pair = ("今天气不错我们去公园" * 3, "学生")
    ours, ids, _ = _both(_encoder(prefix="问："), tmp_path, pair, Budget(left=10, right=10, head=0.5))
    assert len(ids) == len(ours) == 20
    assert ids != ours.token_ids.tolist()
    # The prefix stays on both sides.
    prefix = [TOKENS.index("问"), TOKENS.index("：")]
    assert ids[1:3] == prefix
    assert ids[-5:-3] == prefix


def test_the_longest_input_is_the_budget_or_what_positions_allow(tmp_path):
    for limit, expected in ((None, 300), (64, 64)):
        write_pair_tokenizer(_encoder(), tmp_path, budget=Budget(left=100, right=200), limit=limit)
        assert json.loads((tmp_path / "tokenizer_config.json").read_text())["model_max_length"] == expected


def test_case_is_kept_where_the_vocabulary_has_it(tmp_path):
    ours, ids, _ = _both(_encoder(lower_case=False), tmp_path, ("ABC", "abc"), Budget())
    assert ids == ours.token_ids.tolist()


def test_a_prefix_that_melts_into_the_text_is_refused(tmp_path):
    # Latin letters go on a word that the prefix has begun.
    with pytest.raises(InputError, match=r"melts the prefix 'ab' into the text 'ＡＢＣ１２３.*architecture.prefix"):
        write_pair_tokenizer(_encoder(prefix="ab"), tmp_path, budget=Budget(), limit=None)


def test_steps_that_the_format_has_no_place_for_are_left_to_the_card(tmp_path):
    """A vocabulary with letters: what is unknown is spelled by the encoder, and is one token to transformers."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"今天", *letters, *(f"##{c}" for c in letters)])
    tokenizer = WordTokenizer(vocabulary, segmenter=CharacterSegmenter())
    encoder = PairEncoder(tokenizer, layout=PairLayout.JOINT, normalization=TextNormalization())
    ours, ids, _ = _both(encoder, tmp_path, ("今天", "天今"), Budget(left=20, right=20))
    assert ids == ours.token_ids.tolist()
    ours, ids, _ = _both(encoder, tmp_path, ("今🍎", "天"), Budget(left=20, right=20))
    assert ids == [2, 4, 1, 3, 5, 3]
    assert 1 not in ours.token_ids
