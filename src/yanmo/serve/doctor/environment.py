"""What is installed, what a model folder holds, and what is wrong with either."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from packaging.requirements import Requirement

from ...errors import require_extra
from ...match import Matcher
from ...match.decisions import MATCHING_FILE
from ...match.folder_record import check_files

__all__ = ["environment", "examine_folder"]

_CORE = ("yanmo", "numpy", "tokenizers", "rjieba", "onnxruntime", "pydantic")
_SAMPLE = "研墨：2021年搜狐文本匹配，iPhone 13 发布。"


def environment() -> Iterator[str]:
    """Describes the machine and the installation.

    Yields:
        Lines to print.
    """
    yield f"Python {platform.python_version()} · {platform.system()} {platform.machine()} · {os.cpu_count()} 核"
    yield "核心 core：" + "  ".join(f"{name} {_version(name)}" for name in _CORE)
    for extra, names in _extras().items():
        missing = [name for name in names if _version(name) == "—"]
        if missing:
            yield f"{extra}：缺少 {', '.join(missing)}；需要时 pip install 'yanmo[{extra}]'"
        else:
            yield f"{extra}：" + "  ".join(f"{name} {_version(name)}" for name in names)
    if find_spec("torch") is not None:
        import torch

        devices = ["cpu"]
        devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        devices += ["mps"] if torch.backends.mps.is_available() else []
        yield f"设备 devices：{', '.join(devices)} · torch 使用 {torch.get_num_threads()} 个线程"
        if torch.get_num_threads() > (os.cpu_count() or 1):
            yield f"torch 的线程多于处理器核数，会变慢；设置 OMP_NUM_THREADS={os.cpu_count()}"


def examine_folder(folder: Path) -> Iterator[str]:
    """Loads a model folder strictly.

    Args:
        folder: An encoder's Hugging Face folder or a matcher's.

    Yields:
        Lines to print.

    Raises:
        InputError: Something is wrong with it; the message says what and how to mend it.
    """
    require_extra("torch", extra="torch")
    from ...encode import load_encoder, read_config
    from ...tokenize.fitting import load_fitting_tokenizer

    n_files = check_files(folder, with_weights=True)
    if n_files:
        yield f"文件 files：{n_files} 个，大小与 SHA-256 都与 files.json 相符"
    config = read_config(folder)
    tokenizer = load_fitting_tokenizer(folder, config)
    yield (
        f"{config.model_type.value}：{config.n_layers} 层 × {config.width}，词表 {config.vocab_size:,}，"
        f"最多 {config.max_tokens or '不限'} token"
    )
    encoding = tokenizer.encode(_SAMPLE)
    pieces = [_SAMPLE[start:end] for start, end in encoding.offsets.tolist()]
    yield f"分词 tokenizer：{type(tokenizer).__name__}，{tokenizer.vocab_size:,} 个 token：{' '.join(pieces)}"
    if (folder / MATCHING_FILE).exists():
        matcher = Matcher.from_pretrained(folder)
        score = matcher.logits([(_SAMPLE, _SAMPLE)], task=matcher.matching.task_set.names[0])
        trial = "正常" if np.isfinite(score).all() else "得到非数值，权重已损坏"
        yield f"匹配模型：任务 {', '.join(matcher.matching.task_set.names)}；试算{trial}"
        for name in matcher.matching.task_set.names:
            rule = matcher.matching.decision(name)
            fitted = "未拟合" if rule.n_examples is None else f"由 {rule.n_examples:,} 对选出"
            yield f"  {name} 阈值 {rule.threshold:.3f}（{fitted}）"
        return
    loaded = load_encoder(folder)
    left_out = f"；不用的张量 {len(loaded.left_out)} 个，如 {loaded.left_out[0]}" if loaded.left_out else ""
    yield f"权重 weights：严格载入成功，{sum(p.numel() for p in loaded.encoder.parameters()):,} 个参数{left_out}"


def _extras() -> dict[str, list[str]]:
    """Packages of each extra as the installed package declares them; those of ``torch`` are not repeated."""
    requirements = [Requirement(text) for text in requires("yanmo") or ()]
    optional = [
        (r.name, r.marker) for r in requirements if r.marker is not None and not r.marker.evaluate({"extra": ""})
    ]
    extras = [
        extra for extra in metadata("yanmo").get_all("Provides-Extra") or () if extra not in ("dev", "docs", "torch")
    ]
    found = {
        extra: [name for name, marker in optional if marker.evaluate({"extra": extra})] for extra in ("torch", *extras)
    }
    shared = set(found["torch"])
    return {
        extra: names if extra == "torch" else [n for n in names if n not in shared] for extra, names in found.items()
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "—"
