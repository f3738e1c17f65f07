"""What a person sees while something takes long: a bar on a terminal, a line now and then in a log."""

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["RunProgress"]

# Without a terminal one line this often, in seconds.
_EVERY = 60.0


class RunProgress:
    """Shows how far each stage of some work is, with its rate and the time left.

    Args:
        console: Where to show it.

    Example:
        ``with RunProgress(console) as progress: progress.show("training", 3, 10, unit="pairs")``
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("还需"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._said: dict[str, float] = {}

    def __enter__(self) -> "RunProgress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, stage: str, done: int, total: int | None, *, unit: str, note: str = "") -> None:
        """Shows that ``done`` of ``total`` are behind us.

        Args:
            stage: Name of the stage.
            done: So many are done.
            total: Of so many; None where nobody knows.
            unit: What is counted.
            note: Put after the rate.
        """
        now = time.monotonic()
        total = None if total is None else max(total, done)
        began, start = self._began.setdefault(stage, (now, done))
        if done < start:  # begun again, as for another epoch or after going back
            began, start = self._began[stage] = (now, done)
        seconds = now - began
        rate = (done - start) / seconds if seconds > 0 else 0.0
        shown = f"{rate:,.1f} {unit}/s {note}" if rate else ""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(escape(stage), total=total, completed=done, rate=escape(shown))
        self._bars.update(self._tasks[stage], completed=done, total=total, rate=escape(shown))
        last = total is not None and done >= total
        if not self.console.is_terminal and rate and (last or now - self._said.get(stage, began) > _EVERY):
            self._said[stage] = now
            if total is None:
                self.say(f"{stage} {done:,} {unit} · {shown.strip()}")
                return
            left = (total - done) / rate
            self.say(f"{stage} {done / total:.0%} · {shown.strip()} · 还需 {left / 60:.0f} 分钟")

    def say(self, line: str) -> None:
        """Prints a line above the bars."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
