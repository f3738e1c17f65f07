"""What the siamese runs of the study see: handwritten digits, and Chinese sentences, in two views."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from sklearn.datasets import load_digits
from torch import Tensor, nn

from ...data import TaskSet, read_split
from ...data.lines import read_lines
from ...data.sentences import cut_texts
from ...encode import EncoderConfig, ModelType, TokenBatch, build_encoder
from ...errors import InputError
from ...vectors.embedder import text_batch
from ...vectors.pooled import PooledEncoder, Pooling
from ...vectors.views import TextViews

__all__ = ["SiameseTask", "augmented", "digits", "digits_task", "sentences_task"]

_N_TRAIN = 1500
_N_TOKENS = 4096
_LONGEST = 32
# Documents taken from the beginning of each file of a corpus.
_N_PER_FILE = 400


@dataclass(frozen=True, slots=True)
class SiameseTask:
    """Inputs with views and a small encoder for them.

    Attributes:
        name: What the inputs are.
        n_inputs: How many there are to draw from.
        views: Makes a batch for the encoder of two views of some inputs, the first views before the second.
        build: Makes the encoder, a batch to vectors.
        width: Size of the vectors.
        quality: Given the encoder, how useful its vectors are, between 0 and 1; None where that is not known.
        bare_quality: The same of the inputs themselves, which no encoder touched.
    """

    name: str
    n_inputs: int
    views: Callable[[Sequence[int], np.random.Generator], object]
    build: Callable[[], nn.Module]
    width: int
    quality: Callable[[nn.Module], float] | None
    bare_quality: float | None = None


def digits() -> tuple[Float[Tensor, "n 1 8 8"], Tensor]:
    """Gives scikit-learn's 1,797 handwritten digits, brightness from 0 to 1, and what they are."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels.astype(np.float32) / 16).reshape(-1, 1, 8, 8)
    return images, torch.from_numpy(labels.astype(np.int64))


def augmented(images: Float[Tensor, "n 1 8 8"], rng: np.random.Generator) -> Float[Tensor, "n 1 8 8"]:
    """Makes a view of images: shifted by up to a pixel, brightness scaled, a 3 x 3 patch erased, noise.

    Args:
        images: The images.
        rng: Source of the choices.

    Returns:
        As many.
    """
    n, place = len(images), np.arange(8)
    down, right = rng.integers(0, 3, (2, n))
    rows, columns = (shift[:, None] + place for shift in (down, right))
    padded = F.pad(images, (1, 1, 1, 1))
    view = padded[
        torch.arange(n)[:, None, None], 0, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None]
    ]
    scale, noise = rng.uniform(0.6, 1.4, (n, 1, 1)), rng.normal(0, 0.1, (n, 8, 8))
    top, left = rng.integers(0, 6, (2, n, 1))
    in_rows, in_columns = ((place >= first) & (place < first + 3) for first in (top, left))
    erased = torch.from_numpy(in_rows[:, :, None] & in_columns[:, None])
    view = view * torch.from_numpy(scale).float() + torch.from_numpy(noise).float()
    return view.masked_fill(erased, 0.0)[:, None]


def digits_task() -> SiameseTask:
    """Digits and a convolutional network of three layers; quality is the accuracy of 5 nearest neighbors, on 297."""
    images, labels = digits()

    def views(chosen: Sequence[int], rng: np.random.Generator) -> Tensor:
        batch = images[torch.as_tensor(chosen)]
        return torch.cat([augmented(batch, rng), augmented(batch, rng)])

    def build() -> nn.Module:
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((1, 16, 1), (16, 32, 2), (32, 64, 2)):
            convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 64))

    def quality(encoder: nn.Module) -> float:
        encoder.eval()
        with torch.no_grad():
            unit = F.normalize(encoder(images), dim=-1)
        encoder.train()
        return _by_neighbors(unit, labels)

    pixels = F.normalize(images.flatten(1), dim=-1)
    return SiameseTask("digits", _N_TRAIN, views, build, 64, quality, _by_neighbors(pixels, labels))


def _by_neighbors(unit: Float[Tensor, "n width"], labels: Tensor) -> float:
    """The accuracy of the majority among 5 nearest neighbors, of the inputs that are not drawn from."""
    nearest = (unit[_N_TRAIN:] @ unit[:_N_TRAIN].T).topk(5).indices
    right: Tensor = labels[:_N_TRAIN][nearest].mode().values == labels[_N_TRAIN:]
    return right.float().mean().item()


def sentences_task(data: Path | None) -> SiameseTask:
    """Chinese sentences and a transformer of two layers over characters, from scratch.

    Views are dropout and the deletion of words. Quality is not measured: so small an encoder learns no meaning in so
    short a run; what is asked here is whether it collapses.

    Args:
        data: Its folder ``corpus`` holds text files, one document a line; None takes the sentences that ship.

    Returns:
        The task.

    Raises:
        InputError: There is no such folder, or it holds fewer than 200 sentences.
    """
    texts = _bundled() if data is None else _corpus(data)
    texts = list(dict.fromkeys(cut_texts(texts, min_characters=6, max_characters=_LONGEST)))
    if len(texts) < 200:
        raise InputError(f"{len(texts)} sentences were found, expected 200", where=data, fix="give more text")
    make = TextViews(delete_prob=0.15)

    def views(chosen: Sequence[int], rng: np.random.Generator) -> TokenBatch:
        made = [make(texts[i], rng=rng) for _ in range(2) for i in chosen]
        return text_batch([[1, *map(_character_id, text)] for text in made], pad_id=0)

    def build() -> nn.Module:
        config = EncoderConfig(
            ModelType.BERT,
            vocab_size=_N_TOKENS,
            width=64,
            embedding_width=64,
            n_layers=2,
            n_heads=4,
            inner_width=128,
            n_positions=_LONGEST + 1,
        )
        return PooledEncoder(build_encoder(config), pooling=Pooling.MEAN)

    return SiameseTask("sentences", len(texts), views, build, 64, None)


def _character_id(character: str) -> int:
    return zlib.crc32(character.encode("utf-8", "surrogatepass")) % (_N_TOKENS - 2) + 2


def _bundled() -> list[str]:
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        pairs = read_split(sample, TaskSet.load("sohu"), "train")
    return [text for rows in pairs.values() for pair in rows for text in (pair.text0, pair.text1)]


def _corpus(data: Path) -> list[str]:
    folder = data / "corpus"
    if not folder.is_dir():
        raise InputError("there is no folder 'corpus' in the data", where=data, fix="name the folder that holds it")
    texts: list[str] = []
    for path in sorted(file for file in folder.iterdir() if ".txt" in file.suffixes):
        lines = (line.text for line in read_lines(path) if line.flaw is None)
        texts += [text[:200] for text in islice(lines, _N_PER_FILE)]
    return texts
