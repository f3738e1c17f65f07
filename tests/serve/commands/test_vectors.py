import json

import pytest
import typer
from typer.testing import CliRunner

from yanmo.serve.commands.vectors import train_vectors

CHARACTERS = "今天气不错我们去公园"


@pytest.fixture
def base(tmp_path):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    folder = tmp_path / "base"
    BertModel(BertConfig(vocab_size=len(tokens), max_position_embeddings=32, **sizes)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (tmp_path / "corpus.txt").write_text("今天天气不错\n我们去公园\n" * 10, encoding="utf-8")
    return folder


def test_the_verb_trains_and_says_what_became_of_the_vectors(tmp_path, base):
    app = typer.Typer()
    app.command()(train_vectors)
    overrides = ["n_steps=2", "batch_size=8", "max_length=16", "heads.projection_width=8", "report_to=[]"]
    out = tmp_path / "out"
    arguments = [str(tmp_path / "corpus.txt"), "--method", "byol", "--base", str(base), "--out", str(out)]
    result = CliRunner().invoke(app, arguments + [part for one in overrides for part in ("--set", one)])
    assert result.exit_code == 0, result.output
    assert "2 步，坍缩警报 0 次" in result.output
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["config"]["method"] == "byol"
    assert (out / "modules.json").exists()
    refused = CliRunner().invoke(app, [*arguments[:1], "--method", "simclr", *arguments[3:]])
    assert refused.exit_code == 2
