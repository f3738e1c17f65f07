"""Bodies in the shapes that Dify, RAGFlow and FastGPT send, and what these applications take from the answers."""

import pytest

from yanmo.serve.http.settings import ServiceSettings

QUERY = "一丁七万"
TEXTS = ["不与丐丑", "一丁七万", "一丁"]
ORDER = [1, 2, 0]
JINA = {"model": "bge-reranker-v2-m3", "query": QUERY, "documents": TEXTS}

# Address, body, and how each of them reads one result and the tokens: (index, score, text), (tokens).
_JINA = {
    "Dify, OpenAI-API-compatible": ("/v1/rerank", JINA | {"top_n": 3, "return_documents": True}),
    "Dify, Jina and LocalAI": ("/rerank", JINA | {"top_n": None}),
    "Dify, Xinference": (
        "/v1/rerank",
        JINA | {"top_n": 3, "max_chunks_per_doc": None, "return_documents": True, "return_len": None, "kwargs": "{}"},
    ),
    "Dify, SiliconFlow": ("/v1/rerank", JINA | {"top_n": 3, "return_documents": True}),
    "RAGFlow, Jina and OpenAI-API-compatible": ("/rerank", JINA | {"top_n": 3}),
    # Words for truth values, as this client writes them.
    "RAGFlow, Xinference": ("/v1/rerank", JINA | {"return_documents": "true", "return_len": "true"}),
    "RAGFlow, SiliconFlow": (
        "/v1/rerank",
        JINA | {"top_n": 3, "return_documents": False, "max_chunks_per_doc": 1024, "overlap_tokens": 80},
    ),
    "RAGFlow, GPUStack": ("/v1/rerank", JINA | {"top_n": 3}),
    "FastGPT": ("/v1/rerank", JINA),
}
_TEI = {
    "Dify, text-embeddings-inference": {"return_text": True},
    "RAGFlow, text-embeddings-inference": {"raw_scores": False, "truncate": True},
}
_READ_TEXTS = [name for name in _JINA if name.startswith("Dify")]


@pytest.mark.parametrize("name", _JINA)
def test_applications_that_speak_jina(http_service, overlap_matcher, name):
    path, body = _JINA[name]
    reply = http_service().post(path, json=body, headers={"Authorization": "Bearer "})
    assert reply.status_code == 200, reply.text
    read = reply.json()
    assert [result["index"] for result in read["results"]] == ORDER
    scores = overlap_matcher[0].score([(QUERY, TEXTS[i]) for i in ORDER], task="slA").tolist()
    assert [result["relevance_score"] for result in read["results"]] == pytest.approx(scores)
    # Every pair has the query's tokens, the text's own, and two special ones a text.
    assert read["usage"]["total_tokens"] == sum(len(QUERY) + len(text) + 4 for text in TEXTS)
    if name in _READ_TEXTS:
        assert [result["document"]["text"] for result in read["results"]] == [TEXTS[i] for i in ORDER]


@pytest.mark.parametrize("name", _TEI)
def test_applications_that_speak_text_embeddings_inference(http_service, overlap_matcher, name):
    client = http_service()
    results = client.post("/rerank", json={"query": QUERY, "texts": TEXTS} | _TEI[name]).json()
    assert [result["index"] for result in results] == ORDER
    scores = overlap_matcher[0].score([(QUERY, TEXTS[i]) for i in ORDER], task="slA").tolist()
    assert [result["score"] for result in results] == pytest.approx(scores)
    if "return_text" in _TEI[name]:
        assert [result["text"] for result in results] == [TEXTS[i] for i in ORDER]


def test_dify_asks_what_the_model_is_before_it_ranks(http_service):
    info = http_service().get("/info", headers={"Authorization": "Bearer "}).json()
    # Its keys are the kinds of model, of which the first counts.
    assert next(iter(info["model_type"])) == "reranker"
    assert info["max_input_length"] > 0
    assert info["max_client_batch_size"] == ServiceSettings().max_pairs


def test_ragflow_pings_with_one_text_and_reads_a_refusal_where_others_put_it(http_service):
    client = http_service()
    pinged = client.post("/rerank", json={"model": "m", "query": "一", "documents": ["丁"], "top_n": 1})
    assert [result["index"] for result in pinged.json()["results"]] == [0]
    refused = client.post("/v1/rerank", json={"model": "m", "query": "一", "documents": []})
    assert refused.status_code == 422
    assert "documents" in refused.json()["detail"]
