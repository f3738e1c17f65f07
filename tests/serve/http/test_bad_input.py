import json

import pytest

PAIR = {"text0": "一丁", "text1": "一"}
GOOD = {"pairs": [PAIR], "tasks": ["ssA"]}
JSON = {"Content-Type": "application/json"}


def _refusal(reply, status):
    """Every refusal has one shape, and says what to do."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"error", "detail"}
    error = reply.json()["error"]
    assert set(error) == {"message", "fix"}
    assert error["message"]
    assert error["fix"]
    assert reply.json()["detail"] == error["message"]
    return error


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        pytest.param(b"", 422, "the body", id="nothing"),
        pytest.param(b"{", 400, "not valid JSON", id="half of an object"),
        pytest.param(b"[" * 100_000, 400, "JSON", id="deep"),
        pytest.param(b"1" * 10_000, 400, "JSON", id="a number beyond all bounds"),
        pytest.param("一".encode("gb18030"), 400, "JSON", id="not UTF-8"),
        pytest.param(b'{"pairs": [{"text0": "\xff", "text1": ""}]}', 400, "JSON", id="a byte that is not UTF-8"),
        pytest.param(b"[]", 422, "the body", id="a list"),
        pytest.param(b"null", 422, "the body", id="null"),
        pytest.param(b"NaN", 422, "the body", id="NaN"),
        pytest.param(b"{}", 422, "pairs", id="no pairs"),
        pytest.param(b'{"pairs": []}', 422, "pairs", id="empty"),
        pytest.param(b'{"pairs": [{"text0": "\\u4e00"}]}', 422, "pairs[0].text1", id="half of a pair"),
        pytest.param(b'{"pairs": [{"text0": NaN, "text1": ""}]}', 422, "pairs[0].text0", id="NaN for a text"),
        pytest.param(b'{"pairs": [{"text0": 1, "text1": ""}]}', 422, "pairs[0].text0", id="a number for a text"),
        pytest.param(b'{"pairs": [{"text0": null, "text1": ""}]}', 422, "pairs[0].text0", id="null for a text"),
        pytest.param(b'{"pairs": [["\\u4e00", "\\u4e01"]]}', 422, "pairs[0]", id="a list for a pair"),
        pytest.param(
            b'{"pairs": [{"text0": "a", "text1": "\\ud800"}]}', 422, "half of a surrogate pair", id="lone surrogate"
        ),
        pytest.param(b'{"pairs": [], "\\ud800": 1}', 422, "", id="a field with a lone surrogate"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/score", "/v1/decide"])
def test_bad_bodies_are_refused_by_name(http_service, path, body, status, named):
    assert named in _refusal(http_service().post(path, content=body, headers=JSON), status)["message"]


def test_unknown_tasks_and_fields_are_refused_by_name(http_service):
    client = http_service()
    error = _refusal(client.post("/v1/score", json=GOOD | {"tasks": ["ssA", "ssC"]}), 422)
    assert "'ssC'" in error["message"]
    assert "ssA, ssB" in error["fix"]
    assert "tasks" in _refusal(client.post("/v1/score", json=GOOD | {"tasks": []}), 422)["message"]
    assert "task" in _refusal(client.post("/v1/score", json=GOOD | {"task": "ssA"}), 422)["message"]
    many = GOOD | {"x" * 10_000: 1}
    assert len(_refusal(client.post("/v1/score", json=many), 422)["message"]) <= 400


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_only_json_is_taken(http_service, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    reply = http_service().post("/v1/score", content=json.dumps(GOOD).encode(), headers=headers)
    assert "Content-Type: application/json" in _refusal(reply, 415)["fix"]


def test_json_may_name_its_encoding(http_service):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert http_service().post("/v1/score", content=json.dumps(GOOD).encode(), headers=headers).status_code == 200


def test_addresses_and_methods_that_do_not_exist(http_service):
    client = http_service()
    assert "/openapi.json" in _refusal(client.get("/v1/scores"), 404)["fix"]
    refused = client.get("/v1/score")
    _refusal(refused, 405)
    assert refused.headers["allow"] == "POST"


def test_a_text_of_a_megabyte_is_scored(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    long = "一丁七万丈三上下" * 45_000  # 360,000 characters, 1.08 MB
    asked = {"pairs": [{"text0": long, "text1": "一"}], "tasks": ["ssA"]}
    found = http_service().post("/v1/decide", json=asked).json()["results"][0]["tasks"]["ssA"]
    assert found["cut"] == [360_000 - 251, 0]
    assert found["probability"] == pytest.approx(float(matcher.score([(long, "一")], task="ssA")[0]))


def test_ten_thousand_pairs_are_too_many(http_service):
    error = _refusal(http_service().post("/v1/score", json={"pairs": [PAIR] * 10_000}), 413)
    assert "10,000 pairs, the limit is 1,000" in error["message"]


def test_a_body_is_refused_before_it_is_read_to_the_end(http_service):
    client = http_service(max_body_bytes=1000)
    asked = {"pairs": [{"text0": "一" * 1000, "text1": ""}]}
    assert "1,000 bytes" in _refusal(client.post("/v1/score", json=asked), 413)["message"]
    sent = []

    def chunks():
        for _ in range(50):
            sent.append(1)
            yield b" " * 100

    # Of unknown length, so only reading can tell.
    _refusal(client.post("/v1/score", content=chunks(), headers=JSON), 413)
    announced = {**JSON, "Content-Length": "9" * 5000}
    _refusal(client.post("/v1/score", content=b"{}", headers=announced), 413)


def test_a_request_larger_than_the_whole_queue_is_told_to_split(http_service):
    client = http_service(max_queue_tokens=100)
    asked = {"pairs": [{"text0": "一" * 60, "text1": "丁"}], "tasks": ["ssA", "ssB"]}
    error = _refusal(client.post("/v1/score", json=asked), 413)
    assert "130 tokens" in error["message"]  # (60 + 1 + 4) under two tasks
    assert "2 parts" in error["fix"]


def test_a_model_without_numbers_and_a_failing_one_are_errors_of_the_service(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    good = matcher.engine.logits
    client = http_service()
    matcher.engine.logits = lambda pairs, tasks: good(pairs, tasks) * float("nan")
    assert "no number" in _refusal(client.post("/v1/score", json=GOOD), 500)["message"]

    def fail(pairs, tasks):
        raise MemoryError("一丁")

    matcher.engine.logits = fail
    error = _refusal(client.post("/v1/score", json=GOOD), 500)
    assert "一丁" not in str(error)
    matcher.engine.logits = good
    assert client.post("/v1/score", json=GOOD).status_code == 200
    assert client.get("/healthz").json() == {"status": "ok", "model": "overlap"}
