"""A tiny CPM under Megatron's names: its vocabulary and weights, its shards, and what the original computes with it."""

import io
import math

import pytest
import torch
import transformers
from safetensors import safe_open

from yanmo.convert.cpm import convert_cpm
from yanmo.tokenize import CpmTokenizer

sentencepiece = pytest.importorskip("sentencepiece")

LAYERS, WIDTH, HEADS, POSITIONS = 2, 8, 4, 16
NAME = "mp_rank_{:02d}_model_states.pt"
ROWS = ("word_embeddings", "h_to_4h.weight", "h_to_4h.bias")
COLUMNS = ("attention.dense.weight", "4h_to_h.weight")
TEXT = [5, 11, 0, 30, 2, 2, 17, 9]


@pytest.fixture(scope="module")
def vocab(tmp_path_factory):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["美国的首都是华盛顿", "法国的首都是巴黎", "狗 dog 猫 cat"] * 3),
        model_writer=model,
        vocab_size=50,
        hard_vocab_limit=False,
        control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>"],
        user_defined_symbols=["\u2582"],
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("vocab") / "chinese_vocab.model"
    path.write_bytes(model.getvalue())
    return path


@pytest.fixture(scope="module")
def n_tokens(vocab):
    return CpmTokenizer.load(vocab).vocab_size


@pytest.fixture
def weights(n_tokens):
    """A model under Megatron's names, unsplit; its values fit into float16."""

    def draw(*shape):
        return (torch.randn(shape) * 0.3).half()

    found = {"word_embeddings.weight": draw(n_tokens, WIDTH), "position_embeddings.weight": draw(POSITIONS, WIDTH)}
    for i in range(LAYERS):
        layer = f"transformer.layers.{i}."
        for name, rows, columns in (
            ("attention.query_key_value", 3 * WIDTH, WIDTH),
            ("attention.dense", WIDTH, WIDTH),
            ("mlp.dense_h_to_4h", 4 * WIDTH, WIDTH),
            ("mlp.dense_4h_to_h", WIDTH, 4 * WIDTH),
        ):
            found |= {f"{layer}{name}.weight": draw(rows, columns), f"{layer}{name}.bias": draw(rows)}
        for name in ("input_layernorm", "post_attention_layernorm"):
            found |= {f"{layer}{name}.weight": 1 + draw(WIDTH), f"{layer}{name}.bias": draw(WIDTH)}
    return found | {
        "transformer.final_layernorm.weight": 1 + draw(WIDTH),
        "transformer.final_layernorm.bias": draw(WIDTH),
    }


def split(weights, n_shards, *, pad_to=1):
    """The shards as the original splits them."""
    shards = [{} for _ in range(n_shards)]
    for name, whole in weights.items():
        if "query_key_value" in name:
            q, k, v = (third.chunk(n_shards) for third in whole.chunk(3))
            parts = [torch.cat(three) for three in zip(q, k, v, strict=True)]
        elif any(key in name for key in ROWS):
            if "word" in name:
                extra = -len(whole) % (n_shards * pad_to)
                whole = torch.cat([whole, torch.full((extra, WIDTH), 9.0).half()])
            parts = whole.chunk(n_shards)
        elif any(key in name for key in COLUMNS):
            parts = whole.chunk(n_shards, 1)
        else:
            parts = [whole] * n_shards
        for shard, part in zip(shards, parts, strict=True):
            shard[name] = part.clone()
    return shards


def save(shards, folder, **more):
    paths = [folder / NAME.format(rank) for rank in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        torch.save({"module": shard, "mp_world_size": len(shards), "iteration": 80000, **more}, path)
    return paths


def forward(weights, token_ids):
    """The original's forward pass of one text, head by head, in double precision."""
    w = {name: tensor.double() for name, tensor in weights.items()}
    n = len(token_ids)

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["word_embeddings.weight"][token_ids] + w["position_embeddings.weight"][:n]
    allowed = torch.ones(n, n).tril().double()
    for i in range(LAYERS):
        layer = f"transformer.layers.{i}."
        mixed = linear(norm(x, f"{layer}input_layernorm"), f"{layer}attention.query_key_value")
        query, key, value = mixed.split(WIDTH, -1)
        size, heads = WIDTH // HEADS, []
        for h in range(HEADS):
            at = slice(h * size, (h + 1) * size)
            scores = query[:, at] @ key[:, at].T / math.sqrt(size)
            scores = scores * allowed - 10000.0 * (1 - allowed)
            heads.append(scores.softmax(-1) @ value[:, at])
        x = x + linear(torch.cat(heads, -1), f"{layer}attention.dense")
        up = linear(norm(x, f"{layer}post_attention_layernorm"), f"{layer}mlp.dense_h_to_4h")
        up = 0.5 * up * (1 + torch.tanh(0.7978845608028654 * up * (1 + 0.044715 * up * up)))
        x = x + linear(up, f"{layer}mlp.dense_4h_to_h")
    return norm(x, "transformer.final_layernorm") @ w["word_embeddings.weight"].T


def logits(folder, token_ids):
    model, info = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), info
    with torch.no_grad():
        return model.eval()(torch.tensor([token_ids])).logits[0].double()


def convert(paths, out, vocab, **more):
    return convert_cpm(paths, out, vocab=vocab, **{"n_heads": HEADS} | more)


def stored(folder):
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return found
