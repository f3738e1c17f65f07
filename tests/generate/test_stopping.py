"""Texts to stop at and labels as the model's own vocabulary has them."""

from unicodedata import normalize

import pytest

from yanmo.errors import InputError
from yanmo.generate import Decoding, Ending, LanguageModel
from yanmo.generate.stopping import spoken_stops
from yanmo.tokenize.cpm import CpmTokenizer


@pytest.fixture
def folding(tokenizer):
    """Reads what NFKC makes of a text, as CPM-LM's vocabulary does, and has no token for two characters."""

    class Folding(type(tokenizer)):
        def encode(self, text):
            return super().encode(normalize("NFKC", text).translate({ord(c): "\u2047" for c in "鼠鼡"}))

    return Folding()


@pytest.mark.parametrize("stop", [",", "，", "b，", "ｂ,"])
@pytest.mark.parametrize("method", ["greedy", "beam", "stream"])
def test_a_full_width_stop_ends_where_the_half_width_one_does(network, folding, say, stop, method):
    say(1, folding.encode("ab,aaaaaa").token_ids.tolist())
    model = LanguageModel(network, folding)
    decoding = Decoding(method="beam" if method == "beam" else "greedy", max_new_tokens=6, stop=stop)
    pieces = []
    if method == "stream":
        found = model.stream("的", pieces.append, decoding=decoding)
    else:
        [found] = model.generate(["的"], decoding=decoding)
    assert found.ending is Ending.STOP
    assert found.text == "ab,"[: "ab,".index(normalize("NFKC", stop))]
    assert "".join(pieces) == (found.text if method == "stream" else "")


@pytest.mark.parametrize("stop", ["鼠", "a鼠"])
def test_a_stop_that_can_never_come_is_refused(network, folding, stop):
    model = LanguageModel(network, folding)
    decoding = Decoding(max_new_tokens=2, stop=["b", stop])
    with pytest.raises(InputError, match=f"this model can never say '{stop}'"):
        model.generate(["a"], decoding=decoding)
    with pytest.raises(InputError, match=f"this model can never say '{stop}'"):
        model.stream("a", lambda text: None, decoding=decoding)


def test_cpm_stops_where_its_vocabulary_says(cpm_vocabulary):
    """Its pieces have Latin letters, spaces and newlines; sentencepiece folds widths and drops tabs."""
    tokenizer = CpmTokenizer(cpm_vocabulary)
    assert spoken_stops(["\n", "ｄｏｇ", "dog", " ", "的首"], tokenizer) == ("\n", "dog", " ", "的首")
    for never in ("鼠", "\t", "d\t", "\r\n"):
        with pytest.raises(InputError, match="can never say"):
            spoken_stops([never], tokenizer)


@pytest.mark.parametrize("labels", [["Ａ", "A"], ["b", "，", ","], ["a", "鼠", "鼡"]])
def test_labels_that_are_the_same_tokens_are_refused(network, folding, labels):
    model = LanguageModel(network, folding)
    with pytest.raises(InputError, match=f"labels '{labels[-2]}' and '{labels[-1]}' are the same tokens"):
        model.label_scores(["a"], labels)


def test_what_to_do_with_a_long_prompt_may_be_a_word_and_nothing_else(model):
    decoding = Decoding(max_new_tokens=4)
    [cut] = model.generate(["abcdefgh" * 9], decoding=decoding, too_long="cut_left")
    assert cut.n_cut == 3
    with pytest.raises(InputError, match=r"too_long is 'cut', which is no TooLong.*'refuse', 'cut_left'"):
        model.generate(["a"], decoding=decoding, too_long="cut")
