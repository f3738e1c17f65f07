"""Requests of a few megabytes that ask for unbounded work, and connections that hold what others need."""

import json
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from yanmo.data import Budget, Windows
from yanmo.serve.http.hosts import is_expected_host
from yanmo.serve.http.queue.encoding import TextEncoding
from yanmo.serve.http.queue.readable import n_characters, readable_part

GOOD = {"pairs": [{"text0": "一丁", "text1": "一"}], "tasks": ["ssA"]}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "status", "named"),
    [
        ("/v1/score", {"pairs": [1] * 100_000}, 413, "100,000 pairs, the limit is 1,000"),
        ("/rerank", {"query": "一", "texts": [1] * 100_000}, 413, "100,000 pairs"),
        ("/v2/rerank", {"query": "一", "documents": [1] * 100_000}, 413, "100,000 pairs"),
        ("/v1/score", GOOD | {"tasks": ["ssA"] * 100_000}, 413, "tasks has 100,000 items"),
        ("/v1/rerank", {"query": "一", "documents": ["一"], "rank_fields": ["a"] * 100_000}, 413, "rank_fields"),
        ("/v1/score", GOOD | {f"x{i}": i for i in range(100_000)}, 422, "unknown field x0"),
        ("/v1/score", {"pairs": [{f"x{i}": i for i in range(100_000)}]}, 422, "(and 2 more)"),
    ],
)
def test_what_is_wrong_a_hundred_thousand_times_is_told_once(http_service, monkeypatch, path, body, status, named):
    from fastapi import exceptions

    seen = []
    tell = exceptions.RequestValidationError.errors
    monkeypatch.setattr(
        exceptions.RequestValidationError, "errors", lambda error: seen.append(len(tell(error))) or tell(error)
    )
    refused = http_service().post(path, content=json.dumps(body).encode(), headers=JSON)
    assert refused.status_code == status
    assert named in refused.json()["detail"]
    assert max(seen, default=0) <= 3


def test_a_field_named_often_is_read_once(http_service):
    client = http_service(max_queue_tokens=100)
    asked = {"query": "一", "documents": [{"text": "一丁", "title": "七"}]}
    once = client.post("/v1/rerank", json=asked | {"rank_fields": ["title", "text"]})
    often = client.post("/v1/rerank", json=asked | {"rank_fields": ["title", *["text"] * 999]})
    assert once.status_code == 200
    assert often.json() == once.json()


LONG = "".join(chr(0x4E00 + i * 7 % 900) for i in range(60_000))


@pytest.mark.parametrize(
    "budget", [Budget(), Budget(head=0.0), Budget(windows=Windows(pool="max", at_most=8, overlap=0.25))]
)
@pytest.mark.parametrize("pair", [(LONG, "一丁"), ("一丁", LONG), (LONG, LONG[::-1])])
def test_a_long_text_is_read_as_if_all_of_it_were_encoded(overlap_matcher, portal, budget, pair):
    matcher, _ = overlap_matcher
    tasks = tuple(task.model_copy(update={"budget": budget}) for task in matcher.matching.task_set.tasks)
    task_set = matcher.matching.task_set.model_copy(update={"tasks": tasks})
    matcher.matching = matcher.matching.model_copy(update={"task_set": task_set})
    encode, seen = matcher.pair_encoder.tokenizer.encode_batch, []
    matcher.pair_encoder.tokenizer.encode_batch = lambda texts: seen.extend(map(len, texts)) or encode(texts)
    whole = matcher.rows([pair], tasks=["ssA"])
    seen.clear()
    encoding = TextEncoding(matcher)
    part = portal.call(encoding.rows, [pair], ["ssA"])
    encoding.close()
    for one, other in zip(whole.rows, part.rows, strict=True):
        np.testing.assert_array_equal(one.token_ids, other.token_ids)
    assert part.pairs[0][0].n_read == whole.pairs[0][0].n_read
    assert part.pairs[0][0].n_cut == whole.pairs[0][0].n_cut
    # Sixteen characters from either end for each token of 256, in each of 1 or 8 windows.
    assert max(seen) <= 2 * 16 * 256 * (8 if budget.windows else 1)


@pytest.fixture
def portal():
    anyio = pytest.importorskip("anyio.from_thread")
    with anyio.start_blocking_portal() as started:
        yield started


def test_two_bodies_of_millions_of_characters_are_read_as_far_as_the_budgets(http_service, overlap_matcher):
    """What keeps a short request from waiting: of 2.5 million characters the encoding threads see a few thousand."""
    matcher, _ = overlap_matcher
    encode, seen = matcher.pair_encoder.tokenizer.encode_batch, []
    matcher.pair_encoder.tokenizer.encode_batch = lambda texts: seen.extend(map(len, texts)) or encode(texts)
    client = http_service()
    short = {"query": "一丁", "texts": ["一"]}
    expected = client.post("/rerank", json=short).json()
    huge = json.dumps({"query": "一丁", "texts": [(LONG * 42)[:2_500_000]]}, ensure_ascii=False).encode()
    assert len(huge) > 7_500_000
    with ThreadPoolExecutor(3) as pool:
        both = [pool.submit(client.post, "/rerank", content=huge, headers=JSON) for _ in range(2)]
        assert pool.submit(client.post, "/rerank", json=short).result().json() == expected
        assert [each.result().status_code for each in both] == [200, 200]
    # Sixteen characters from either end for each of at most 512 tokens; the rest are the short texts.
    assert sum(seen) <= 2 * 2 * 16 * 512 + 100


def test_characters_that_become_many_are_counted_as_many():
    assert n_characters("ﷺ" * 10, at_most=100) == 180
    for text in ("ﷺ" * 10_000, "天" * 100 + "ﷺ" * 10_000, "ﷺ" * 100, "①㍿" * 5000):
        part = readable_part(text, n_tokens=10)
        assert 160 <= len(unicodedata.normalize("NFKC", part)) <= 320
        assert (part[0], part[-1]) == (text[0], text[-1])
    assert readable_part("ﷺ" * 17, n_tokens=10) == "ﷺ" * 17  # 306 of the 320


def test_the_queue_is_told_of_characters_that_become_many(http_service):
    client = http_service(max_queue_tokens=100)
    refused = client.post("/v1/score", json={"pairs": [{"text0": "ﷺ" * 10, "text1": "一"}], "tasks": ["ssA"]})
    assert refused.status_code == 413
    assert "185 tokens" in refused.json()["detail"]  # 10 * 18 + 1 + 4


def test_requests_take_turns_at_being_encoded(overlap_matcher, portal):
    import asyncio

    matcher, _ = overlap_matcher
    rows, order = matcher.rows, []
    matcher.rows = lambda pairs, tasks: order.append(pairs[0][1]) or rows(pairs, tasks=tasks)
    encoding = TextEncoding(matcher)

    async def both():
        large = asyncio.ensure_future(encoding.rows([("一" * 5000, "丁")] * 100, ["ssA"]))
        await asyncio.sleep(0)
        await encoding.rows([("一", "七")], ["ssA"])
        n_slices = order.count("丁")
        return n_slices, len((await large).pairs)

    n_before, n_readings = portal.call(both)
    encoding.close()
    # 500,000 characters are 15 slices; the small request waited for no more than those under way.
    assert order.count("丁") == 15
    assert n_before <= 3
    assert n_readings == 100


@pytest.mark.parametrize(
    ("host", "is_taken"),
    [
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("10.0.0.7", True),
        ("localhost", True),
        ("LOCALHOST.:80", True),
        ("a.localhost", True),
        ("ranker:8000", True),
        ("", True),
        ("evil.example:8000", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("ranker.evil.example", False),
    ],
)
def test_only_expected_names_are_answered(host, is_taken):
    assert is_expected_host(host, frozenset({"ranker"})) == is_taken


def test_a_page_whose_name_was_made_to_point_here_gets_no_answer(http_service):
    client = http_service(host_names=frozenset())
    for path in ("/v1/tasks", "/", "/healthz"):
        refused = client.get(path, headers={"Host": "evil.example:8000"})
        assert refused.status_code == 421
        assert "--host-name" in refused.json()["error"]["fix"]
        assert client.get(path, headers={"Host": "127.0.0.1:8000"}).status_code == 200
    assert http_service().get("/healthz", headers={"Host": "evil.example"}).status_code == 200


def test_a_body_with_two_lengths_is_refused(http_service):
    body = json.dumps(GOOD).encode()
    both = {**JSON, "Content-Length": str(len(body)), "Transfer-Encoding": "chunked"}
    refused = http_service().post("/v1/score", content=body, headers=both)
    assert refused.status_code == 400
    assert "Transfer-Encoding" in refused.json()["detail"]
