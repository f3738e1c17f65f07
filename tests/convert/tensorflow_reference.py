"""Tiny checkpoints of each TensorFlow layout, and what the frameworks they come from compute with them, in numpy.

Run with TensorFlow installed to write ``tensorflow_checkpoints/`` anew: python tests/convert/tensorflow_reference.py
"""

import json
import math
import zlib
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("tensorflow_checkpoints")
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"天地玄黄宇宙洪荒日月盈昃", "日月", "宇宙", "##x"]
CONFIG = {
    "vocab_size": len(TOKENS),
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "directionality": "bidi",
}
HEADS = {
    "pooler": {"bert/pooler/dense": (8, 8)},
    "mlm": {
        "cls/predictions/transform/dense": (8, 8),
        "cls/predictions/transform/LayerNorm": (8,),
        "cls/predictions/output_bias": "vocab",
    },
    "nsp": {"cls/seq_relationship/output_weights": (2, 8), "cls/seq_relationship/output_bias": "two"},
}
LAYOUTS = {
    "bert": {"heads": ("pooler", "mlm", "nsp"), "config": {}, "n_shards": 1},
    "roformer": {"heads": ("mlm",), "config": {}, "n_shards": 2},
    "nezha": {"heads": ("pooler", "mlm", "nsp"), "config": {"use_relative_position": True}, "n_shards": 1},
}


def draw(name, shape):
    """Numbers that depend on the name alone, and that bfloat16 holds exactly: multiples of 1/16 below 4."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape) * 0.6
    return (np.clip(np.round(values * 16), -63, 63) / 16 + name.endswith("gamma")).astype(np.float32)


def make_weights(layout, vocab_size=CONFIG["vocab_size"]):
    """All variables of a model in the names and shapes of its source."""
    sizes = {"vocab": (vocab_size,), "two": (2,)}
    parts = {"bert/embeddings/LayerNorm": (8,)}
    for i in range(2):
        at = f"bert/encoder/layer_{i}"
        parts |= {f"{at}/attention/self/{name}": (8, 8) for name in ("query", "key", "value")}
        parts |= {f"{at}/attention/output/dense": (8, 8), f"{at}/attention/output/LayerNorm": (8,)}
        parts |= {f"{at}/intermediate/dense": (8, 12), f"{at}/output/dense": (12, 8), f"{at}/output/LayerNorm": (8,)}
    for head in LAYOUTS[layout]["heads"]:
        parts |= HEADS[head]
    shapes = {"bert/embeddings/word_embeddings": (vocab_size, 8), "bert/embeddings/token_type_embeddings": (2, 8)}
    if layout == "bert":
        shapes["bert/embeddings/position_embeddings"] = (16, 8)
    for name, shape in parts.items():
        if name.endswith("LayerNorm"):
            shapes |= {f"{name}/gamma": shape, f"{name}/beta": shape}
        elif "output_" in name:
            shapes[name] = sizes.get(shape, shape)
        else:
            shapes |= {f"{name}/kernel": shape, f"{name}/bias": shape[1:]}
    return {name: draw(name, shape) for name, shape in shapes.items()}


def gelu_erf(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def gelu_tanh(x):
    return x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class Reference:
    """The forward pass of Google's modeling.py, of bert4keras's RoFormer, or of Huawei's modeling.py, in float64."""

    def __init__(self, layout, weights):
        self.layout = layout
        self.w = {name: value.astype(np.float64) for name, value in weights.items()}
        self.act = gelu_tanh if layout == "nezha" else gelu_erf

    def dense(self, name, x):
        return x @ self.w[f"{name}/kernel"] + self.w[f"{name}/bias"]

    def norm(self, name, x):
        centered = x - x.mean(-1, keepdims=True)
        normalized = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-12)
        return normalized * self.w[f"{name}/gamma"] + self.w[f"{name}/beta"]

    def states(self, ids, types):
        """Token vectors of one text without padding."""
        x = self.w["bert/embeddings/word_embeddings"][ids] + self.w["bert/embeddings/token_type_embeddings"][types]
        if self.layout == "bert":
            x = x + self.w["bert/embeddings/position_embeddings"][: len(ids)]
        x = self.norm("bert/embeddings/LayerNorm", x)
        for i in range(2):
            at = f"bert/encoder/layer_{i}"
            attended = self.dense(f"{at}/attention/output/dense", self.attention(f"{at}/attention/self", x))
            x = self.norm(f"{at}/attention/output/LayerNorm", x + attended)
            inner = self.act(self.dense(f"{at}/intermediate/dense", x))
            x = self.norm(f"{at}/output/LayerNorm", x + self.dense(f"{at}/output/dense", inner))
        return x

    def attention(self, name, x):
        q, k, v = (self.dense(f"{name}/{part}", x) for part in ("query", "key", "value"))
        heads = []
        for head in (slice(0, 4), slice(4, 8)):
            heads.append(
                {"roformer": rotary, "nezha": relative}.get(self.layout, plain)(q[:, head], k[:, head], v[:, head])
            )
        return np.concatenate(heads, -1)

    def masked_words(self, x):
        """Logits of the masked-word head."""
        x = self.act(self.dense("cls/predictions/transform/dense", x))
        x = self.norm("cls/predictions/transform/LayerNorm", x)
        return x @ self.w["bert/embeddings/word_embeddings"].T + self.w["cls/predictions/output_bias"]

    def next_sentence(self, x):
        """Logits of the next-sentence head."""
        pooled = np.tanh(self.dense("bert/pooler/dense", x[:1]))
        return pooled @ self.w["cls/seq_relationship/output_weights"].T + self.w["cls/seq_relationship/output_bias"]


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def plain(q, k, v):
    return softmax(q @ k.T / math.sqrt(q.shape[1])) @ v


def rotary(q, k, v):
    """Token m's pair i is turned by m / 10000 ** (2 i / d): as complex numbers, multiplied by exp(i angle)."""
    d = q.shape[1]
    turn = np.exp(1j * np.outer(np.arange(len(q)), 10000.0 ** (-2 * np.arange(d // 2) / d)))

    def turned(x):
        z = (x[:, 0::2] + 1j * x[:, 1::2]) * turn
        return np.stack([z.real, z.imag], -1).reshape(x.shape)

    return plain(turned(q), turned(k), v)


def relative(q, k, v):
    """Pair by pair: r(m, n) joins key n and value n as token m sees them, at most 64 tokens apart."""
    n, d = q.shape

    def r(i, j):
        at = min(max(j - i, -64), 64) + 64
        return [
            math.sin(at / 10000 ** (c / d)) if c % 2 == 0 else math.cos(at / 10000 ** ((c - 1) / d)) for c in range(d)
        ]

    table = np.array([[r(i, j) for j in range(n)] for i in range(n)])
    p = softmax(np.array([[q[i] @ (k[j] + table[i, j]) for j in range(n)] for i in range(n)]) / math.sqrt(d))
    return np.array([sum(p[i, j] * (v[j] + table[i, j]) for j in range(n)) for i in range(n)])


def save_with_tensorflow(values, prefix, n_shards=1):
    """Writes variables under their own names with TensorFlow itself: its Saver, or its sharded form."""
    import tensorflow as tf

    if n_shards == 1:
        v1 = tf.compat.v1
        with tf.Graph().as_default(), v1.Session() as session:
            variables = [v1.get_variable(name, initializer=tf.constant(value)) for name, value in values.items()]
            session.run(v1.global_variables_initializer())
            v1.train.Saver(variables).save(session, str(prefix), write_meta_graph=False)
        return
    names = list(values)
    parts = [f"{prefix}-part-{i}" for i in range(n_shards)]
    for i, part in enumerate(parts):
        mine = names[i::n_shards]
        tf.raw_ops.SaveV2(
            prefix=part, tensor_names=mine, shape_and_slices=[""] * len(mine), tensors=[values[name] for name in mine]
        )
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(prefix), delete_old_dirs=False)


def write_folder(layout, folder, tokens=TOKENS):
    """A folder as it is downloaded: checkpoint, configuration, vocabulary; with what a training leaves behind."""
    folder.mkdir(parents=True, exist_ok=True)
    values = make_weights(layout, len(tokens))
    if layout == "bert":
        slots = {f"{name}/adam_{m}": value for name, value in values.items() if "layer_1/output" in name for m in "mv"}
        values |= slots | {"global_step": np.int64(7)}
    if layout == "nezha":
        import tensorflow as tf

        words, types = "bert/embeddings/word_embeddings", "bert/embeddings/token_type_embeddings"
        values[words] = values[words].astype(tf.bfloat16.as_numpy_dtype)
        values[types] = values[types].astype(np.float16)
    save_with_tensorflow(values, folder / "bert_model.ckpt", LAYOUTS[layout]["n_shards"])
    config = CONFIG | LAYOUTS[layout]["config"] | {"vocab_size": len(tokens)}
    (folder / "bert_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "checkpoint").unlink(missing_ok=True)


if __name__ == "__main__":
    for name in LAYOUTS:
        write_folder(name, FOLDER / name)
