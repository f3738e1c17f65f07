"""Whatever ends a command before its time, the next call ends as if nothing had been."""

import shutil
import signal
import time

import pytest

from .commands import Strike
from .small_disk import PAGE, SmallDisk, SmallFiles, may_mount
from .verbs import VERBS, written


@pytest.fixture(scope="module", params=list(VERBS))
def verb(request):
    return VERBS[request.param]


@pytest.fixture(scope="module")
def undisturbed(verb, commands, inputs, workplace):
    """What a call writes that nothing ends, how many file operations and seconds it takes."""
    out = workplace / "undisturbed" / f"out{verb.suffix}"
    out.parent.mkdir()
    try:
        began = time.monotonic()
        ended = commands.run(verb.call(inputs, out))
        seconds = time.monotonic() - began
        assert ended.code == 0, ended.said
        sizes = [path.stat().st_size for path in out.parent.rglob("*") if path.is_file()]
        yield written(out), ended.n_operations, seconds, sizes
    finally:
        shutil.rmtree(out.parent)


@pytest.fixture
def disk(undisturbed, draw):
    """Makes a folder too small, at random, for what the call writes."""
    _, _, _, sizes = undisturbed

    def small(folder):
        n_pages = sum(-(-size // PAGE) for size in sizes)
        # A file system of no page at all cannot be had.
        if n_pages > 1 and may_mount():
            return SmallDisk(folder, n_pages=draw.randint(1, n_pages - 1))
        return SmallFiles(draw.randint(1, max(sizes) - 1))

    return small


@pytest.fixture
def place(workplace, verb):
    """Makes an empty folder and gives the name of the output in it."""
    made = []

    def make():
        made.append(workplace / f"place{len(made)}")
        made[-1].mkdir()
        return made[-1] / f"out{verb.suffix}"

    yield make
    for folder in made:
        shutil.rmtree(folder)


def _half_written(verb, out, expected):
    """Says what can be taken for whole and is not."""
    found = written(out)
    if verb.grows:
        return None
    if verb.marks:
        if not (out / verb.marks[0]).exists():
            return None
        later = {f"{out.name}/{name}" for name in verb.marks}
        wrong = [name for name in expected if name not in later and found.get(name) != expected[name]]
    else:
        if not out.exists():
            return None
        wrong = [name for name in expected if found.get(name) != expected[name]]
    return f"taken for whole, and {wrong} are not" if wrong else None


def _gone_on(verb, commands, inputs, out, expected):
    """Repeats the call and says how what is there then differs from what nothing had disturbed."""
    if not verb.marks and out.exists() and written(out) == expected:
        return None
    ended = commands.run(verb.call(inputs, out, resume=bool(verb.marks) and (out / "run.json").exists()))
    # What was struck after its last byte is whole, and says so.
    if ended.code and "is finished" not in ended.said and f"{out}: exists." not in ended.said:
        return f"the next call says {ended.said[-600:]}"
    found = written(out)
    differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    return f"the next call leaves {differing} different" if differing else None


def _points(draw, n, n_operations, seconds):
    """Where to strike: by turns at a file operation and at a time."""
    for i in range(n):
        if i % 2:
            yield {"seconds": draw.uniform(0.02, 0.95) * seconds}
        else:
            yield {"operation": draw.randint(1, n_operations)}


def _struck(verb, commands, inputs, place, how, point):
    """Strikes until it hits: a time may come after the end."""
    while True:
        out = place()
        ended = commands.run(verb.call(inputs, out), strike=Strike(how, **point))
        if ended.code or "operation" in point:
            return out, ended
        point = {"seconds": point["seconds"] / 2}


def test_killed(request, verb, commands, inputs, place, undisturbed, tries, draw, tally):
    expected, n_operations, seconds, _ = undisturbed
    with tally(f"killed, then called again: {request.node.callspec.id}") as count:
        for point in _points(draw, tries(1 if verb.is_slow else 2, 20), n_operations, seconds):
            out, ended = _struck(verb, commands, inputs, place, signal.SIGKILL, point)
            flaw = None if ended.code == -signal.SIGKILL else f"not killed but {ended}"
            flaw = flaw or _half_written(verb, out, expected) or _gone_on(verb, commands, inputs, out, expected)
            count.add(flaw and f"{point}: {flaw}")


@pytest.fixture
def often(verb, tries):
    """How often to strike otherwise than by a kill; in the short form a slow verb is killed only."""
    n = tries(0 if verb.is_slow else 1, 20)
    if not n:
        pytest.skip("killed only, but in the long form")
    return n


def test_interrupted(request, often, verb, commands, inputs, place, undisturbed, draw, tally):
    expected, n_operations, seconds, _ = undisturbed
    with tally(f"Ctrl-C, then called again: {request.node.callspec.id}") as count:
        for point in _points(draw, often, n_operations, seconds):
            out, ended = _struck(verb, commands, inputs, place, signal.SIGINT, point)
            flaw = None if _is_one_sentence(ended) else f"says {ended}"
            flaw = flaw or _half_written(verb, out, expected) or _gone_on(verb, commands, inputs, out, expected)
            count.add(flaw and f"{point}: {flaw}")


def test_no_room(request, often, verb, commands, inputs, place, undisturbed, draw, tally, disk):
    expected, *_ = undisturbed
    with tally(f"no room, then called again with room: {request.node.callspec.id}") as count:
        for _ in range(often):
            out = place()
            with disk(out.parent) as small:
                ended = commands.run(verb.call(inputs, out), largest_file=small.largest_file)
                flaw = None if _is_one_sentence(ended) and str(out.parent) in ended.said else f"says {ended}"
                flaw = flaw or _half_written(verb, out, expected)
                small.grow()
                flaw = flaw or _gone_on(verb, commands, inputs, out, expected)
            count.add(flaw and f"{small}: {flaw}")


def _is_one_sentence(ended):
    """Whether a call that could not end says so as people are told things, or as a shell expects after Ctrl-C."""
    return ended.code in (1, 130) and "Traceback" not in ended.said and "Exception" not in ended.said
