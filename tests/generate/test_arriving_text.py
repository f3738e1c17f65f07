import pytest
import torch

from yanmo.errors import InputError
from yanmo.generate import Decoding, LanguageModel
from yanmo.generate.arriving_text import ArrivingText


def pieces_of(tokenizer, token_ids, stops=(), *, final=None):
    pieces = []
    arriving = ArrivingText(pieces.append, tokenizer=tokenizer, stops=stops)
    arriving.put(torch.tensor([[5, 6, 7]]))
    for token in token_ids:
        arriving.put(torch.tensor([token]))
    arriving.end()
    arriving.finish(tokenizer.decode(token_ids) if final is None else final)
    return pieces


def test_characters_come_whole(tokenizer):
    text = "你好🙂的 a\nb你"
    token_ids = tokenizer.encode(text).token_ids.tolist()
    assert len(token_ids) > len(text)
    pieces = pieces_of(tokenizer, token_ids)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
    assert pieces[:3] == ["你", "好", "🙂"]


def test_a_character_that_never_becomes_whole_is_shown_at_the_end(tokenizer):
    token_ids = tokenizer.encode("a你").token_ids.tolist()[:-1]
    assert pieces_of(tokenizer, token_ids) == ["a", "\ufffd"]


def test_the_beginning_of_a_stop_waits(tokenizer):
    token_ids = tokenizer.encode("x--y-->").token_ids.tolist()
    pieces = pieces_of(tokenizer, token_ids, ["-->"], final="x--y")
    assert pieces == ["x", "--y"]
    assert pieces_of(tokenizer, tokenizer.encode("x--").token_ids.tolist(), ["-->"]) == ["x", "--"]


@pytest.mark.parametrize("method", ["greedy", "sample"])
@pytest.mark.parametrize("stop", [(), ("b",), ("\x9d",)])
def test_streaming_gives_what_generating_gives(model, method, stop):
    decoding = Decoding(method=method, max_new_tokens=12, stop=stop)
    for prompt in ("", "ab", "ab你", "的"):
        pieces = []
        completion = model.stream(prompt, pieces.append, decoding=decoding)
        assert completion == model.generate([prompt, "a"], decoding=decoding)[0]
        assert "".join(pieces) == completion.text


def test_beams_cannot_stream(model):
    with pytest.raises(InputError, match="beam search cannot stream"):
        model.stream("a", print, decoding=Decoding(method="beam"))


def test_an_answer_that_is_broken_off_does_no_harm(model):
    decoding = Decoding(max_new_tokens=10)
    expected = model.generate(["abc", "a"], decoding=decoding)[0]

    def refuse(text):
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            model.stream("abc", refuse, decoding=decoding)
        assert model.stream("abc", lambda text: None, decoding=decoding) == expected


def test_a_known_beginning_is_not_computed_again(model, tokenizer):
    counted = []
    model.network.register_forward_pre_hook(
        lambda module, arguments, options: counted.append(options["input_ids"].shape[1]), with_kwargs=True
    )
    prompt = "法国的首都是巴黎的"
    n = len(tokenizer.encode(prompt).token_ids)
    decoding = Decoding(max_new_tokens=1)
    for text, fresh in ((prompt, n), (prompt, 1), (prompt + "abc", 2), ("xyz", 3), (prompt, n)):
        counted.clear()
        found = model.stream(text, lambda text: None, decoding=decoding)
        assert counted == [fresh], text
        assert found == LanguageModel(model.network, tokenizer).generate([text], decoding=decoding)[0]


def test_decoding_of_cpm_only_grows(cpm_folder):
    _, tokenizer, _ = cpm_folder
    text = "法国 的\n首都是 dog"
    token_ids = tokenizer.encode(text).token_ids.tolist()
    assert "".join(pieces_of(tokenizer, token_ids)) == tokenizer.decode(token_ids) == text
