import io

from rich.console import Console

from yanmo import progress
from yanmo.progress import RunProgress


def _shown(monkeypatch, steps):
    out, clock = io.StringIO(), iter(range(100))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(progress, "_EVERY", 0.5)
    with RunProgress(Console(file=out, width=200)) as shown:
        for done, total in steps:
            shown.show("训练 [/b]", done, total, unit="pairs")
    return out.getvalue().splitlines()


def test_going_back_begins_the_rate_anew(monkeypatch):
    lines = _shown(monkeypatch, [(100, 200), (150, 200), (10, 200), (20, 200)])
    assert [line.split(" · ")[1] for line in lines] == ["50.0 pairs/s", "10.0 pairs/s"]


def test_where_the_total_is_unknown_what_is_done_is_shown(monkeypatch):
    assert _shown(monkeypatch, [(0, None), (1500, None)]) == ["训练 [/b] 1,500 pairs · 1,500.0 pairs/s"]
