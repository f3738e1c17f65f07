"""The verb ``yanmo convert``: foreign checkpoints to Hugging Face folders."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...errors import require_extra
from ...generate import GgufType
from ...progress import RunProgress

__all__ = ["convert_app"]

convert_app = typer.Typer(no_args_is_help=True, help="转换其他格式的权重 / convert foreign checkpoints.")


class SourceType(str, Enum):
    """What a TensorFlow checkpoint holds."""

    BERT = "bert"
    ROFORMER = "roformer"
    NEZHA = "nezha"


class SourceActivation(str, Enum):
    """How the code that trained it computed the feed-forward part's activation."""

    GELU = "gelu"
    GELU_NEW = "gelu_new"
    RELU = "relu"


class StoredWeights(str, Enum):
    """Element types of converted weights."""

    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


@convert_app.callback()
def _formats() -> None:
    """Keeps the format's name visible even where there is only one."""


@convert_app.command()
def tensorflow(
    folder: Annotated[
        Path, typer.Argument(help="含 .index、.data、bert_config.json、vocab.txt 的目录 / the checkpoint's folder")
    ],
    out: Annotated[Path, typer.Option(help="要建立的 Hugging Face 目录 / the folder to make")],
    checkpoint: Annotated[
        str | None, typer.Option(help="目录里有多个检查点时取哪个 / which one, such as bert_model.ckpt")
    ] = None,
    model_type: Annotated[
        SourceType | None, typer.Option(help="模型种类，默认自动判断 / what it is (WoBERT is bert)")
    ] = None,
    activation: Annotated[
        SourceActivation | None, typer.Option(help="激活函数，默认按配置 / gelu, or gelu_new for the one by tanh")
    ] = None,
) -> None:
    """Convert a Google, bert4keras or Huawei checkpoint of BERT, WoBERT, RoFormer or NEZHA; needs no TensorFlow.

    Example: yanmo convert tensorflow chinese_wobert_plus_L-12_H-768_A-12 --out wobert-plus
    """
    require_extra("torch", extra="torch")
    from ...convert.tensorflow import convert_tensorflow
    from ...encode import Activation, ModelType
    from ...tokenize import WordSegmenter

    done = convert_tensorflow(
        folder,
        out,
        checkpoint=checkpoint,
        model_type=None if model_type is None else ModelType(model_type.value),
        activation=None if activation is None else Activation(activation.value),
    )
    config, tokenizer = done.config, done.tokenizer
    grain = "词" if isinstance(tokenizer.segmenter, WordSegmenter) else "字"
    case = "不分大小写" if tokenizer.lower_case else "区分大小写"
    left = "、".join(f"{what} {n:,}" for what, n in done.left_out.items()) or "无"
    for line in (
        f"{done.architecture}：{config.n_layers} 层 × {config.width}，激活 {config.activation.value}",
        f"词表 {config.vocab_size:,}，按{grain}切分，{case}",
        f"写出张量 {len(done.tensors):,} 个；未取用的变量：{left}",
        f"已写入 {out}",
    ):
        Console().print(line, markup=False, highlight=False, soft_wrap=True)


@convert_app.command()
def cpm(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SHARD0.pt SHARD1.pt ...",
            help="按序号列出的分片，或分片或 TensorFlow 权重所在的目录 / the shards in order, or a checkpoint's folder",
        ),
    ],
    out: Annotated[Path, typer.Option(help="要建立的 Hugging Face 目录 / the folder to make")],
    vocab: Annotated[
        Path | None, typer.Option(help="chinese_vocab.model，默认在权重旁边找 / default: beside the checkpoint")
    ] = None,
    dtype: Annotated[
        StoredWeights, typer.Option(help="磁盘上的数值类型 / element type on disk")
    ] = StoredWeights.FLOAT16,
    heads: Annotated[
        int | None,
        typer.Option(min=1, help="注意力头数，已发布的模型不必给 / for other widths than the published ones"),
    ] = None,
    file_size: Annotated[
        int, typer.Option(min=1, help="每个权重文件至多多少 MB，也是内存用量 / MB a weight file, and of memory")
    ] = 1000,
) -> None:
    """Convert CPM-LM (Megatron shards, or bert4keras's TensorFlow checkpoint) to a GPT2LMHeadModel folder.

    Example: yanmo convert cpm CPM/80000/mp_rank_0*_model_states.pt --vocab chinese_vocab.model --out cpm-lm
    """
    require_extra("torch", extra="torch")
    from ...convert.cpm import StoredType, convert_cpm
    from ...tokenize import Vintage

    console = Console()
    with RunProgress(console) as progress:
        done = convert_cpm(
            sources,
            out,
            vocab=vocab,
            stored_type=StoredType(dtype.value),
            n_heads=heads,
            max_bytes=file_size * 10**6,
            on_written=lambda n, total: progress.show("转换", n // 10**6, max(1, total // 10**6), unit="MB"),
        )
    config, tokenizer = done.config, done.tokenizer
    vintage = "旧版（换行是 <cls>）" if tokenizer.vintage is Vintage.OLDER else "新版（换行是 ▃）"
    for line in (
        f"GPT2LMHeadModel：{config.n_layers} 层 × {config.width}，{config.n_heads} 头，{config.n_positions} 个位置",
        f"权重 {done.n_parameters / 1e9:.2f} B，张量 {done.n_tensors:,} 个，{dtype.value}",
        f"词表 {tokenizer.vocab_size:,}，{vintage}",
        f"已写入 {out}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@convert_app.command()
def gguf(
    folder: Annotated[Path, typer.Argument(help="GPT-2 的 Hugging Face 目录 / folder of a GPT-2, such as CPM-LM")],
    out: Annotated[Path, typer.Option(help="要写的 .gguf 文件 / the file to write")],
    weights: Annotated[GgufType, typer.Option("--type", help="权重的类型 / type of the weights")] = GgufType.F16,
    start_token: Annotated[
        str | None, typer.Option(help="BERT 词表：文本之前的标记，缺省 [CLS]，空串为无 / before every text")
    ] = None,
    end_token: Annotated[str | None, typer.Option(help="BERT 词表：文档之末的标记，缺省 [SEP] / ends a text")] = None,
) -> None:
    """Write a GPT-2 folder as GGUF for llama.cpp, which then continues prompts given as token ids.

    Example: yanmo convert gguf cpm-lm --type q8_0 --out cpm.gguf
    """
    require_extra("torch", extra="torch")
    require_extra("gguf", extra="gguf")
    from ...generate import write_gguf

    console = Console(stderr=True)
    with RunProgress(console) as progress:
        done = write_gguf(
            folder,
            out,
            weights=weights,
            start=start_token,
            end=end_token,
            on_written=lambda n, total: progress.show("写出 writing", n, total, unit="tensors"),
        )
    console.print(
        f"{done.n_tensors:,} 个张量，{done.n_bytes / 1e9:.2f} GB，已写入 {out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
