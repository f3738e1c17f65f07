"""The bundled pairs of every standard: enough of each class, none twice, and not of one template."""

from importlib.resources import as_file, files

import pytest

from yanmo.data.split import read_split
from yanmo.data.tasks import TaskSet

STANDARDS = TaskSet.load("standards")
FEWEST_OF_A_CLASS = {"address_exact": 8, "search_good": 8, "similar_strict": 8}


def _read(task_set):
    with as_file(files("yanmo.assets") / "sample") as folder:
        return read_split(folder, task_set, "valid")


def _news():
    """The two standards of short news, read from `ss_new` in place of `ss`."""
    tasks = tuple(STANDARDS.task(name).model_copy(update={"folders": ("ss_new",)}) for name in ("ssA", "ssB"))
    return STANDARDS.model_copy(update={"tasks": tasks})


@pytest.fixture(scope="module")
def samples():
    """The pairs by file, and in it by standard."""
    by_file = {}
    for task_set in (STANDARDS, _news()):
        for name, pairs in _read(task_set).items():
            by_file.setdefault(pairs[0].source, {})[name] = pairs
    return by_file


def test_every_standard_has_pairs(samples):
    assert {name for tasks in samples.values() for name in tasks} == set(STANDARDS.names)
    assert len(samples) == 19  # six Sohu tasks in three files, the new short news, fifteen sets of pairs


def test_each_standard_has_enough_of_each_class(samples):
    for file, tasks in samples.items():
        for name, pairs in tasks.items():
            matches = sum(pair.label for pair in pairs)
            assert len(pairs) >= 30, (file, name)
            assert min(matches, len(pairs) - matches) >= FEWEST_OF_A_CLASS.get(name, 10), (file, name)


def test_every_pair_of_the_stricter_standard_matches_under_the_looser(samples):
    crossed = 0
    for tasks in samples.values():
        for name, pairs in tasks.items():
            looser = STANDARDS.task(name).implies
            if looser is not None:
                assert all(strict.label <= loose.label for strict, loose in zip(pairs, tasks[looser], strict=True))
                crossed += any(strict.label < loose.label for strict, loose in zip(pairs, tasks[looser], strict=True))
    assert crossed == 7


def test_reviews_cross_the_two_standards_in_all_four_ways(samples):
    reviews = next(tasks for tasks in samples.values() if "review_kind" in tasks)
    kind, opinion = reviews["review_kind"], reviews["review_opinion"]
    ways = [(a.label, b.label) for a, b in zip(kind, opinion, strict=True)]
    assert all(ways.count(way) >= 10 for way in ((0, 0), (0, 1), (1, 0), (1, 1)))


def test_no_pair_stands_twice_and_no_text_is_empty(samples):
    for file, tasks in samples.items():
        pairs = next(iter(tasks.values()))
        assert all(pair.text0.strip() and pair.text1.strip() for pair in pairs), file
        assert len({frozenset((pair.text0, pair.text1)) for pair in pairs}) == len(pairs), file
        assert all(pair.text0 != pair.text1 for pair in pairs), file


def test_texts_of_one_file_do_not_all_begin_alike(samples):
    for file, tasks in samples.items():
        texts = {text for pair in next(iter(tasks.values())) for text in (pair.text0, pair.text1)}
        assert len({text[:4] for text in texts}) >= 0.6 * len(texts), file
