import numpy as np

from yanmo.fit.pretraining.heldout import choose_passages
from yanmo.tokenize import WordSegmenter

TEXT = "今天天气不错，我们去公园。 昨晚的比赛，球队赢了三个球，学生们都很高兴。" * 8


def test_a_passage_is_a_piece_of_its_document_in_whole_words():
    for seed in range(20):
        (passage,) = choose_passages([TEXT], n_characters=50, share=0.15, seed=seed)
        assert passage.text in TEXT
        assert 40 < len(passage.text) <= 50
        boundaries = set(np.cumsum([0] + [len(word) for word in WordSegmenter()(TEXT)]).tolist())
        # The text repeats, so its words stand at equal places in each repetition.
        start = TEXT.index(passage.text)
        assert {start + low for low, _ in passage.hidden} | {start + high for _, high in passage.hidden} <= boundaries
        n_hidden = sum(high - low for low, high in passage.hidden)
        assert 0.1 * len(passage.text) <= n_hidden <= max(0.15 * len(passage.text), 4)
        assert not any(passage.text[low:high].isspace() for low, high in passage.hidden)


def test_equal_seeds_give_equal_passages_whatever_the_company():
    texts = [TEXT, TEXT[5:], TEXT[9:]]
    together = choose_passages(texts, n_characters=50, share=0.15, seed=1)
    assert [choose_passages([text], n_characters=50, share=0.15, seed=1)[0] for text in texts] == together
    assert choose_passages(texts, n_characters=50, share=0.15, seed=2) != together


def test_short_long_and_wordless_documents():
    (whole,) = choose_passages(["今天天气不错"], n_characters=50, share=0.15, seed=0)
    assert whole.text == "今天天气不错"
    assert len(whole.hidden) == 1
    (cut,) = choose_passages(["a" * 300], n_characters=50, share=0.15, seed=0)
    assert (len(cut.text), cut.hidden) == (50, ((0, 50),))
    assert choose_passages([" \u3000 "], n_characters=50, share=0.15, seed=0) == []
