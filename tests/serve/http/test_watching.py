import io

import pytest

from yanmo.serve.http.log import RequestLog
from yanmo.serve.http.page import page_routes

GOOD = {"pairs": [{"text0": "一丁", "text1": "秘密"}] * 3, "tasks": ["ssA", "ssB"]}


def test_every_request_leaves_one_line_without_its_texts(http_service):
    client = http_service()
    client.post("/v1/score", json=GOOD)
    client.post("/v1/score?note=秘密", json=GOOD | {"秘密": 1})
    client.get("/秘密")
    client.request("秘密".encode().hex(), "/healthz")
    lines = client.log_lines()
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/score", 200),
        ("POST", "/v1/score", 422),
        ("GET", "other", 404),
        ("other", "/healthz", 405),
    ]
    assert [(line["pairs"], line["tokens"]) for line in lines] == [(3, 3 * 2 * (4 + 4)), (0, 0), (0, 0), (0, 0)]
    assert all(set(line) == {"time", "method", "route", "status", "ms", "pairs", "tokens"} for line in lines)
    assert all(line["time"].startswith("20") and line["ms"] >= 0 for line in lines)
    assert "秘" not in str(lines)


def test_a_log_that_nobody_reads_any_more_stops_nothing():
    stream = io.StringIO()
    log = RequestLog(stream)
    log.write(event="one")
    stream.close()
    log.write(event="two")
    log.write(event="three")


def test_metrics_count_requests_pairs_tokens_and_batches(http_service):
    client = http_service()
    for _ in range(2):
        client.post("/v1/score", json=GOOD)
    client.post("/v1/score", json={})
    values = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#"))
    assert float(values['yanmo_requests_total{method="POST",route="/v1/score",status="200"}']) == 2
    assert float(values['yanmo_requests_total{method="POST",route="/v1/score",status="422"}']) == 1
    assert float(values['yanmo_request_seconds_count{route="/v1/score"}']) == 3
    assert float(values["yanmo_pairs_total"]) == 6
    assert float(values["yanmo_tokens_total"]) == 2 * 3 * 2 * 8
    assert float(values["yanmo_batch_rows_sum"]) == 2 * 3 * 2
    assert float(values["yanmo_batch_tokens_sum"]) == 2 * 3 * 2 * 8
    assert float(values["yanmo_batch_seconds_count"]) >= 2
    assert float(values["yanmo_queue_tokens"]) == 0
    assert float(values["process_resident_memory_bytes"]) > 0


def test_two_services_in_one_process_count_apart(http_service):
    one, other = http_service(), http_service()
    one.post("/v1/score", json=GOOD)
    assert "yanmo_pairs_total 3.0" in one.get("/metrics").text
    assert "yanmo_pairs_total 0.0" in other.get("/metrics").text


def test_the_openapi_document_describes_every_address_in_two_languages(http_service):
    document = http_service().get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/tasks",
        "/v1/score",
        "/v1/decide",
        "/v1/explain",
        "/rerank",
        "/v1/rerank",
        "/v2/rerank",
        "/infinity/rerank",
        "/v1/embeddings",
        "/embed",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/cluster/auth",
        "/info",
        "/health",
        "/healthz",
        "/metrics",
    }
    for methods in document["paths"].values():
        for method in methods.values():
            assert any("一" <= ch <= "龥" for ch in method["summary"])
            assert " / " in method["summary"]
            assert method["description"]
        if "post" in methods:
            replies = methods["post"]["responses"]
            assert {"200", "400", "401", "413", "415", "422", "429", "504"} <= set(replies)
            assert replies["422"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorReply")
            assert "Retry-After" in replies["429"]["headers"]
    for name in ("PairsRequest", "TeiRequest", "JinaRequest", "EmbeddingsRequest", "TeiEmbedRequest"):
        assert document["components"]["schemas"][name]["examples"]


def test_the_examples_of_the_document_work(http_service):
    client = http_service()
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for path, name in (
        ("/v1/score", "PairsRequest"),
        ("/v1/decide", "PairsRequest"),
        ("/rerank", "TeiRequest"),
        ("/v1/rerank", "JinaRequest"),
    ):
        for example in schemas[name]["examples"]:
            assert client.post(path, json=example).status_code == 200


@pytest.fixture
def page_client():
    testclient = pytest.importorskip("starlette.testclient")
    from starlette.applications import Starlette

    def start(files):
        return testclient.TestClient(Starlette(routes=page_routes(files)))

    return start


def test_the_page_comes_with_strict_headers_and_is_not_sent_twice(page_client):
    client = page_client({"index.html": b"<p>", "page.css": b"p{}", "page.js": b"1"})
    whole = client.get("/")
    assert whole.content == b"<p>"
    assert whole.headers["content-type"] == "text/html; charset=utf-8"
    policy = whole.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert whole.headers["x-content-type-options"] == "nosniff"
    again = client.get("/", headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/page.css").headers["content-type"] == "text/css; charset=utf-8"
    assert client.get("/page.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/page.js").headers["etag"] != whole.headers["etag"]
    assert client.head("/").status_code == 200


def test_without_a_page_the_address_says_where_to_look(page_client):
    refused = page_client({}).get("/")
    assert refused.status_code == 404
    assert refused.json()["error"] == {
        "message": "this installation has no page",
        "fix": "use the addresses in /openapi.json",
    }


def test_the_page_of_this_installation_is_served(http_service):
    reply = http_service().get("/")
    assert reply.status_code == 200
    assert "研墨" in reply.text
