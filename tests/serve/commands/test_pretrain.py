import typer
from typer.testing import CliRunner

from yanmo.serve.commands.pretrain import pretrain


def test_the_verb_runs_with_settings_and_says_where_the_model_is(tmp_path):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    base = tmp_path / "base"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"今天气不错我们去公园"]
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=len(tokens), max_position_embeddings=40, **sizes)).save_pretrained(base)
    (base / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (tmp_path / "corpus.txt").write_text("今天天气不错我们去公园\n\n我们去公园今天\n" * 20, encoding="utf-8")
    app = typer.Typer()
    app.command()(pretrain)
    settings = ["max_length=16", "max_tokens=64", "heldout_share=0.1", "heldout_min_characters=8", "accumulation=1"]
    settings += ["report_to=[]", "n_evaluations=1", "n_checkpoints=1"]
    given = [str(tmp_path / "corpus.txt"), "--base", str(base), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [*given, *(part for setting in settings for part in ("--set", setting))])
    assert result.exit_code == 0, result.output
    assert "空行 20" in result.output
    assert "留出文本每字" in result.output
    assert (tmp_path / "run" / "model.safetensors").exists()
    repeated = CliRunner().invoke(app, given)
    assert repeated.exit_code == 1
    assert "--resume" in str(repeated.exception)
