"""The routes of a labelling: questions, answers, what is refused, and learning while questions go on."""

import csv
import io
import itertools
import time

import pytest

testclient = pytest.importorskip("starlette.testclient")

TEXTS = ["".join(each) for each in itertools.permutations("一丁七", 2)]
POOL = [(a, b) for i, a in enumerate(TEXTS) for b in TEXTS[i:]]


@pytest.fixture
def service(overlap_matcher, tmp_path):
    """Starts the service with a labelling; leaving one ends it, as a restart would."""
    from yanmo.serve.http.app import build_app
    from yanmo.serve.http.labelling import LabelService
    from yanmo.serve.http.log import RequestLog
    from yanmo.standard.label.answers import Answers
    from yanmo.standard.label.session import Labelling

    running = []

    def stop():
        while running:
            client, answers = running.pop()
            client.__exit__(None, None, None)
            answers.close()

    def start(pool=POOL, key=None):
        stop()
        answers = Answers(tmp_path / "labelled.csv")
        labelling = Labelling.of(overlap_matcher[0], pool, answers, task="同字")
        app = build_app(
            overlap_matcher[0],
            model_name="overlap",
            log=RequestLog(io.StringIO()),
            api_key=key,
            labelling=LabelService(labelling, asks="两段的字相同"),
        )
        client = testclient.TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        running.append((client, answers))
        return client

    yield start
    stop()


def is_match(question):
    return int(set(question["text0"]) == set(question["text1"]))


def answer(client, state):
    question = state["question"]
    reply = client.post("/v1/label/answer", json={"place": question["place"], "label": is_match(question)})
    assert reply.status_code == 200, reply.text
    return reply.json()


def rows(tmp_path):
    with (tmp_path / "labelled.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_answer_is_on_the_disk_when_the_reply_comes(service, tmp_path):
    client = service()
    state = client.get("/v1/label").json()
    assert (state["task"], state["asks"], state["out"], state["answers"]) == ("同字", "两段的字相同", "labelled.csv", 0)
    for n in range(1, 6):
        question, state = state["question"], answer(client, state)
        assert state["answers"] == n
        last = rows(tmp_path)[-1]
        assert (last["text1"], last["text2"], last["label"]) == (
            question["text0"],
            question["text1"],
            str(is_match(question)),
        )


def test_undo_and_later(service, tmp_path):
    client = service()
    first = client.get("/v1/label").json()
    assert client.post("/v1/label/undo", json={}).json()["answers"] == 0
    second = answer(client, first)
    undone = client.post("/v1/label/undo", json={}).json()
    assert (undone["question"], rows(tmp_path)) == (first["question"], [])
    later = client.post("/v1/label/later", json={"place": first["question"]["place"]}).json()
    assert later["question"]["place"] not in (first["question"]["place"],)
    assert later["left"] == undone["left"] - 1
    assert second["answers"] == 1


def test_it_learns_beside_the_questions_and_goes_on_after_a_restart(service):
    client = service()
    state = client.get("/v1/label").json()
    for _ in range(12):
        state = answer(client, state)
    deadline = time.monotonic() + 30
    while (state := client.get("/v1/label").json())["learning"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [each["answers"] for each in state["curve"]] == [10]
    again = service().get("/v1/label").json()
    assert (again["answers"], again["left"]) == (12, len(POOL) - 12)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("answer", {"place": 999, "label": 1}, 422),
        ("answer", {"place": 0, "label": 2}, 422),
        ("answer", {"place": 0}, 422),
        ("answer", {"place": -1, "label": 1}, 422),
        ("later", {"place": "x"}, 422),
        ("answer", {"place": 0, "label": 1, "more": 1}, 422),
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_is_written(service, tmp_path, path, body, status):
    assert service().post(f"/v1/label/{path}", json=body).status_code == status
    assert rows(tmp_path) == []


def test_the_same_question_answered_twice_counts_once(service, tmp_path):
    client = service()
    first = client.get("/v1/label").json()
    answer(client, first)
    reply = client.post("/v1/label/answer", json={"place": first["question"]["place"], "label": 0})
    assert reply.status_code == 422
    assert "none that is open" in reply.json()["error"]["message"]
    assert len(rows(tmp_path)) == 1


def test_it_asks_for_the_key_that_the_service_asks_for(service):
    client = service(key=b"secret")
    assert client.get("/v1/label").status_code == 401
    assert client.get("/v1/label", headers={"Authorization": "Bearer secret"}).status_code == 200
    assert client.get("/label.html").status_code == 200


def test_a_service_without_labelling_has_no_such_address(http_service):
    assert http_service().get("/v1/label").status_code == 404
