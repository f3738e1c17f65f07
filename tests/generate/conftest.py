import io

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from yanmo.generate import LanguageModel
from yanmo.tokenize import Encoding
from yanmo.tokenize.cpm import CpmTokenizer

PAD, EOD, FIRST_BYTE = 0, 1, 2


class BytePieces:
    """Some two-byte pieces and all single bytes: characters and stop texts come in several tokens."""

    pad_id, eod_id, start_ids = PAD, EOD, ()

    def __init__(self):
        singles = [bytes([value]) for value in range(256)]
        self.pieces = [b"", b"", *singles, "你".encode()[:2], b"ab", b"b\n", "的".encode()]
        self.vocab_size = len(self.pieces)
        self.by_length = sorted(range(2, self.vocab_size), key=lambda i: -len(self.pieces[i]))

    def encode(self, text):
        rest, ids = text.encode(), []
        while rest:
            ids.append(next(i for i in self.by_length if rest.startswith(self.pieces[i])))
            rest = rest[len(self.pieces[ids[-1]]) :]
        return Encoding(np.array(ids, dtype=np.int32), np.zeros((len(ids), 2), dtype=np.int32))

    def decode(self, token_ids):
        return b"".join(self.pieces[i] for i in token_ids).decode(errors="replace")


def make_network(vocab_size, *, n_positions=64, eod=EOD, width=16):
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=n_positions,
        n_embd=width,
        n_layer=2,
        n_head=2,
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=eod,
    )
    return GPT2LMHeadModel(config).eval()


@pytest.fixture
def tokenizer():
    return BytePieces()


@pytest.fixture
def network(tokenizer):
    return make_network(tokenizer.vocab_size)


@pytest.fixture
def model(network, tokenizer):
    return LanguageModel(network, tokenizer)


def greedy_loop(network, token_ids, n_new, *, forbidden=PAD, end=EOD):
    """The likeliest next token, again and again, each time from the whole text and without keys and values."""
    token_ids, found = list(token_ids), []
    for _ in range(n_new):
        with torch.no_grad():
            logits = network(torch.tensor([token_ids]), use_cache=False).logits[0, -1]
        logits[forbidden] = -torch.inf
        found.append(int(logits.argmax()))
        if found[-1] == end:
            return found[:-1]
        token_ids.append(found[-1])
    return found


@pytest.fixture
def say(model):
    """Makes the model continue a prompt with given tokens, whatever its weights."""

    def script(n_prompt, token_ids):
        def speak(module, arguments, options, output):
            places = options["position_ids"][:, -1] + 1 - n_prompt
            output.logits[:, -1] = 0.0
            for row, place in enumerate(places.tolist()):
                output.logits[row, -1, token_ids[min(place, len(token_ids) - 1)]] = 50.0
            return output

        model.network.register_forward_hook(speak, with_kwargs=True)

    return script


@pytest.fixture(scope="session")
def cpm_vocabulary():
    """A sentencepiece model with the pieces that CPM-LM's has, trained on a few lines."""
    sentencepiece = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    lines = ["法国的首都是巴黎", "日本的首都是东京", "狗 dog", "今天天气不错", "\u2582 \u2583 \u2582"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 9),
        model_writer=model,
        vocab_size=70,
        hard_vocab_limit=False,
        character_coverage=1.0,
        control_symbols=["<sep>", "<pad>", "<mask>", "<eod>"],
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


@pytest.fixture
def cpm_folder(cpm_vocabulary, tmp_path):
    """A tiny random CPM folder, and its tokenizer and network."""
    tokenizer = CpmTokenizer(cpm_vocabulary)
    network = make_network(tokenizer.vocab_size, eod=tokenizer.eod_id)
    folder = tmp_path / "cpm"
    network.save_pretrained(folder)
    tokenizer.save(folder)
    return folder, tokenizer, network


@pytest.fixture
def make_gpt2():
    return make_network


@pytest.fixture
def slow_greedy():
    return greedy_loop
