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


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory):
    """Makes folders of tiny random cross-encoders with a tokenizer, by the name of transformers' class."""
    import transformers

    def make(name, **changes):
        torch.manual_seed(1)
        folder = tmp_path_factory.mktemp(name)
        prefix = name.removesuffix("ForSequenceClassification")
        if prefix in ("Bert", "RoFormer"):
            tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
            tokenizer = transformers.BertTokenizer(vocab={token: i for i, token in enumerate(tokens)})
        elif prefix == "Roberta":
            from tokenizers.pre_tokenizers import ByteLevel

            tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
            tokenizer = transformers.RobertaTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=[])
        else:
            tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁", *CHARACTERS, "▁今天", "公园"]
            tokenizer = transformers.XLMRobertaTokenizer(vocab=[(token, -1.0) for token in tokens])
        tokenizer.save_pretrained(folder)
        sizes = {
            "vocab_size": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "hidden_size": 16,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "intermediate_size": 24,
            "max_position_embeddings": 300,
            "type_vocab_size": 2 if prefix == "Bert" else 1,
            "num_labels": 1,
            "initializer_range": 0.4,
        }
        model = getattr(transformers, name)(getattr(transformers, f"{prefix}Config")(**sizes | changes))
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if key.endswith("bias"):
                    parameter.normal_(std=0.3)  # transformers' start at zero, where a forgotten one would not show
        model.save_pretrained(folder)
        return folder

    return make
