"""From a logit to a decision, and ``matching.json``, which keeps how: tasks, calibration, thresholds, origin.

The file stands beside ``config.json`` and ``model.safetensors`` in the folder of every matcher.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, JsonValue, ValidationError, model_validator

from ..atomic import replacing
from ..data.tasks import TaskSet
from ..errors import InputError
from ..tokenize import TextNormalization
from ..yaml_file import StrictModel, refusal_of
from .promise import Promise

__all__ = ["FORMAT_VERSION", "MATCHING_FILE", "Calibration", "Decision", "Learned", "MatchingFile"]

FORMAT_VERSION = 2
MATCHING_FILE = "matching.json"


class Calibration(StrictModel):
    """A map from logits to probabilities that means what it says: ``p = sigmoid(scale * logit + bias)``.

    With ``bias = 0`` it is temperature scaling (temperature ``1 / scale``), otherwise Platt scaling. ``scale`` must be
    above zero, so that calibration never changes the order of two pairs.

    Example:
        >>> Calibration().probabilities([0.0, 1000.0, -1000.0]).tolist()
        [0.5, 1.0, 0.0]

    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """

    scale: float = Field(default=1.0, gt=0.0)
    """Factor on the logit."""
    bias: float = 0.0
    """Logit added after the factor."""

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float32]:
        """Gives the calibrated probability of a match.

        Args:
            logits: Raw logits, any shape.

        Returns:
            Probabilities in [0, 1], same shape.
        """
        z = self.scale * np.asarray(logits, dtype=np.float64) + self.bias
        # sigmoid(z) = exp(-log(1 + exp(-z))), the form that neither overflows nor loses small values.
        return np.exp(-np.logaddexp(0.0, -z)).astype(np.float32)


class Decision(StrictModel):
    """How one task turns a logit into yes or no.

    Example:
        >>> Decision(threshold=0.7).decide([0.0, 2.0]).tolist()
        [False, True]
    """

    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    """Calibrated probability from which on a pair is a match."""
    calibration: Calibration = Calibration()
    """From this task's logits to probabilities."""
    n_examples: int | None = Field(default=None, ge=0)
    """Labelled pairs the threshold was chosen on; None if it was not fitted."""
    f1: float | None = Field(default=None, ge=0.0, le=1.0)
    """F1 of the matches, judged on pairs the threshold was not chosen on."""
    interval: tuple[float, float] | None = None
    """Lower and upper end of the 95 % bootstrap interval of that F1."""
    base_rate: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Share of matches that calibration and threshold are made for; None if it is not known."""
    ask_above: float | None = Field(default=None, ge=0.0, le=1.0)
    """Calibrated probability from which on a person is asked, up to ``ask_below``; None if nobody is."""
    ask_below: float | None = Field(default=None, ge=0.0)
    """Calibrated probability below which a person is asked; just above 1 where no pair is surely a match."""
    ask_share: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Share of pairs that these two leave to a person, among those they were chosen on."""
    promise: Promise | None = None
    """What the threshold promises, if it was chosen to."""

    @model_validator(mode="after")
    def _check(self) -> "Decision":
        if self.interval is not None and not 0.0 <= self.interval[0] <= self.interval[1] <= 1.0:
            raise ValueError("interval must be (lower, upper) within [0, 1]")
        if (self.ask_above is None) != (self.ask_below is None):
            raise ValueError("ask_above and ask_below go together")
        if self.ask_above is not None and self.ask_below is not None:
            if not self.ask_above <= self.threshold <= self.ask_below:
                raise ValueError("the threshold must lie between ask_above and ask_below")
        elif self.ask_share is not None:
            raise ValueError("ask_share is of ask_above and ask_below, which are not set")
        return self

    def decide(self, logits: ArrayLike) -> NDArray[np.bool_]:
        """Gives True where the pair is a match.

        Args:
            logits: Raw logits, any shape.

        Returns:
            Decisions, same shape.
        """
        return self.accepts(self.calibration.probabilities(logits))

    def accepts(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Gives True where a calibrated probability, any shape, reaches the threshold."""
        # Both sides in float32: a threshold taken from a probability must accept that very probability.
        reached = np.asarray(probabilities, dtype=np.float32) >= np.float32(self.threshold)
        return np.asarray(reached, dtype=np.bool_)

    def asks(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Gives True where a calibrated probability, any shape, is to be decided by a person."""
        values = np.asarray(probabilities, dtype=np.float32)
        if self.ask_above is None or self.ask_below is None:
            return np.zeros(values.shape, dtype=np.bool_)
        between = (values >= np.float32(self.ask_above)) & (values < np.float32(self.ask_below))
        return np.asarray(between, dtype=np.bool_)


class Learned(StrictModel):
    """How a standard that was not trained was learned; its weights stand in ``learned.json``."""

    n_pairs: int = Field(ge=1)
    """Labelled pairs it was learned from, each once."""
    n_matches: int = Field(ge=0)
    """Those of them that are matches."""
    n_unlabelled: int = Field(default=0, ge=0)
    """Pairs without a label that helped to scale."""
    sources: tuple[str, ...]
    """The trained standards it is computed from."""
    expected_accuracy: float | None = Field(default=None, ge=0.0, le=1.0)
    """Share of right decisions on pairs left out of the learning, in turns; None where there are too few."""
    data: str = ""
    """SHA-256 of the pairs and labels."""
    date: str = ""
    """The day, as 2026-11-30."""


class MatchingFile(StrictModel):
    """Everything a matcher knows besides its weights.

    Example:
        >>> matching = MatchingFile(task_set=TaskSet.load("sohu"), decisions={"ssB": Decision(threshold=0.62)})
        >>> matching.decision("ssB").threshold, matching.decision("ssA").threshold
        (0.62, 0.5)
    """

    format_version: int = FORMAT_VERSION
    """Version of this file's layout."""
    task_set: TaskSet
    """The tasks, in the order of the model's condition vectors."""
    decisions: dict[str, Decision] = Field(default_factory=dict)
    """Calibration and threshold of each task, by name; a task left out decides at 0.5, uncalibrated."""
    model: dict[str, JsonValue] = Field(default_factory=dict)
    """Architecture of the matcher: layout, joint_from, head, condition_width, conditioned_layers, prefix."""
    normalization: TextNormalization = TextNormalization.none()
    """The steps taken between a text and its tokens."""
    learned: dict[str, Learned] = Field(default_factory=dict)
    """How the standards were learned that are computed from trained ones; they are the last tasks of the set."""
    training: dict[str, JsonValue] | None = None
    """Where it comes from: fingerprint of the training data, versions, settings."""

    @model_validator(mode="before")
    @classmethod
    def _upgrade(cls, values: Any) -> Any:
        # Before all else: a newer layout would otherwise be reported as some unknown key.
        version = values.get("format_version", FORMAT_VERSION) if isinstance(values, dict) else FORMAT_VERSION
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise ValueError(
                f"is in format {version}, this Yanmo reads up to {FORMAT_VERSION}; update it: pip install -U yanmo"
            )
        if version == 1 and isinstance(values.get("task_set"), dict):
            # Before version 2 every task read its texts as they stood.
            tasks = [{"symmetric": False, **task} for task in values["task_set"].get("tasks", ())]
            values = {**values, "task_set": {**values["task_set"], "tasks": tasks}}
        steps = values.get("normalization") if isinstance(values, dict) else None
        if isinstance(steps, dict):
            # A step that a file does not name was not known when the file was written, and is not taken.
            values = {**values, "normalization": {**TextNormalization.none().model_dump(), **steps}}
        return values

    @model_validator(mode="after")
    def _check_names(self) -> "MatchingFile":
        unknown = sorted(set(self.decisions) - set(self.task_set.names))
        if unknown:
            known = ", ".join(self.task_set.names)
            raise ValueError(f"decisions for unknown tasks {', '.join(unknown)}; the tasks are {known}")
        if set(self.task_set.names[len(self.trained) :]) != set(self.learned) or not self.trained:
            raise ValueError(f"the learned standards {', '.join(self.learned)} are not the last tasks of the set")
        return self

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the standards that the weights were trained on, in the order of their indices."""
        return self.task_set.names[: len(self.task_set.names) - len(self.learned)]

    def decision(self, task: str) -> Decision:
        """Gives the decision rule of a task; one that was never fitted decides at 0.5.

        Args:
            task: Name of the task.

        Returns:
            Its rule.

        Raises:
            InputError: There is no such task.
        """
        self.task_set.index(task)
        return self.decisions.get(task, Decision())

    def with_decision(self, task: str, decision: Decision) -> "MatchingFile":
        """The same with another decision rule of one task.

        Args:
            task: Name of the task.
            decision: Its rule.

        Returns:
            Another file.

        Raises:
            InputError: There is no such task.
        """
        self.task_set.index(task)
        return self.model_copy(update={"decisions": {**self.decisions, task: decision}})

    def save(self, folder: Path) -> Path:
        """Writes ``matching.json``, whole or not at all.

        Args:
            folder: The matcher's folder; made if missing.

        Returns:
            Path of the file.
        """
        path = folder / MATCHING_FILE
        content = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2, allow_nan=False)
        with replacing(path) as temporary:
            temporary.write_text(content + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, folder: Path) -> "MatchingFile":
        """Reads ``matching.json``.

        Args:
            folder: The matcher's folder.

        Returns:
            The checked content.

        Raises:
            InputError: The file is missing, damaged, or of a newer Yanmo.
        """
        path = Path(folder) / MATCHING_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls.model_validate(values)
        except OSError as error:
            fix = "give the folder of a matcher, as yanmo train writes it"
            raise InputError(f"cannot be read ({error.strerror})", where=path, fix=fix) from error
        except ValidationError as error:
            raise InputError(refusal_of(error), where=path, fix="copy the folder again") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"is not valid JSON ({error})", where=path, fix="copy the folder again") from error
