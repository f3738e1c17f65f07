"""The verb ``yanmo pretrain``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...data import OnBadLine
from ...errors import require_extra
from .interruptible import interruptible

__all__ = ["pretrain"]


def pretrain(
    corpus: Annotated[
        list[Path], typer.Argument(help="语料文件或目录，每行一篇 / files or folders, a document a line")
    ],
    base: Annotated[Path, typer.Option(help="编码器的 Hugging Face 目录 / the encoder to start from")],
    out: Annotated[Path, typer.Option(help="运行目录 / where the run and the model go")],
    config: Annotated[Path | None, typer.Option(help="预训练设置 YAML / settings")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="覆盖一项设置 / key=value")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="接着被中断的运行 / go on with a killed run")] = False,
    cache: Annotated[
        Path | None, typer.Option(help="多次运行共用的分词缓存目录 / token caches, kept between runs")
    ] = None,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Go on pretraining an encoder on a corpus: whole-word masked language modelling.

    Example: yanmo pretrain corpus --base my-wobert --out runs/pretrained --config recipes/pretrain_small.yaml
    """
    require_extra("accelerate", extra="train")
    from ...fit.pretraining.config import load_pretrain_config
    from ...fit.pretraining.run import pretrain as run

    settled = load_pretrain_config(config, overrides=settings or [])
    console = Console(stderr=True)
    with interruptible("go on with the same command and --resume"):
        summary = run(
            corpus,
            base=base,
            out=out,
            config=settled,
            resume=resume,
            cache=cache,
            encoding=encoding,
            on_bad_line=on_bad_line,
            console=console,
        )
    fallen = ""
    if summary.curve:
        first, last = summary.curve[0]["nats_per_character"], summary.curve[-1]["nats_per_character"]
        fallen = f"，留出文本每字 {first:.3f} → {last:.3f} nats"
    console.print(
        f"模型已写入 {out}（{summary.n_steps:,} 步，{summary.n_tokens:,} token{fallen}）", markup=False, highlight=False
    )
