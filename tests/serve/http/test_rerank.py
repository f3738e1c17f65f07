import json

import numpy as np
import pytest

from yanmo.errors import InputError

QUERY = "一丁七万"
# By shared characters: all, none, half, three of five.
TEXTS = ["一丁七万", "不与丐丑", "一丁", "一丁七丈"]
ORDER = [0, 3, 2, 1]


def test_texts_are_ranked_as_text_embeddings_inference_does(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    reply = http_service().post("/rerank", json={"query": QUERY, "texts": TEXTS})
    assert reply.status_code == 200
    results = reply.json()
    assert [set(result) for result in results] == [{"index", "score"}] * 4
    assert [result["index"] for result in results] == ORDER
    scores = matcher.score([(QUERY, TEXTS[i]) for i in ORDER], task="slA")
    np.testing.assert_array_equal(np.float32([result["score"] for result in results]), scores)


def test_raw_scores_are_logits_and_texts_come_back_if_asked_for(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    asked = {"query": QUERY, "texts": TEXTS, "raw_scores": True, "return_text": True, "task": "ssB"}
    results = http_service().post("/rerank", json=asked).json()
    assert [result["text"] for result in results] == [TEXTS[i] for i in ORDER]
    logits = matcher.logits([(QUERY, TEXTS[i]) for i in ORDER], task="ssB")
    np.testing.assert_array_equal(np.float32([result["score"] for result in results]), logits)


def test_truncate_false_refuses_what_would_be_cut(http_service):
    client = http_service()
    asked = {"query": QUERY, "texts": ["一" * 600, "一"]}
    assert client.post("/rerank", json=asked).status_code == 200
    assert client.post("/rerank", json=asked | {"truncate": True}).status_code == 200
    refused = client.post("/rerank", json=asked | {"truncate": False})
    assert refused.status_code == 413
    assert refused.json()["error"]["message"].startswith("1 of the texts")
    assert client.post("/rerank", json={"query": QUERY, "texts": ["一"], "truncate": False}).status_code == 200


def test_documents_are_ranked_as_jina_and_cohere_do(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    documents = [TEXTS[0], {"text": TEXTS[1]}, TEXTS[2], {"text": TEXTS[3]}]
    asked = {"model": "overlap", "query": QUERY, "documents": documents, "top_n": 3}
    reply = http_service().post("/v1/rerank", json=asked).json()
    assert set(reply) == {"model", "results", "usage"}
    assert [result["index"] for result in reply["results"]] == ORDER[:3]
    assert [result["document"] for result in reply["results"]] == [{"text": TEXTS[i]} for i in ORDER[:3]]
    scores = matcher.score([(QUERY, TEXTS[i]) for i in ORDER[:3]], task="slA")
    np.testing.assert_array_equal(np.float32([r["relevance_score"] for r in reply["results"]]), scores)
    # Four pairs: the query's four tokens, their own, and two special ones a text.
    assert reply["usage"] == {"total_tokens": 4 * (4 + 4) + sum(map(len, TEXTS))}


def test_documents_stay_away_if_not_wanted(http_service):
    asked = {"query": QUERY, "documents": TEXTS, "return_documents": False}
    results = http_service().post("/v1/rerank", json=asked).json()["results"]
    assert [set(result) for result in results] == [{"index", "relevance_score"}] * 4


def test_equal_candidates_keep_their_order(http_service):
    results = http_service().post("/rerank", json={"query": QUERY, "texts": ["丑", "丑", "一", "丑"]}).json()
    assert [result["index"] for result in results] == [2, 0, 1, 3]


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
def test_the_task_is_the_addresss_the_bodys_or_the_services(http_service, overlap_matcher, path):
    matcher, _ = overlap_matcher
    client = http_service(task="llB")
    texts, key = ("texts", "score") if path == "/rerank" else ("documents", "relevance_score")

    def score(address, **more):
        reply = client.post(address, json={"query": QUERY, texts: [TEXTS[2]], **more}).json()
        return np.float32((reply if path == "/rerank" else reply["results"])[0][key])

    expected = {name: matcher.score([(QUERY, TEXTS[2])], task=name)[0] for name in ("ssA", "ssB", "llB")}
    assert len(set(expected.values())) == 3
    assert score(path) == expected["llB"]
    assert score(f"{path}?task=ssB") == expected["ssB"]
    assert score(path, task="ssA") == expected["ssA"]
    assert score(f"{path}?task=ssA", task="ssA") == expected["ssA"]
    for address, more in ((f"{path}?task=ssA", {"task": "ssB"}), (f"{path}?task=nonsense", {})):
        assert client.post(address, json={"query": QUERY, texts: TEXTS, **more}).status_code == 422


@pytest.mark.parametrize(
    ("path", "more", "status", "named"),
    [
        ("/rerank", {"truncation_direction": "Up"}, 422, "truncation_direction"),
        ("/rerank", {"truncation_direction": "Left", "texts": ["一" * 600]}, 413, "truncation_direction"),
        ("/rerank", {"documents": ["一"]}, 422, "documents"),
        ("/rerank", {"texts": []}, 422, "texts"),
        ("/rerank", {"texts": ["一", None]}, 422, "texts[1]"),
        ("/v1/rerank", {"instruction": "一"}, 422, "unknown field instruction"),
        ("/v1/rerank", {"truncation": False, "documents": ["一" * 600]}, 413, "truncation is false"),
        ("/v2/rerank", {"query": None}, 422, "query"),
        ("/v1/rerank", {"documents": ["一", None]}, 422, "documents[1] is neither"),
        ("/v1/rerank", {"documents": ["一", {"text": "\ud800"}]}, 422, "documents[1] holds half"),
        ("/v1/rerank", {"top_n": 0}, 422, "top_n"),
        ("/v1/rerank", {"documents": [{"title": "一"}]}, 422, "documents[0]"),
    ],
)
def test_what_cannot_be_honored_is_refused(http_service, path, more, status, named):
    whole = {"query": QUERY, "texts" if path == "/rerank" else "documents": TEXTS}
    # Python's own form, in which half of a surrogate pair has a spelling.
    body, headers = json.dumps(whole | more).encode(), {"Content-Type": "application/json"}
    refused = http_service().post(path, content=body, headers=headers)
    assert refused.status_code == status
    assert named in refused.json()["error"]["message"]
    assert refused.json()["error"]["fix"]


def test_a_service_does_not_start_with_an_unknown_task(http_service):
    with pytest.raises(InputError, match=r"unknown task 'xx'.*ssA, ssB"):
        http_service(task="xx")
