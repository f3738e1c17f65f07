"""One way of training on pairs, as a contender of ``train.py``.

    python benchmarks/peer_training.py WAY FOLDER BATCHES.json --threads 1

FOLDER holds the encoder to start from, ``base``, and its tokenizer as transformers reads it, ``tokenizer``; BATCHES
has the pairs and the rows of every batch. A turn trains once on all batches and tells its seconds of clock and
processor, from the first batch to the last optimizer step, and its mean loss.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from turns import Told, take_turns

from yanmo.data import Budget, Pair, Task, TaskSet
from yanmo.fit.loop.gradient_log import GradientLog
from yanmo.fit.loop.processes import Processes
from yanmo.fit.loop.progress import TrainingProgress
from yanmo.fit.loop.sampler import BatchPlan
from yanmo.fit.matching.config import TrainConfig
from yanmo.fit.matching.examples import BatchMaker, encode_examples
from yanmo.fit.matching.network import build_network
from yanmo.fit.matching.trainer import MatchingTrainer
from yanmo.match import Architecture, HeadKind
from yanmo.progress import RunProgress

__all__ = ["TASKS", "TRAIN_CONFIG", "Labelled"]

Labelled = tuple[str, str, int]
TASKS = TaskSet(name="mix", tasks=(Task(name="mix", budget=Budget(left=256, right=256)),))
# What an ordinary fine-tuning by transformers does: no condition, all parameters learn, no average of weights.
TRAIN_CONFIG = TrainConfig(
    architecture=Architecture(head=HeadKind.POOLED, conditional_from=None),
    frozen_word_embedding=False,
    average_decay=None,
    n_evaluations=1,
    n_checkpoints=1,
    report_to=(),
)


class Stopwatch(TrainerCallback):
    """Times a training from its beginning to the end of its last step."""

    def __init__(self) -> None:
        self.seconds = self.processor_seconds = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Starts."""
        self._began = time.perf_counter(), time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Reads the time of the steps so far; what has been trained is not saved."""
        self.seconds = time.perf_counter() - self._began[0]
        self.processor_seconds = time.process_time() - self._began[1]
        control.should_save = False


class Way:
    """A network, its encoded pairs and the batches that a turn trains on.

    Args:
        folder: Where the network starts from.
        pairs: Texts and labels.
        batches: Rows of each batch.
    """

    def __init__(self, folder: Path, pairs: Sequence[Labelled], batches: Sequence[Sequence[int]]) -> None:
        self.batches = batches
        began = time.perf_counter()
        self.model = self.load(folder)
        loaded = time.perf_counter()
        lengths = self.encode(pairs)
        self.hello: Told = {
            "tokens": sum(lengths[row] for batch in batches for row in batch),
            "learning_parameters": sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            "seconds_to_load": loaded - began,
            "seconds_to_tokenize": time.perf_counter() - loaded,
        }

    def load(self, folder: Path) -> torch.nn.Module:
        """Loads the network."""
        raise NotImplementedError

    def encode(self, pairs: Sequence[Labelled]) -> list[int]:
        """Tokenizes the pairs and tells the tokens of each."""
        raise NotImplementedError

    def trainer(self, folder: Path, watch: Stopwatch) -> Trainer:
        """Makes what trains on all batches once."""
        raise NotImplementedError

    def turn(self) -> Told:
        """Trains."""
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            loss = self.trainer(Path(folder), watch).train().training_loss
        return {"seconds": watch.seconds, "processor_seconds": watch.processor_seconds, "loss": loss}


class Yanmo(Way):
    """The parts of ``yanmo.fit.matching.run``, put together as there."""

    def load(self, folder: Path) -> torch.nn.Module:
        """Builds the network around the encoder."""
        model, self.config, self.pair_encoder = build_network(folder / "base", task_set=TASKS, config=TRAIN_CONFIG)
        return model

    def encode(self, pairs: Sequence[Labelled]) -> list[int]:
        """Encodes the pairs under the task's budget."""
        rows = [Pair(a, b, label, None, line, "train") for line, (a, b, label) in enumerate(pairs, 1)]
        self.examples = encode_examples({"mix": rows}, task_set=TASKS, pair_encoder=self.pair_encoder)
        return self.examples.lengths

    def trainer(self, folder: Path, watch: Stopwatch) -> Trainer:
        """Makes the trainer with the callbacks of ``yanmo train``."""
        n_pairs = [len(batch) for batch in self.batches]
        plan = BatchPlan(tuple(np.array(batch) for batch in self.batches), 1.0, sum(n_pairs) / len(n_pairs))
        progress = TrainingProgress(
            RunProgress(Console(quiet=True)), stage="train", unit="pairs", done_after=[0, *np.cumsum(n_pairs).tolist()]
        )
        trainer = MatchingTrainer(
            self.model,
            TRAIN_CONFIG,
            plan=plan,
            batches=BatchMaker(self.examples, pad_id=self.config.pad_id),
            validation=None,
            task_set=TASKS,
            positive_weights=torch.ones(1),
            frozen_layers=0,
            folder=folder,
            on_evaluation=lambda *_: None,
            processes=Processes(),
            callbacks=[progress, watch],
        )
        trainer.add_callback(GradientLog(trainer, regularized=None, say=lambda _: None))
        return trainer


class Transformers(Way):
    """The Trainer as its documentation shows it: batches padded to their longest row."""

    def load(self, folder: Path) -> torch.nn.Module:
        """Builds the classifier of one logit around the encoder, with cross-entropy as its loss, as Yanmo's is."""
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        return AutoModelForSequenceClassification.from_pretrained(
            folder / "base", num_labels=1, problem_type="multi_label_classification"
        )

    def encode(self, pairs: Sequence[Labelled]) -> list[int]:
        """Tokenizes the pairs."""
        first, second, labels = zip(*pairs, strict=True)
        encoded = self.tokenizer(list(first), list(second), truncation=True)
        self.rows = [
            {name: values[i] for name, values in encoded.items()} | {"labels": [float(label)]}
            for i, label in enumerate(labels)
        ]
        return [len(row["input_ids"]) for row in self.rows]

    def trainer(self, folder: Path, watch: Stopwatch) -> Trainer:
        """Makes the trainer; its sampler made the batches beforehand, so they come in their order."""
        [size] = {len(batch) for batch in self.batches}
        arguments = TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=1,
            per_device_train_batch_size=size,
            learning_rate=TRAIN_CONFIG.learning_rate,
            weight_decay=TRAIN_CONFIG.weight_decay,
            train_sampling_strategy="sequential",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
        )
        return Trainer(
            self.model,
            arguments,
            train_dataset=[self.rows[row] for batch in self.batches for row in batch],
            data_collator=DataCollatorWithPadding(self.tokenizer),
            callbacks=[watch],
        )


def main() -> None:
    """Waits for its turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way")
    parser.add_argument("folder", type=Path)
    parser.add_argument("batches", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    given = json.loads(arguments.batches.read_text("utf-8"))

    def prepare() -> tuple[Told, Callable[[], Told]]:
        kind = Yanmo if arguments.way == "yanmo" else Transformers
        way = kind(arguments.folder, [tuple(pair) for pair in given["pairs"]], given["batches"])
        return way.hello, way.turn

    take_turns(prepare)


if __name__ == "__main__":
    main()
