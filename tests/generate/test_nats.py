import pytest
import torch

from yanmo.errors import InputError
from yanmo.generate.nats import TextNats, text_nats

TEXTS = ["你的 ab\n", "", "a", "今天天气不错，我们去公园。"]


def _slowly(network, tokenizer, texts, n_positions):
    """One token after the other, each from its own window without keys and values."""
    nats, n_tokens = 0.0, 0
    for text in texts:
        token_ids = [tokenizer.eod_id, *tokenizer.encode(text).token_ids.tolist()]
        for i in range(1, len(token_ids)):
            start = (i - 1) // (n_positions - 1) * (n_positions - 1)
            with torch.no_grad():
                logits = network(torch.tensor([token_ids[start:i]]), use_cache=False).logits[0, -1]
            nats -= float(logits.double().log_softmax(-1)[token_ids[i]])
            n_tokens += 1
    return TextNats(nats, n_tokens, sum(map(len, texts)))


@pytest.mark.parametrize("n_positions", [64, 7])
@pytest.mark.parametrize("max_tokens", [8, 1000])
def test_sums_equal_a_loop_over_single_tokens(network, tokenizer, n_positions, max_tokens):
    made = text_nats(network, tokenizer, TEXTS, n_positions=n_positions, max_tokens=max_tokens)
    expected = _slowly(network, tokenizer, TEXTS, n_positions)
    assert made.nats == pytest.approx(expected.nats, rel=1e-5)
    assert (made.n_tokens, made.n_characters) == (expected.n_tokens, expected.n_characters)
    assert made.per_character == made.nats / 20


def test_an_empty_list_of_texts_is_refused(network, tokenizer):
    for texts in ([], [""]):
        with pytest.raises(InputError, match="no text to measure"):
            text_nats(network, tokenizer, texts)


@pytest.mark.parametrize("n_positions", [1, 65])
def test_windows_that_do_not_fit_are_refused(network, tokenizer, n_positions):
    with pytest.raises(InputError, match=f"n_positions is {n_positions}.*2 to 64"):
        text_nats(network, tokenizer, TEXTS, n_positions=n_positions)
