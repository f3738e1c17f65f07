"""How often what a part of the suite tries went well."""

from collections.abc import Callable


class Tally:
    """Counts the tries of one part; leaving its ``with`` block fails the test if one of them did not hold.

    Args:
        part: Name of the part, for the summary.
        record: Keeps the counts with the test's report.
    """

    def __init__(self, part: str, record: Callable[[str, object], None]) -> None:
        self.part = part
        self._record = record
        self._n_held = 0
        self._broken: list[str] = []

    def add(self, flaw: str | None) -> None:
        """Counts one try, and keeps what was wrong with it, if anything."""
        if flaw is None:
            self._n_held += 1
        else:
            self._broken.append(flaw)

    def __enter__(self) -> "Tally":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._record("tally", [self.part, self._n_held, self._n_held + len(self._broken) + (kind is not None)])
        if kind is None and self._broken:
            shown = "\n".join(self._broken[:10])
            raise AssertionError(f"{self.part}: {len(self._broken)} did not hold\n{shown}")
