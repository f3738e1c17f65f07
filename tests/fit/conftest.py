import json

import pytest
import torch

from yanmo.data.pair import Pair
from yanmo.data.tasks import Task, TaskSet

CHARACTERS = "今天气不错我们去公园学生球队赢了输比赛昨晚"


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """A random BERT of three layers with a character vocabulary, as a Hugging Face folder."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        hidden_dropout_prob=0.1,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True}), encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="session")
def two_tasks():
    return TaskSet(name="two", tasks=(Task(name="loose", standard="A"), Task(name="strict", standard="B")))


@pytest.fixture(scope="session")
def make_pairs():
    """Pairs whose strict label is 'same text' and whose loose label is 'same first character'."""

    def make(n, *, seed):
        generator = torch.Generator().manual_seed(seed)

        def draw(low, high):
            return int(torch.randint(low, high, (1,), generator=generator))

        made = {"loose": [], "strict": []}
        for task, rows in made.items():
            for line in range(n):
                a = "".join(CHARACTERS[draw(0, len(CHARACTERS))] for _ in range(draw(2, 9)))
                kind = line % 3
                b = a if kind == 0 else a[0] + "".join(CHARACTERS[draw(0, len(CHARACTERS))] for _ in range(draw(2, 9)))
                if kind == 2:
                    b = CHARACTERS[(CHARACTERS.index(a[0]) + 5) % len(CHARACTERS)] + b[1:]
                label = int(kind == 0 or (task == "loose" and kind == 1))
                rows.append(Pair(a, b, label, None, line + 1, f"{task}.txt"))
        return made

    return make
