"""What a matcher and its base compute of samples of pairs, kept on the disk: for benchmarks that draw from them."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yanmo.data import TaskSet, read_split
from yanmo.data.tasks import Task
from yanmo.match import open_matcher
from yanmo.standard.learn_readings import Readings

__all__ = ["Sample", "SampleReadings", "load_sample"]


@dataclass(frozen=True)
class Sample:
    """Pairs of one standard as trained standards see them."""

    labels: NDArray[np.bool_]
    """Which of them match, bool[n]."""
    names: tuple[str, ...]
    """The trained standards."""
    logits: NDArray[np.float32]
    """Under each, float32[n, names]."""
    vectors: dict[str, NDArray[np.float32]]
    """Under each, float32[n, 2, hidden]."""
    cosine: NDArray[np.float32]
    """Of the base's vectors, float32[n]."""

    def take(self, rows: NDArray[np.int64]) -> "Sample":
        """The same of some pairs only."""
        vectors = {name: each[rows] for name, each in self.vectors.items()}
        return Sample(self.labels[rows], self.names, self.logits[rows], vectors, self.cosine[rows])


class SampleReadings(Readings):
    """A sample in the place of readings, so that a head is learned from it by the library's own code."""

    def __init__(self, sample: Sample) -> None:
        self.names = sample.names
        self._sample = sample

    def __len__(self) -> int:
        return len(self._sample.labels)

    def only(self, rows: NDArray[np.int64]) -> "SampleReadings":
        """Those of some pairs."""
        return SampleReadings(self._sample.take(rows))

    @property
    def has_vectors(self) -> bool:
        """A sample has them."""
        return True

    def logits(self, names: list[str]) -> NDArray[np.float32]:
        """Those of the sample."""
        return self._sample.logits[:, [self.names.index(name) for name in names]]

    def vectors(self, name: str) -> NDArray[np.float32]:
        """Those of the sample."""
        return self._sample.vectors[name]


def load_sample(
    task: Task,
    task_set: TaskSet,
    split: str,
    *,
    n: int,
    model: str,
    base: Path,
    data: Path,
    only: tuple[str, ...] | None,
    cache: Path,
) -> Sample:
    """Reads a random sample of a standard's pairs and what is computed of them; computes it the first time.

    Args:
        task: The standard.
        task_set: Its set.
        split: ``train`` or ``valid``.
        n: Pairs, at most.
        model: The matcher that does not know the standard.
        base: Hugging Face folder of the base.
        data: The data folder.
        only: The trained standards to ask; None asks all.
        cache: Where it is kept.

    Returns:
        The sample.
    """
    pairs = read_split(data, task_set.subset([task.name]), split)[task.name]
    random.Random(0).shuffle(pairs)
    pairs = pairs[:n]
    texts = [(pair.text0, pair.text1) for pair in pairs]
    labels = np.array([pair.label == 1 for pair in pairs])
    # Two standards of one file share what is computed.
    folder = cache / f"{task.folders[0].replace('/', '-')}-{split}-{n}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "texts.json").write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
    cosine = _kept(folder / "cosine.npz", lambda: {"cosine": _cosine(base, texts)})["cosine"]
    found = _kept(folder / f"{Path(model).name}.npz", lambda: _readings(model, texts, only, budget=task))
    names = tuple(str(name) for name in found["names"])
    vectors = {name: found[f"vectors {name}"].astype(np.float32) for name in names}
    return Sample(labels, names, found["logits"], vectors, cosine)


def _kept(path: Path, compute) -> dict[str, NDArray]:
    if not path.is_file():
        np.savez(path, **compute())
    with np.load(path) as found:
        return dict(found)


def _readings(model: str, texts: list[tuple[str, str]], only: tuple[str, ...] | None, *, budget: Task) -> dict:
    matcher = open_matcher(model)
    names = only or matcher.matching.trained
    plain = budget.model_copy(update={"symmetric": True})
    found: dict[str, NDArray] = {"names": np.array(names)}
    logits, vectors = [], []
    for start in range(0, len(texts), 100):
        part = Readings.of(matcher, texts[start : start + 100], budget=plain.pair_budget)
        here = part.all_of(names)
        logits.append(here[0])
        vectors.append(here[1].astype(np.float16))
    found["logits"] = np.concatenate(logits)
    stacked = np.concatenate(vectors)
    return found | {f"vectors {name}": stacked[:, i] for i, name in enumerate(names)}


def _cosine(base: Path, texts: list[tuple[str, str]]) -> NDArray[np.float32]:
    """Cosine of the base's mean vectors, each text alone, as the base was trained."""
    import torch
    from torch.nn.functional import normalize

    from yanmo.encode import load_encoder
    from yanmo.layers import mean_pool
    from yanmo.match.engines.torch_engine import collate
    from yanmo.tokenize import PairEncoder, PairLayout, load_tokenizer
    from yanmo.tokenize.batches import sorted_batches

    loaded = load_encoder(base)
    loaded.encoder.joint_from = loaded.config.n_layers
    encoder = PairEncoder(load_tokenizer(base), layout=PairLayout.SIDES, prefix="query: ")
    rows = [
        each.windows[0] for each in encoder.encode_windows(texts, budgets=[Task(name="a").pair_budget] * len(texts))
    ]
    found = np.empty(len(texts), dtype=np.float32)
    with torch.inference_mode():
        for batch in sorted_batches([len(row) for row in rows], max_tokens=2048):
            tokens = collate([rows[i] for i in batch], pad_id=loaded.config.pad_id)
            x = loaded.encoder.run(
                loaded.encoder.embed(tokens, None), tokens, None, first=0, last=loaded.config.n_layers
            )
            u, v = (normalize(mean_pool(x, tokens.mask & (tokens.side == i)), dim=-1) for i in (0, 1))
            found[batch] = (u * v).sum(-1).numpy()
    return found


def main() -> None:
    """Computes samples ahead."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--only")
    parser.add_argument("--train", type=int, default=260)
    parser.add_argument("--valid", type=int, default=300)
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args()
    task_set = TaskSet.load("standards")
    only = tuple(given.only.split(",")) if given.only else None
    for name in given.tasks.split(","):
        for split, n in (("train", given.train), ("valid", given.valid)):
            load_sample(
                task_set.task(name), task_set, split, n=n, model=given.model, base=given.base, data=given.data,
                only=only, cache=given.cache,
            )  # fmt: skip
            print(name, split, flush=True)


if __name__ == "__main__":
    main()
