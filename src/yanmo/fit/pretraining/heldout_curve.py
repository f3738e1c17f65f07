"""The curve of a pretraining run: nats per character of held-out text after so many steps."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...encode.mlm import LoadedMaskedLanguageModel
from ...progress import RunProgress
from .config import PretrainConfig
from .nats import PassageRows, score_passages
from .windows import PretrainPlan

__all__ = ["HeldoutCurve", "read_curve"]


class HeldoutCurve:
    """Judges the network on the held-out passages and writes a line for each point.

    Args:
        file: Where the lines go, JSON with ``step``, ``tokens`` and the fields of the `HeldoutScore`.
        loaded: The network and its configuration.
        rows: The passages in its vocabulary.
        plan: The run.
        mask_id: The token that hides others.
        config: The settings.
        progress: Where each point is shown.
    """

    def __init__(
        self,
        file: Path,
        loaded: LoadedMaskedLanguageModel,
        rows: list[PassageRows],
        plan: PretrainPlan,
        *,
        mask_id: int,
        config: PretrainConfig,
        progress: RunProgress,
    ) -> None:
        self._file = file
        self._loaded = loaded
        self._rows = rows
        self._plan = plan
        self._mask_id = mask_id
        self._config = config
        self._progress = progress

    def add(self, step: int) -> Mapping[str, float]:
        """Adds the point of a step.

        Args:
            step: Optimizer steps behind us.

        Returns:
            The metrics by name.
        """
        score = score_passages(
            self._loaded.model,
            self._rows,
            config=self._loaded.config,
            mask_id=self._mask_id,
            order=self._config.heldout_order,
            max_tokens=self._config.max_tokens,
        )
        n_tokens = self._plan.tokens_after[step]
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "tokens": n_tokens, **score.as_json()}) + "\n")
        self._progress.say(
            f"第 {step:,} 步（{n_tokens:,} token）留出文本每字 {score.nats_per_character:.4f} nats"
            f"（词内各 token 同时预测 {score.together:.4f}）"
        )
        return {"nats_per_character": score.nats_per_character, "nats_per_character_together": score.together}


def read_curve(file: Path) -> tuple[dict[str, Any], ...]:
    """Reads the points.

    Args:
        file: What a `HeldoutCurve` wrote; need not exist.

    Returns:
        One for each line.
    """
    if not file.exists():
        return ()
    return tuple(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
