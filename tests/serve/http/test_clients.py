"""Requests as the packages of other projects send them, and what those packages read in the answers."""

import gzip
import json
from urllib.parse import quote

import numpy as np
import pytest

from yanmo.data import Budget, Task, TaskSet
from yanmo.serve.http.rerank import ranking_task

QUERY = "一丁七万"
TEXTS = ["不与丐丑", "一丁七万", "一丁"]
ORDER = [1, 2, 0]
# Cohere 5, LangChain, LlamaIndex, Xinference 4, litellm 1.110, RAGFlow, SiliconFlow, Jina.
COHERE = {"model": "rerank-v3.5", "query": QUERY, "documents": TEXTS, "top_n": 2}
JINA_LIKE = [
    ("/v1/rerank", COHERE | {"return_documents": True}),
    ("/v1/rerank", {"query": QUERY, "documents": TEXTS, "max_chunks_per_doc": 3, "top_n": None}),
    ("/v1/rerank", {"model": "m", "documents": TEXTS, "query": QUERY}),
    (
        "/v1/rerank",
        {"model": "m", "documents": TEXTS, "query": QUERY, "top_n": None, "max_chunks_per_doc": None}
        | {"return_documents": None, "return_len": None, "kwargs": "{}"},
    ),
    ("/rerank", {"query": QUERY, "documents": TEXTS, "model": "m", "top_n": 2}),
    ("/v1/rerank/", COHERE | {"max_chunks_per_doc": 1024, "overlap_tokens": 80}),
    ("/v1/rerank", COHERE | {"documents": [{"text": text, "title": "丑"} for text in TEXTS], "truncation": True}),
    ("/rerank", COHERE | {"truncate_prompt_tokens": -1, "priority": 0, "user": "u"}),
]


@pytest.mark.parametrize(("path", "body"), JINA_LIKE)
def test_a_body_with_documents_is_answered_as_jina_does(http_service, path, body):
    reply = http_service().post(path, json=body)
    assert reply.status_code == 200, reply.text
    results = reply.json()["results"]
    assert [result["index"] for result in results] == ORDER[: body.get("top_n")]
    assert all(type(result["relevance_score"]) is float for result in results)
    assert [result["document"] for result in results] == [{"text": TEXTS[result["index"]]} for result in results]
    # The model that answered, whatever the body called it.
    assert reply.json()["model"] == reply.headers["yanmo-model"] == "overlap"


@pytest.mark.parametrize(
    "more", [{}, {"max_tokens_per_doc": None}, {"max_tokens_per_doc": 512, "priority": 3}, {"return_documents": True}]
)
def test_the_second_version_of_cohere_is_spoken(http_service, overlap_matcher, more):
    reply = http_service().post("/v2/rerank", json=COHERE | more).json()
    assert set(reply) == {"id", "results", "meta"}
    assert reply["meta"]["api_version"] == {"version": "2"}
    expected = overlap_matcher[0].score([(QUERY, TEXTS[i]) for i in ORDER[:2]], task="slA")
    np.testing.assert_array_equal(np.float32([result["relevance_score"] for result in reply["results"]]), expected)
    assert all(("document" in result) == ("return_documents" in more) for result in reply["results"])


@pytest.mark.parametrize("more", [{}, {"return_documents": False}, {"return_documents": True}])
def test_infinity_is_spoken_at_an_address_of_its_own(http_service, overlap_matcher, more):
    """Its requests are those of vLLM, key by key; its documents are texts, and its usage has two counts."""
    client = http_service()
    reply = client.post("/infinity/rerank", json=COHERE | more).json()
    assert set(reply) == {"object", "results", "model", "usage", "id", "created"}
    expected = overlap_matcher[0].score([(QUERY, TEXTS[i]) for i in ORDER[:2]], task="slA")
    np.testing.assert_array_equal(np.float32([result["relevance_score"] for result in reply["results"]]), expected)
    shown = [TEXTS[i] if more.get("return_documents") else None for i in ORDER[:2]]
    assert [result.get("document") for result in reply["results"]] == shown
    counted = client.post("/v1/rerank", json=COHERE).json()["usage"]["total_tokens"]
    assert reply["usage"] == {"prompt_tokens": counted, "total_tokens": counted}


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
def test_a_body_with_texts_is_answered_as_text_embeddings_inference_does(http_service, path):
    body = {"raw_scores": False, "truncation_direction": "Right", "truncate": None, "return_text": True, "top_n": 2}
    results = http_service().post(path, json=body | {"query": QUERY, "texts": TEXTS}).json()
    assert [result["index"] for result in results] == ORDER[:2]
    assert [result["text"] for result in results] == [TEXTS[i] for i in ORDER[:2]]
    # Where nothing has to be cut, it does not matter from which end.
    left = {"query": QUERY, "texts": TEXTS, "truncation_direction": "Left"}
    assert http_service().post(path, json=left).status_code == 200


def test_fields_that_are_to_be_ranked_are_joined(http_service, overlap_matcher):
    documents = [{"title": "一丁", "body": "七", "id": 3}, {"body": "丑"}]
    asked = {"query": QUERY, "documents": documents, "rank_fields": ["title", "body"]}
    results = http_service().post("/v1/rerank", json=asked).json()["results"]
    assert [result["document"]["text"] for result in results] == ["一丁\n七", "丑"]
    expected = overlap_matcher[0].score([(QUERY, "一丁\n七")], task="slA")[0]
    assert np.float32(results[0]["relevance_score"]) == expected


def test_another_models_name_is_refused_only_if_the_operator_asks_for_it(http_service):
    strict = http_service(takes_any_model=False)
    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        refused = strict.post(path, json=COHERE)
        assert refused.status_code == 404
        assert "'overlap'" in refused.json()["detail"]
        assert strict.post(path, json=COHERE | {"model": "overlap"}).status_code == 200


def test_a_ranking_says_which_texts_were_cut(http_service):
    client = http_service()
    # slA reads 128 + 384 tokens, two special ones a text; what the query leaves is lent to the text.
    texts = ["一丁", "一" * 600]
    n_cut = 600 - (512 - 4 - len(QUERY))
    by_index = {each["index"]: each for each in client.post("/rerank", json={"query": QUERY, "texts": texts}).json()}
    assert "cut" not in by_index[0]
    assert by_index[1]["cut"] == [0, n_cut]
    for path in ("/v1/rerank", "/v2/rerank"):
        results = client.post(path, json={"query": QUERY, "documents": texts}).json()["results"]
        assert {each["index"]: each.get("cut") for each in results} == {0: None, 1: [0, n_cut]}


def test_the_ranking_task_is_the_one_that_reads_most_of_the_second_text():
    def chosen(*budgets):
        tasks = tuple(Task(name=f"t{i}", budget=Budget(left=a, right=b)) for i, (a, b) in enumerate(budgets))
        return ranking_task(TaskSet(name="x", tasks=tasks))

    assert chosen((128, 128), (64, 192), (512, 512)) == "t1"
    assert chosen((128, 128), (256, 256), (256, 256)) == "t1"
    assert chosen((384, 128), (128, 128)) == "t1"
    assert chosen((64, 64)) == "t0"


def test_clients_that_look_before_they_rank_find_what_they_look_for(http_service):
    client = http_service(max_pairs=7)
    info = client.get("/info").json()
    assert list(info["model_type"]) == ["reranker"]
    assert info["max_input_length"] == 128 + 384
    assert (info["model_id"], info["max_client_batch_size"]) == ("overlap", 7)
    assert client.get("/health").json() == client.get("/healthz/").json() == {"status": "ok", "model": "overlap"}
    assert [model["id"] for model in client.get("/v1/models/").json()["data"]] == ["overlap"]


def test_a_model_is_looked_up_under_any_name_unless_the_operator_says_otherwise(http_service):
    client, strict = http_service(), http_service(takes_any_model=False)
    listed = client.get("/v1/models").json()["data"][0]
    for name in ("overlap", "bge", "BAAI/bge-reranker-v2-m3", "a b/?"):
        path = f"/v1/models/{quote(name)}"
        assert client.get(path).json() == listed
        assert strict.get(path).status_code == (200 if name == "overlap" else 404)
    # What was asked for is nobody's business who reads the log.
    assert {line["route"] for line in client.log_lines()} == {"/v1/models", "/v1/models/{name}"}


def test_who_asks_whether_a_key_is_needed_is_told_without_one(http_service):
    assert http_service().get("/v1/cluster/auth").json() == {"auth": False}
    assert http_service(key=b"s3cret").get("/v1/cluster/auth").json() == {"auth": True}


@pytest.mark.parametrize("path", ["/healthz", "/health", "/info", "/v1/models", "/v1/tasks", "/", "/openapi.json"])
def test_head_is_get_without_its_body(http_service, path):
    client = http_service()
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert client.head("/v1/score").status_code == 405


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_of_the_key_may_be_written_in_any_capitals(http_service, scheme):
    client = http_service(key=b"s3cret")
    for path in ("/v1/tasks", "/info", "/v1/models", "/v1/models/m"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": f"{scheme} s3cret"}).status_code == 200
    assert client.get("/health").status_code == 200


def _post(client, content, coding):
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    return client.post("/v1/rerank", content=content, headers=headers)


def test_a_body_may_be_packed_with_gzip(http_service):
    client, plain = http_service(max_body_bytes=1000), json.dumps(COHERE).encode()
    expected = client.post("/v1/rerank", json=COHERE).json()
    for coding in ("gzip", "x-gzip", "GZIP"):
        assert _post(client, gzip.compress(plain), coding).json() == expected
    assert _post(client, plain, "identity").json() == expected
    # What it holds counts, not how small it is packed.
    refused = _post(client, gzip.compress(b" " * 10_000_000), "gzip")
    assert (refused.status_code, "1,000 bytes" in refused.json()["detail"]) == (413, True)
    for damaged in (plain, gzip.compress(plain)[:-9], gzip.compress(plain) + b"more", b""):
        refused = _post(client, damaged, "gzip")
        assert (refused.status_code, "gzip" in refused.json()["detail"]) == (400, True)
    for coding in ("br", "deflate", "gzip, gzip"):
        refused = _post(client, plain, coding)
        assert (refused.status_code, refused.headers["accept-encoding"]) == (415, "gzip")
