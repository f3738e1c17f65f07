import pytest
import torch

from yanmo.errors import InputError
from yanmo.generate import Decoding, Ending, LanguageModel, TooLong

PROMPTS = ["你的", "b", "abab\nab你", "", "的的的的的的"]


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_greedy_batches_equal_a_loop_without_cache(model, tokenizer, slow_greedy, batch_size):
    found = model.generate(PROMPTS, decoding=Decoding(max_new_tokens=12), batch_size=batch_size)
    for prompt, completion in zip(PROMPTS, found, strict=True):
        token_ids = tokenizer.encode(prompt).token_ids.tolist() or [tokenizer.eod_id]
        expected = slow_greedy(model.network, token_ids, 12)
        assert completion.token_ids == tuple(expected)
        assert completion.text == tokenizer.decode(expected)
        assert completion.ending is (Ending.LENGTH if len(expected) == 12 else Ending.DOCUMENT)


@pytest.mark.parametrize(
    "settings",
    [
        {"repetition_penalty": 1.7},
        {"no_repeat_ngram_size": 1},
        {"no_repeat_ngram_size": 2},
        {"method": "beam", "n_beams": 3},
        {"method": "sample", "temperature": 1.5, "top_k": 40, "top_p": 0.95},
    ],
    ids=str,
)
def test_every_method_gives_a_batch_what_it_gives_one_by_one(model, settings):
    decoding = Decoding(max_new_tokens=10).changed(settings)
    together = model.generate(PROMPTS, decoding=decoding, batch_size=4)
    for i, prompt in enumerate(PROMPTS):
        alone = decoding.changed({"seed": i}) if "temperature" in settings else decoding
        assert model.generate([prompt], decoding=alone) == [together[i]]


def test_beam_search_finds_a_likelier_text_than_greedy_search(model, tokenizer):
    def log_likelihood(prompt, completion):
        ids = tokenizer.encode(prompt).token_ids.tolist()
        row = torch.tensor([[*ids, *completion.token_ids]])
        log_probs = model.network(row).logits[0].log_softmax(-1)[len(ids) - 1 : -1]
        return float(log_probs.gather(1, row[0, len(ids) :, None]).sum())

    beam, greedy = Decoding(method="beam", n_beams=64, max_new_tokens=4), Decoding(max_new_tokens=4)
    gains = []
    for prompt in ("a", "你", "的b", "aa"):
        [one], [other] = model.generate([prompt], decoding=beam), model.generate([prompt], decoding=greedy)
        gains.append(log_likelihood(prompt, one) - log_likelihood(prompt, other))
    assert min(gains) > -1e-4
    assert max(gains) > 0.1


def test_a_repetition_penalty_and_forbidden_repeats_are_in_force(model):
    plain = model.generate(["ab"], decoding=Decoding(max_new_tokens=20))[0].token_ids
    unlike = model.generate(["ab"], decoding=Decoding(max_new_tokens=20, no_repeat_ngram_size=1))[0].token_ids
    assert len(set(plain)) < len(plain)
    assert len(set(unlike)) == len(unlike)


def test_seeds_repeat_and_the_global_random_state_stays(model):
    decoding = Decoding(method="sample", max_new_tokens=10, seed=4)
    before = torch.get_rng_state()
    first = model.generate(PROMPTS, decoding=decoding)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert model.generate(PROMPTS, decoding=decoding) == first
    assert model.generate(PROMPTS, decoding=decoding.changed({"seed": 5})) != first
    two = model.generate(["ab", "ab"], decoding=decoding)
    assert two[0] != two[1]


@pytest.mark.parametrize(
    ("pieces", "stops", "text"),
    [
        (["a", "b\n", "a"], ["\n"], "ab"),
        (["a", "ab", "b\n", "a"], ["abb"], "a"),
        (["你", "的", "a"], ["的a"], "你"),
        (["a", "你"], ["你"], "a"),
        (["a", "b"], ["b", "a"], ""),
    ],
)
@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_a_text_to_stop_at_may_cross_tokens_and_is_cut_off(model, tokenizer, say, pieces, stops, text, method):
    token_ids = [i for piece in pieces for i in tokenizer.encode(piece).token_ids.tolist()]
    say(2, [*token_ids, *tokenizer.encode("aaaaaa").token_ids.tolist()])
    decoding = Decoding(method=method, max_new_tokens=12, stop=stops)
    [completion] = model.generate(["的的"], decoding=decoding)
    assert (completion.text, completion.ending) == (text, Ending.STOP)
    assert len(completion.token_ids) <= len(token_ids)


def test_rows_end_by_themselves(model, tokenizer, say):
    """A row that stopped is not changed by the one that goes on."""
    say(1, tokenizer.encode("a\n").token_ids.tolist() + tokenizer.encode("cccccc").token_ids.tolist())
    decoding = Decoding(max_new_tokens=6, stop_at_newline=True)
    short, long = model.generate(["的", "的的的"], decoding=decoding)
    assert (short.text, short.ending) == ("a", Ending.STOP)
    assert (long.text, long.ending) == ("cccccc", Ending.LENGTH)


def test_prompts_that_are_too_long(model, tokenizer, slow_greedy):
    prompt = "abcdefgh" * 9
    with pytest.raises(InputError, match=r"has 63 tokens.*positions for 60.*cut_left"):
        model.generate([prompt], decoding=Decoding(max_new_tokens=4))
    [cut] = model.generate([prompt], decoding=Decoding(max_new_tokens=4), too_long=TooLong.CUT_LEFT)
    assert cut.n_cut == 3
    assert list(cut.token_ids) == slow_greedy(model.network, tokenizer.encode(prompt).token_ids.tolist()[3:], 4)
    with pytest.raises(InputError, match="has none"):
        model.generate([prompt], decoding=Decoding(max_new_tokens=4), too_long=TooLong.KEEP_NEWEST)
    with pytest.raises(InputError, match=r"64 new tokens .* only 64 positions.* at most 63"):
        model.generate(["a"])
    assert model.generate(["abc"], decoding=Decoding(max_new_tokens=61))[0].n_cut == 0


def test_no_prompts(model):
    assert model.generate([]) == []


def test_a_tokenizer_that_does_not_fit_is_refused(network, tokenizer):
    tokenizer.vocab_size += 1
    with pytest.raises(InputError, match="tokenizer has 263 ids, the model 262"):
        LanguageModel(network, tokenizer)


def test_padding_needs_an_id_of_its_own(network, tokenizer):
    tokenizer.pad_id = tokenizer.eod_id
    with pytest.raises(InputError, match="id 1 is both"):
        LanguageModel(network, tokenizer)


def test_settings_that_came_with_the_network_are_not_in_force(network, tokenizer, slow_greedy):
    network.generation_config.repetition_penalty = 9.0
    network.generation_config.min_new_tokens = 3
    [found] = LanguageModel(network, tokenizer).generate(["ab"], decoding=Decoding(max_new_tokens=9))
    assert list(found.token_ids) == slow_greedy(network, tokenizer.encode("ab").token_ids.tolist(), 9)
