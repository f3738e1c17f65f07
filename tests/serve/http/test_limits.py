import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

GOOD = {"pairs": [{"text0": "一丁", "text1": "一"}], "tasks": ["ssA"]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def held(overlap_matcher):
    """The overlap matcher with an engine that waits until it is let go, and counts its calls."""
    matcher, _ = overlap_matcher
    score = matcher.engine.logits
    matcher.calls, matcher.started, matcher.gate = [], threading.Event(), threading.Event()

    def logits(pairs, tasks):
        matcher.calls.append(len(pairs))
        matcher.started.set()
        assert matcher.gate.wait(10)
        return score(pairs, tasks)

    matcher.engine.logits = logits
    yield matcher
    matcher.gate.set()


def _queued(client):
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("yanmo_queue_tokens "))


def _until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_concurrent_requests_are_scored_in_one_batch(http_service, held):
    client = http_service(held)
    texts = [chr(0x4E00 + i) * 3 + " " for i in range(8)]  # the space counts until the text is encoded
    asked = [{"pairs": [{"text0": text, "text1": text[0] + "丁"}], "tasks": ["ssA", "ssB"]} for text in texts]
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(client.post, "/v1/score", json=GOOD)
        assert held.started.wait(10)
        others = [pool.submit(client.post, "/v1/score", json=each) for each in asked]
        # The first row, and of the others, once all have entered, two rows each: three tokens, two tokens and two
        # special ones a text.
        _until(lambda: _queued(client) == (3 + 4) + 8 * 2 * (5 + 4))
        held.gate.set()
        replies = [future.result().json() for future in others]
        assert first.result().status_code == 200
    assert held.calls == [1, 16]
    for reply, text in zip(replies, texts, strict=True):
        for task in ("ssA", "ssB"):
            expected = held.score([(text, text[0] + "丁")], task=task)[0]
            assert np.float32(reply["results"][0]["scores"][task]) == expected


def test_a_full_queue_answers_429_and_when_to_come_back(http_service, held):
    client = http_service(held, max_queue_tokens=20)
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(client.post, "/v1/score", json=GOOD)
        assert held.started.wait(10)
        _until(lambda: _queued(client) == 7)
        asked = {"pairs": [{"text0": "一丁七万丈三", "text1": "上下不与"}], "tasks": ["ssA"]}  # may be 14 tokens
        refused = client.post("/v1/score", json=asked)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"] == {"message": "the queue is full", "fix": "try again in 1 s"}
        held.gate.set()
        assert accepted.result().status_code == 200
    assert client.post("/v1/score", json=asked).status_code == 200
    assert held.calls == [1, 1]


def test_what_takes_too_long_is_given_up_and_dropped(http_service, held):
    client = http_service(held, timeout=0.3)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/score", json=GOOD)
        assert held.started.wait(10)
        late = client.post("/v1/score", json=GOOD | {"pairs": GOOD["pairs"] * 5})
        assert late.status_code == first.result().status_code == 504
        assert "0.3 s" in late.json()["error"]["message"]
        assert "--timeout" in late.json()["error"]["fix"]
    assert _queued(client) == 0
    held.gate.set()
    assert client.post("/v1/score", json=GOOD).status_code == 200
    assert held.calls == [1, 1]  # the five never began


def test_a_client_that_leaves_takes_its_work_along(http_service, held):
    client = http_service(held)

    async def leave(body, *, sends_all=True):
        sent = []
        messages = [{"type": "http.request", "body": body, "more_body": not sends_all}]

        async def receive():
            if messages:
                return messages.pop()
            if sends_all:
                while not held.gone.is_set():
                    await asyncio.sleep(0.005)
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/score", "query_string": b"", "headers": headers}
        await client.app(scope, receive, send)
        return sent

    held.gone = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.post, "/v1/score", json=GOOD)
        assert held.started.wait(10)
        body = json.dumps(GOOD | {"pairs": GOOD["pairs"] * 5}).encode()
        leaving = pool.submit(client.portal.call, leave, body)
        _until(lambda: _queued(client) == 6 * 7)
        held.gone.set()
        assert leaving.result() == []
        assert _queued(client) == 7
        held.gate.set()
        assert first.result().status_code == 200
    assert held.calls == [1]
    # One that leaves amid its body, too.
    assert client.portal.call(lambda: leave(body[:9], sends_all=False)) == []
    assert [line["status"] for line in client.log_lines() if line["route"] == "/v1/score"] == [499, 200, 499]


def test_a_body_that_does_not_arrive_is_given_up(http_service, overlap_matcher):
    client = http_service(timeout=0.1)

    async def dawdle():
        sent, messages = [], [{"type": "http.request", "body": b"{", "more_body": True}]

        async def receive():
            if not messages:
                await asyncio.sleep(10)
            return messages.pop()

        async def send(message):
            sent.append(message)

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/score", "query_string": b"", "headers": headers}
        await client.app(scope, receive, send)
        return sent

    start, body = client.portal.call(dawdle)
    assert start["status"] == 408
    assert "0.1 s" in json.loads(body["body"])["error"]["message"]


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", "Bearer s3cret2", "Basic s3cret", "s3cret"])
def test_a_wrong_key_opens_nothing(http_service, given):
    client = http_service(key=b"s3cret")
    headers = {} if given is None else {"Authorization": given}
    for reply in (
        client.post("/v1/score", json=GOOD, headers=headers),
        client.post("/rerank", content=b"nonsense", headers=headers),
        client.get("/v1/tasks", headers=headers),
        client.get("/metrics", headers=headers),
        client.get("/openapi.json", headers=headers),
        client.get("/nowhere", headers=headers),
    ):
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer" in reply.json()["error"]["fix"]
    assert client.get("/healthz", headers=headers).status_code == 200
    assert client.get("/", headers=headers).status_code in (200, 404)


def test_the_right_key_opens_all(http_service):
    client = http_service(key=b"s3cret")
    client.headers["Authorization"] = "Bearer s3cret"
    assert client.post("/v1/score", json=GOOD).status_code == 200
    assert client.get("/metrics").status_code == 200
    locked = client.get("/openapi.json").json()
    assert locked["paths"]["/v1/score"]["post"]["security"]
    assert "security" not in locked["paths"]["/healthz"]["get"]


def test_a_key_with_characters_beyond_ascii_in_the_header_is_just_wrong(http_service):
    reply = http_service(key=b"s3cret").get("/v1/tasks", headers={"Authorization": b"Bearer \xff"})
    assert reply.status_code == 401
