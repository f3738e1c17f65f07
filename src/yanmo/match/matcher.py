"""The matcher people use: texts in, calibrated probabilities and decisions out, under every standard it knows."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..atomic import new_folder
from ..errors import InputError, require_extra
from ..tokenize import EncodedPair, PairBudget, PairEncoder
from .architecture import Architecture
from .decisions import MatchingFile

__all__ = ["Engine", "Matcher"]


@runtime_checkable
class Engine(Protocol):
    """What computes the logits: torch now, other runtimes beside it."""

    def logits(self, pairs: Sequence[EncodedPair], task_indices: Sequence[int]) -> NDArray[np.float32]:
        """One logit a pair, float32[n], in the given order and the same in any company."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the weights into an existing folder."""
        ...


class Matcher:
    """One model, many standards of match.

    Args:
        engine: Encoded pairs to logits.
        pair_encoder: Texts to encoded pairs.
        matching: Tasks, thresholds and calibration.

    Example:
        ``Matcher.from_pretrained("runs/sohu").decide([("巴萨获胜", "巴塞罗那赢球")], task="ssB")``
    """

    def __init__(self, engine: Engine, pair_encoder: PairEncoder, matching: MatchingFile) -> None:
        self.engine = engine
        self.pair_encoder = pair_encoder
        self.matching = matching

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, device: str | None = None, revision: str | None = None
    ) -> "Matcher":
        """Loads a matcher from its folder, or from the Hugging Face hub.

        Args:
            folder: Folder written by ``save_pretrained``, or the name ``owner/name`` of one on the hub.
            device: Where torch runs, such as ``"cuda"``; None for the CPU.
            revision: Branch, tag or commit on the hub.

        Returns:
            The matcher, ready to score.

        Raises:
            InputError: The folder is missing or its files do not belong together.
            MissingExtraError: torch is not installed.
        """
        if not Path(folder).exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(folder)):
            folder = _download(str(folder), revision)
        folder = Path(folder)
        matching = MatchingFile.load(folder)
        architecture = Architecture.model_validate(matching.model)
        require_extra("torch", extra="torch")
        from .torch_engine import TorchEngine, load_classifier, load_fitting_tokenizer

        classifier, config = load_classifier(folder, architecture, n_tasks=len(matching.task_set.tasks))
        tokenizer = load_fitting_tokenizer(folder, config)
        encoder = PairEncoder(tokenizer, layout=architecture.layout, prefix=architecture.prefix)
        return cls(TorchEngine(classifier, config, device=device), encoder, matching)

    @classmethod
    def default(cls) -> "Matcher":
        """Loads the matcher that ships with the package.

        Returns:
            The matcher.

        Raises:
            InputError: None ships yet.
        """
        raise InputError(
            "no trained model ships with this version", fix="train one with yanmo train, or see yanmo demo"
        )

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Uploads the matcher's folder to the Hugging Face hub.

        Args:
            repo_id: ``owner/name``; made if it does not exist.
            private: Whether a new repository is private.
            token: Access token; None takes the one that is logged in.

        Returns:
            Address of the commit.
        """
        require_extra("huggingface_hub", extra="torch")
        from huggingface_hub import HfApi

        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            self.save_pretrained(Path(temporary) / "model")
            commit = api.upload_folder(repo_id=repo_id, folder_path=Path(temporary) / "model")
        return str(commit.commit_url)

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the matcher as a Hugging Face folder with ``matching.json``; all of it or nothing.

        Args:
            folder: A folder that does not exist yet or is empty.

        Raises:
            InputError: The folder holds something.
        """
        with new_folder(Path(folder)) as temporary:
            self.engine.save(temporary)
            self.pair_encoder.tokenizer.save(temporary)
            self.matching.save(temporary)

    def logits(self, pairs: Sequence[tuple[str, str]], *, task: str) -> NDArray[np.float32]:
        """Raw scores of pairs under one task.

        Args:
            pairs: The texts.
            task: Name of the task.

        Returns:
            Logits, float32[n].

        Raises:
            InputError: The matcher does not know the task.
        """
        index = self.matching.task_set.index(task)
        budget = self.matching.task_set.tasks[index].budget
        encoded = self.pair_encoder.encode_batch(pairs, budgets=PairBudget(budget.left, budget.right, head=budget.head))
        return self.engine.logits(encoded, [index] * len(encoded))

    def score(self, pairs: Sequence[tuple[str, str]], *, task: str) -> NDArray[np.float32]:
        """Calibrated probabilities of "match" under one task, float32[n]; arguments as in ``logits``."""
        return self.matching.decision(task).calibration.probabilities(self.logits(pairs, task=task))

    def decide(self, pairs: Sequence[tuple[str, str]], *, task: str) -> NDArray[np.bool_]:
        """Decisions by the task's own stored threshold, bool[n]; arguments as in ``logits``."""
        return self.matching.decision(task).accepts(self.score(pairs, task=task))

    def score_all(self, pairs: Sequence[tuple[str, str]]) -> dict[str, NDArray[np.float32]]:
        """Calibrated probabilities under every task of the matcher, by task name."""
        return {task: self.score(pairs, task=task) for task in self.matching.task_set.names}


def _download(repo_id: str, revision: str | None) -> str:
    require_extra("huggingface_hub", extra="torch")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        return str(snapshot_download(repo_id, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            "is no folder here, and cannot be fetched from the hub", where=repo_id, fix="check the path or the network"
        ) from error
