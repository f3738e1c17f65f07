"""The collapse probe in a training run: readings to trackers and a file, alarms that warn, stop or slow down."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import Trainer, TrainerCallback

from ...errors import InputError, chosen
from ...probe import AlarmAction, CollapseAlarm, CollapseLimits, CollapseReading, collapse_reading

__all__ = ["CollapseWatch"]


class CollapseWatch(TrainerCallback):
    """Reads vectors every so many steps and acts on an alarm.

    Works with any Trainer that can hand out vectors. The alarm's count goes on after a kill by ``state`` and
    ``load``.

    Args:
        trainer: Whose ``log`` is used.
        source: Gives, by name, the newest batch's vectors of both views, [batch, width] each.
        alarm: Decides when it is one.
        limits: Where collapse begins.
        action: What an alarm does.
        every: Steps from one reading to the next.
        slow_factor: ``slow`` multiplies every rate by this.
        file: A line of JSON for every reading goes here; None writes none.
        say: Told about alarms.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        source: Callable[[], Mapping[str, tuple[Tensor, Tensor]]],
        alarm: CollapseAlarm,
        limits: CollapseLimits,
        action: AlarmAction | str,
        every: int,
        slow_factor: float,
        file: Path | None,
        say: Callable[[str], None],
    ) -> None:
        self._trainer = trainer
        self._source = source
        self._alarm = alarm
        self._limits = limits
        self._action = chosen(AlarmAction, action, name="action")
        self._every = every
        self._slow_factor = slow_factor
        self._file = file
        self._say = say
        self.n_alarms = 0
        """Alarms so far."""

    def state(self) -> dict[str, int]:
        """Returns what a run needs to go on exactly."""
        return {"n_collapsed": self._alarm.n_collapsed, "n_alarms": self.n_alarms}

    def load(self, state: Mapping[str, int]) -> None:
        """Takes over what ``state`` gave."""
        self._alarm.n_collapsed, self.n_alarms = state["n_collapsed"], state["n_alarms"]

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Reads, logs and acts."""
        if state.global_step % self._every:
            return
        found = {
            name: collapse_reading(vectors, partners=partners, limits=self._limits)
            for name, (vectors, partners) in self._source().items()
        }
        numbers = {key: value for name, one in found.items() for key, value in one.readings(name).items()}
        due = control.should_log
        self._trainer.log(dict(numbers))
        control.should_log = due  # to log clears it, and the loss of this step would be lost
        if self._file is not None:
            verdicts = {name: one.verdict.value for name, one in found.items()}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, **numbers, "verdict": verdicts}) + "\n")
        if self._alarm.sees(*found.values()):
            self.n_alarms += 1
            self._act(state.global_step, found, kwargs)

    def _act(self, step: int, found: Mapping[str, CollapseReading], kwargs: Mapping[str, Any]) -> None:
        what = "; ".join(
            f"the {name} are {one.verdict.value} (std {one.std:.3f}, effective rank {one.effective_rank:.2f}, "
            f"nearest over mean distance {one.neighbor_ratio:.3f})"
            for name, one in found.items()
            if one.collapsed
        )
        own = self._limits
        stated = (
            f"limits: std {own.std:g}, effective rank {own.effective_rank:g} and {own.low_rank:g}, "
            f"nearest over mean distance {own.neighbor_ratio:g}"
        )
        if self._action is AlarmAction.STOP:
            raise InputError(
                f"collapse at step {step}: {what}; {stated}",
                fix="lower learning_rate, raise heads.predictor_multiple or make the views differ more",
            )
        if self._action is AlarmAction.SLOW:
            schedule, optimizer = kwargs["lr_scheduler"], kwargs["optimizer"]
            # The schedule recomputes every rate from its base; the group's own is that of the very next step.
            schedule.base_lrs = [rate * self._slow_factor for rate in schedule.base_lrs]
            for group in optimizer.param_groups:
                group["lr"] *= self._slow_factor
            what += f"; all rates times {self._slow_factor:g}"
        self._say(f"坍缩警报 collapse alarm, step {step}: {what}; {stated}")
