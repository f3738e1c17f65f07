import pytest

from yanmo.standard.explain import explain

TEXTS = ("一丁七万丈三上下不与", "一丁七万丈三上下不丏")


def test_the_service_explains_as_the_matcher_does(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    client = http_service()
    for task in ("ssA", "ssB"):
        reply = client.post("/v1/explain", json={"text0": TEXTS[0], "text1": TEXTS[1], "task": task}).json()
        found = explain(matcher, *TEXTS, task=task)
        assert (reply["match"], reply["turns"]) == (found.accepted, found.turns)
        assert reply["probability"] == pytest.approx(found.probability)
        assert reply["probability_without"] == pytest.approx(found.best.probability)
        assert reply["threshold"] == found.threshold
        assert reply["scores"] == found.n_scores <= 10
        assert [word["text"] for word in reply["words"]] == list(found.best.words)
        for word in reply["words"]:
            assert TEXTS[word["side"]][word["start"] : word["end"]] == word["text"]
    assert client.log_lines()[-1]["pairs"] == found.n_scores


def test_numbers_that_differ_are_told(http_service):
    reply = http_service().post("/v1/explain", json={"text0": "花了500元", "text1": "花了300元", "task": "ssA"}).json()
    assert reply["differences"] == [{"kind": "number", "title": "数字", "text0": "500元", "text1": "300元"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text0": "", "text1": "", "task": "ssA"}, 200),
        ({"text0": "一", "text1": "一", "task": "ssA"}, 200),
        ({"text0": "一", "text1": "丁", "task": "law"}, 422),
        ({"text0": "一", "text1": "丁"}, 422),
        ({"text0": "一", "text1": "丁", "task": "ssA", "n": 3}, 422),
        ({"text0": ["一"], "text1": "丁", "task": "ssA"}, 422),
    ],
)
def test_what_cannot_be_explained_is_answered_in_words(http_service, body, status):
    reply = http_service().post("/v1/explain", json=body)
    assert reply.status_code == status
    assert status == 200 or reply.json()["error"]["message"]


def test_the_key_is_asked_for(http_service):
    body = {"text0": "一", "text1": "丁", "task": "ssA"}
    assert http_service(key=b"secret").post("/v1/explain", json=body).status_code == 401
