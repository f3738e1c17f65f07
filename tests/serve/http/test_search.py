"""Search over HTTP: what the index itself finds, and refusals by name."""

import pytest

pytest.importorskip("starlette.testclient")


@pytest.fixture
def searching(characters, tmp_path):
    from yanmo.collection import TextIndex

    with TextIndex.opened(tmp_path / "idx", characters, task="strict") as index:
        index.add([{"id": "q1", "text": "怎么退款", "city": "天津"}, {"id": "q2", "text": "绑定银行卡"}], column="text")
    return characters, tmp_path / "idx"


def test_the_service_finds_what_the_index_finds(http_service, searching):
    from yanmo.collection import search

    matcher, folder = searching
    client = http_service(matcher, index=folder)
    answer = client.post("/v1/search", json={"queries": ["怎么退款", "银行卡"], "top": 2}).json()
    expected = search(folder, ["怎么退款", "银行卡"], matcher=matcher, task="strict", top=2)
    assert answer["task"] == "strict"
    assert [[hit["id"] for hit in hits] for hits in answer["results"]] == [
        [hit.id for hit in hits] for hits in expected
    ]
    assert answer["results"][0][0] == {
        "id": "q1",
        "text": "怎么退款",
        "probability": expected[0][0].probability,
        "match": expected[0][0].is_match,
        "columns": {"city": "天津"},
    }


@pytest.mark.parametrize(
    "body", [{}, {"queries": []}, {"queries": "退款"}, {"queries": ["退款"], "top": 0}, {"queries": ["退款"], "n": 1}]
)
def test_wrong_requests_are_refused(http_service, searching, body):
    matcher, folder = searching
    answer = http_service(matcher, index=folder).post("/v1/search", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_without_an_index_there_is_no_search(http_service):
    assert http_service().post("/v1/search", json={"queries": ["退款"]}).status_code == 404
