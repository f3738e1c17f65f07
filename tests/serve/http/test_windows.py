import numpy as np
import pytest

from yanmo.data import Budget, Windows
from yanmo.match import Matcher

# As many characters as tokens: the stand-in's vocabulary is of characters.
LONG = "".join(chr(0x4E00 + i % 900) for i in range(700))
PAIRS = [("一丁七", "一丁万丈"), (LONG, LONG[500:560]), (LONG[600:640], LONG), (LONG, LONG[::-1])]


@pytest.fixture
def windowed(overlap_matcher):
    """The overlap matcher, ssA in windows with their maximum, ssB with their mean, the others cut."""
    matcher, _ = overlap_matcher
    windows = {
        "ssA": Windows(pool="max", at_most=8, overlap=0.25),
        "ssB": Windows(pool="mean", at_most=2, overlap=0.0),
    }
    tasks = tuple(
        task.model_copy(update={"budget": Budget(windows=windows.get(task.name))})
        for task in matcher.matching.task_set.tasks
    )
    task_set = matcher.matching.task_set.model_copy(update={"tasks": tasks})
    matching = matcher.matching.model_copy(update={"task_set": task_set})
    return Matcher(matcher.engine, matcher.pair_encoder, matching)


def _asked(pairs, **more):
    return {"pairs": [{"text0": a, "text1": b} for a, b in pairs], **more}


def test_the_service_scores_as_the_matcher_does(http_service, windowed):
    client = http_service(windowed, max_batch_tokens=300)
    reply = client.post("/v1/score", json=_asked(PAIRS)).json()
    for name in windowed.matching.task_set.names:
        scores = [result["scores"][name] for result in reply["results"]]
        np.testing.assert_array_equal(np.float32(scores), windowed.score(PAIRS, task=name))
    decided = client.post("/v1/decide", json=_asked(PAIRS, tasks=["ssB", "ssA"])).json()
    for name in ("ssA", "ssB"):
        matches = [result["tasks"][name]["match"] for result in decided["results"]]
        assert matches == windowed.decide(PAIRS, task=name).tolist()
    # What only a window of the end shows: the second text is a part of the first.
    assert windowed.score(PAIRS, task="ssA")[1] > windowed.score(PAIRS, task="slA")[1]


def test_tokens_are_counted_once_and_only_unread_ones_are_cut(http_service, windowed):
    reply = http_service(windowed).post("/v1/decide", json=_asked(PAIRS[1:2], tasks=["ssA", "ssB", "slA"])).json()
    tasks = reply["results"][0]["tasks"]
    assert (tasks["ssA"]["tokens"], tasks["ssA"]["cut"]) == ([700, 60], [0, 0])
    # Of the first text a window holds 126 and the 66 that the second leaves.
    assert (tasks["ssB"]["tokens"], tasks["ssB"]["cut"]) == ([2 * 192, 60], [700 - 2 * 192, 0])
    assert (tasks["slA"]["tokens"], tasks["slA"]["cut"]) == ([192, 60], [508, 0])


def test_the_windows_of_a_task_are_told(http_service, windowed):
    tasks = {task["name"]: task for task in http_service(windowed).get("/v1/tasks").json()["tasks"]}
    assert tasks["ssA"]["budget"]["windows"] == {"pool": "max", "at_most": 8, "overlap": 0.25}
    assert "windows" not in tasks["slA"]["budget"]


def test_a_text_read_in_windows_is_not_too_long_to_rank(http_service, windowed):
    client, asked = http_service(windowed), {"query": "一丁七", "texts": [LONG], "truncate": False}
    assert client.post("/rerank?task=ssA", json=asked).status_code == 200
    assert client.post("/rerank?task=slA", json=asked).status_code == 413


def test_windows_count_for_the_queue(http_service, windowed):
    client = http_service(windowed, max_queue_tokens=1000)
    assert client.post("/v1/score", json=_asked(PAIRS[1:2], tasks=["slA"])).status_code == 200
    refused = client.post("/v1/score", json=_asked(PAIRS[1:2], tasks=["ssA"]))
    assert refused.status_code == 413
    assert "2,048 tokens" in refused.text
