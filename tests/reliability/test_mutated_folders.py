"""A damaged model folder: refused by the name of its file, or it scores as before."""

import json
import shutil

import pytest

# Read when they are used, mapped into memory: `yanmo doctor model` looks for flipped bits in these.
_WEIGHTS = (".onnx", ".safetensors")


def _other_number(content, draw):
    """One number of a JSON file, or one of its lists, is another."""
    found = json.loads(content)
    places = []

    def walk(value):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, dict | list):
                walk(item)
            if isinstance(item, int | float) or (isinstance(item, list) and len(item) > 1):
                places.append((value, key))

    walk(found)
    if places:
        value, key = draw.choice(places)
        value[key] = value[key][::-1] if isinstance(value[key], list) else value[key] + draw.choice([1, -1, 0.5])
    return json.dumps(found).encode()


def _damage(path, other, draw):
    """Damages one file in one of many ways; gives what was done to it."""
    content = path.read_bytes()
    at = draw.randrange(len(content))
    lines = content.splitlines(keepends=True)
    i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
    ways = {
        "a flipped bit": lambda: content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :],
        "cut short": lambda: content[:at],
        "one byte less": lambda: content[:-1],
        "more behind its end": lambda: content + b"\0",
        "empty": lambda: b"",
        "a line less": lambda: b"".join(lines[:i] + lines[i + 1 :]),
        "two lines exchanged": lambda: b"".join(
            lines[j] if n == i else lines[i] if n == j else line for n, line in enumerate(lines)
        ),
        "zeros in its middle": lambda: content[: at // 2] + bytes(len(content[at // 2 : at])) + content[at:],
        "that of another model": lambda: other.read_bytes() if other.exists() else b"",
        "bytes by chance": lambda: draw.randbytes(len(content)),
    }
    if path.suffix == ".json":
        ways |= {"another number": lambda: _other_number(content, draw), "deep": lambda: b"[" * 100_000}
    way = draw.choice([*ways, "missing", "a folder"])
    if way in ways:
        path.write_bytes(ways[way]())
        return way
    path.unlink()
    if way == "a folder":
        path.mkdir()
    return way


@pytest.fixture(scope="session")
def others(tmp_path_factory, tiny_matcher):
    """The folders of another matcher, trained and exported."""
    from yanmo.export import WeightForm, WeightPlan, export_matcher

    folder, other = tmp_path_factory.mktemp("others"), tiny_matcher(n_layers=1)
    other.save_pretrained(folder / "matcher")
    export_matcher(other, folder / "graph", plan=WeightPlan.uniform(WeightForm.FLOAT32))
    return folder


@pytest.mark.parametrize("kind", ["graph", "matcher"])
def test_a_damaged_folder_is_refused_or_scores_as_before(kind, commands, inputs, others, workplace, tries, draw, tally):
    place = workplace / f"damaged {kind}"

    def score():
        (place / "scores.jsonl").unlink(missing_ok=True)
        words = ["predict", str(place / "model"), str(inputs / "few.jsonl"), "--task", "strict"]
        ended = commands.run([*words, "--out", str(place / "scores.jsonl")])
        found = (place / "scores.jsonl").read_bytes() if ended.code == 0 else None
        return ended, found

    def flaw(path, content):
        ended, scores = score()
        if ended.code == 1 and "Traceback" not in ended.said and str(place / "model") in ended.said:
            return None
        if ended.code != 0:
            return f"ends with {ended}"
        if scores == expected:
            return None
        if path.suffix in _WEIGHTS and path.is_file() and path.stat().st_size == len(content):
            doctor = commands.run(["doctor", "model", str(place / "model")])
            return None if doctor.code == 1 and str(path) in doctor.said else f"the doctor finds nothing: {doctor}"
        return "scores other than before"

    place.mkdir()
    shutil.copytree(inputs / kind, place / "model")
    ended, expected = score()
    assert ended.code == 0, ended.said
    names = sorted(path.name for path in (place / "model").iterdir())
    with tally(f"damaged folders, refused or as before: {kind}") as count:
        for _ in range(tries(8, 250)):
            shutil.rmtree(place / "model")
            shutil.copytree(inputs / kind, place / "model")
            path = place / "model" / draw.choice(names)
            content = path.read_bytes()
            way = _damage(path, others / kind / path.name, draw)
            found = flaw(path, content)
            count.add(found and f"{path.name}, {way}: {found}")
    shutil.rmtree(place)
