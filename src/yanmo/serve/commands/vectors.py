"""The verb ``yanmo train-vectors``."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from ...data import OnBadLine
from ...errors import require_extra
from .interruptible import interruptible

__all__ = ["train_vectors"]


def train_vectors(
    corpus: Annotated[
        list[Path], typer.Argument(help="语料文件或目录，每行一篇 / files or folders, a document a line")
    ],
    base: Annotated[Path, typer.Option(help="编码器的 Hugging Face 目录 / the encoder to start from")],
    out: Annotated[Path, typer.Option(help="运行目录，也是向量模型的目录 / where the run and the embedder go")],
    method: Annotated[Literal["simsiam", "byol"] | None, typer.Option(help="方法，默认 simsiam / which method")] = None,
    config: Annotated[Path | None, typer.Option(help="训练设置 YAML / settings")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="覆盖一项设置 / key=value")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="接着被中断的运行 / go on with a killed run")] = False,
    encoding: Annotated[str, typer.Option(help="文件编码 / text encoding, such as gb18030")] = "utf-8",
    on_bad_line: Annotated[OnBadLine, typer.Option(help="遇到坏行 / at a bad line")] = OnBadLine.ERROR,
) -> None:
    """Train text vectors without labels, by two views of every text; collapse probes are on.

    Example: yanmo train-vectors corpus --method simsiam --base my-bert --out runs/vectors --set n_steps=500
    """
    require_extra("accelerate", extra="train")
    from ...fit.vectors.config import load_vector_config
    from ...fit.vectors.run import train_vectors as run

    chosen = [] if method is None else [f"method={method}"]
    settled = load_vector_config(config, overrides=[*(settings or []), *chosen])
    console = Console(stderr=True)
    with interruptible("go on with the same command and --resume"):
        summary = run(
            corpus,
            base=base,
            out=out,
            config=settled,
            resume=resume,
            encoding=encoding,
            on_bad_line=on_bad_line,
            console=console,
        )
    before, after = summary.before, summary.after
    console.print(
        f"向量模型已写入 {out}（{summary.n_steps:,} 步，坍缩警报 {summary.n_alarms} 次；"
        f"std {before.std:.3f} → {after.std:.3f}，有效秩 {before.effective_rank:.1f} → {after.effective_rank:.1f}，"
        f"{after.verdict.value}）",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
