"""Small classification tasks that studies share: handwritten digits, and the origin of Chinese snippets."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from torch import Tensor, nn

from ..data import TaskSet, read_split
from ..data.lines import read_lines
from ..errors import InputError

__all__ = [
    "ClassificationTask",
    "bundled_task",
    "corpus_task",
    "digits_task",
    "features",
    "hashed_ngrams",
    "split_task",
]

_N_BUCKETS = 1 << 12
_LENGTH = 40  # characters of a snippet


@dataclass(frozen=True, slots=True)
class ClassificationTask:
    """Examples with classes and a small network for them.

    Attributes:
        name: What is told apart.
        inputs: One row an example.
        labels: Class of each.
        classes: Names of the classes.
        fixed_test: Rows kept for testing whatever the seed; None draws them anew for each seed.
        build: Makes the network; its last layer has as many outputs as there are classes.
    """

    name: str
    inputs: Tensor
    labels: Int[Tensor, " n"]
    classes: tuple[str, ...]
    fixed_test: Int[Tensor, " test"] | None
    build: Callable[[], nn.Module]


def digits_task() -> ClassificationTask:
    """The 1,797 handwritten digits of scikit-learn, 8 x 8 pixels, and a perceptron with one hidden layer."""
    pixels, labels = load_digits(return_X_y=True)
    return ClassificationTask(
        "digits",
        torch.from_numpy(pixels.astype(np.float32) / 16),
        torch.from_numpy(labels.astype(np.int64)),
        tuple("0123456789"),
        None,
        lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def corpus_task(folder: Path, *, n_per_class: int, seed: int = 0) -> ClassificationTask:
    """The task of telling which file of a corpus a snippet of 40 characters was cut from.

    Args:
        folder: Its folder ``corpus`` holds text files, plain or compressed, a document a line; one is one class.
        n_per_class: Snippets of each class, from as many documents; a file with fewer is left out.
        seed: Decides where the snippets are cut.

    Returns:
        The task.

    Raises:
        InputError: There is no such folder, or fewer than two files have enough documents.
    """
    place = folder / "corpus"
    if not place.is_dir():
        raise InputError("there is no folder 'corpus' in the data", where=folder, fix="name the folder that holds it")
    generator = np.random.default_rng(seed)
    snippets: dict[str, list[str]] = {}
    for path in sorted(file for file in place.iterdir() if ".txt" in file.suffixes):
        documents = (line.text.strip() for line in read_lines(path) if line.flaw is None)
        first = list(islice((text for text in documents if text), n_per_class))
        if len(first) == n_per_class:
            snippets[path.name.split(".")[0]] = [_cut(text, generator) for text in first]
    if len(snippets) < 2:
        raise InputError(
            f"{len(snippets)} files hold {n_per_class} documents or more, expected at least 2",
            where=place,
            fix="put a text file for each class there, one document a line",
        )
    return _text_task("corpus snippets", snippets, test=None)


def bundled_task(*, n_documents: int) -> ClassificationTask:
    """The task of telling which bundled long text a snippet was cut from; the last third of each text is for testing.

    Args:
        n_documents: Number of texts, one class each.

    Returns:
        The task.
    """
    with resources.as_file(resources.files("yanmo.assets") / "sample") as sample:
        pairs = read_split(sample, TaskSet.load("sohu"), "train")
    documents = sorted(dict.fromkeys(pair.text0 for pair in pairs["llA"]), key=len, reverse=True)[:n_documents]
    train = {f"text {i}": _overlapping(text[: 2 * len(text) // 3]) for i, text in enumerate(documents)}
    test = {f"text {i}": _overlapping(text[2 * len(text) // 3 :]) for i, text in enumerate(documents)}
    return _text_task("bundled texts", {name: train[name] + test[name] for name in train}, test=test)


def features(task: ClassificationTask, *, n_buckets: int = 1024) -> Float[Tensor, "n inputs"]:
    """Returns a task's inputs as vectors: pixels as they are, hashed n-grams counted in fewer buckets.

    Args:
        task: The task; integer inputs are numbers of n-grams, 0 for none.
        n_buckets: Into so many.

    Returns:
        One row an example.
    """
    if task.inputs.is_floating_point():
        return task.inputs
    bucket = torch.where(task.inputs > 0, (task.inputs - 1) % n_buckets + 1, 0)
    counts = torch.zeros(len(bucket), n_buckets + 1).scatter_add_(1, bucket, torch.ones(bucket.shape))
    return counts[:, 1:].contiguous()


def split_task(
    task: ClassificationTask, *, n_train: int, generator: torch.Generator
) -> tuple[Int[Tensor, " train"], Int[Tensor, " test"]]:
    """Draws the rows to train on; the others are for testing, or those that the task keeps for it.

    Args:
        task: The task.
        n_train: Rows to train on at most; at most three quarters of all where the task keeps none.
        generator: Draws them.

    Returns:
        Rows to train on, rows to test on.
    """
    order = torch.randperm(len(task.labels), generator=generator)
    if task.fixed_test is None:
        n_train = min(n_train, len(order) * 3 // 4)
        return order[:n_train], order[n_train:]
    return order[~torch.isin(order, task.fixed_test)][:n_train], task.fixed_test


def hashed_ngrams(text: str, *, n_buckets: int) -> list[int]:
    """Hashes characters and pairs of neighboring characters to bucket numbers from 1, the same on every machine.

    Args:
        text: The text.
        n_buckets: Highest number, 0 not counted.

    Returns:
        One number a character and one a pair.
    """
    grams = [*text, *(text[i : i + 2] for i in range(len(text) - 1))]
    return [zlib.crc32(gram.encode("utf-8", "surrogatepass")) % n_buckets + 1 for gram in grams]


def _text_task(name: str, snippets: dict[str, list[str]], *, test: dict[str, list[str]] | None) -> ClassificationTask:
    """Makes a task whose classes are the keys; ``test`` holds the last snippets of each class that are for testing."""
    texts = [(text, label) for label, rows in enumerate(snippets.values()) for text in rows]
    inputs = torch.zeros(len(texts), 2 * _LENGTH - 1, dtype=torch.int64)
    for row, (text, _) in enumerate(texts):
        ids = hashed_ngrams(text, n_buckets=_N_BUCKETS)
        inputs[row, : len(ids)] = torch.tensor(ids)
    fixed = None
    if test is not None:
        ends = np.cumsum([len(rows) for rows in snippets.values()])
        fixed = torch.from_numpy(
            np.concatenate([np.arange(end - len(test[key]), end) for key, end in zip(snippets, ends, strict=True)])
        )

    def build() -> nn.Module:
        ngrams = nn.EmbeddingBag(_N_BUCKETS + 1, 64, mode="sum", padding_idx=0)
        # From torch's own N(0, 1) a sum of 79 vectors drowns what is learned.
        nn.init.normal_(ngrams.weight, std=0.02)
        return nn.Sequential(ngrams, nn.ReLU(), nn.Linear(64, len(snippets)))

    return ClassificationTask(
        name,
        inputs,
        torch.tensor([label for _, label in texts]),
        tuple(snippets),
        fixed,
        build,
    )


def _cut(text: str, generator: np.random.Generator) -> str:
    start = int(generator.integers(0, max(len(text) - _LENGTH, 0) + 1))
    return text[start : start + _LENGTH]


def _overlapping(text: str) -> list[str]:
    """Cuts a text into snippets of 20 characters, one every 5 characters."""
    return [text[start : start + 20] for start in range(0, max(len(text) - 20, 1), 5)]
