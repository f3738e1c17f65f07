import numpy as np
import pytest

from yanmo.data import TaskSet
from yanmo.match import Matcher
from yanmo.tokenize import TextNormalization

PAIRS = [("一丁七", "一丁万丈"), ("三上下", "不与丐"), ("", "丑"), ("专且", "专且")]
# As many characters as tokens: the stand-in's vocabulary is of characters.
LONG = "".join(chr(0x4E00 + i % 900) for i in range(700))


def _asked(pairs, **more):
    return {"pairs": [{"text0": a, "text1": b} for a, b in pairs], **more}


def test_tasks_are_the_models(http_service, overlap_matcher):
    reply = http_service().get("/v1/tasks").json()
    assert reply["model"] == "overlap"
    known = TaskSet.load("sohu").tasks
    assert [task["name"] for task in reply["tasks"]] == [task.name for task in known]
    strict = reply["tasks"][1]
    assert strict == {
        "name": "ssB",
        "title": known[1].title,
        "standard": "B",
        "implies": "ssA",
        "group": "",
        "asks": known[1].asks,
        "symmetric": True,
        "details": [],
        "first": "source",
        "second": "target",
        "threshold": 0.6,  # the fixture's; the others were never fitted
        "budget": {"left": 128, "right": 128, "head": 0.75},
    }
    assert reply["tasks"][0]["implies"] is None
    assert reply["tasks"][0]["threshold"] == 0.5


def test_scores_are_the_matchers_under_every_task(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    reply = http_service().post("/v1/score", json=_asked(PAIRS)).json()
    assert [list(result["scores"]) for result in reply["results"]] == [list(matcher.matching.task_set.names)] * 4
    for name in matcher.matching.task_set.names:
        scores = [result["scores"][name] for result in reply["results"]]
        np.testing.assert_array_equal(np.float32(scores), matcher.score(PAIRS, task=name))


def test_only_the_tasks_asked_for_in_the_order_asked_for(http_service):
    reply = http_service().post("/v1/score", json=_asked(PAIRS[:1], tasks=["llB", "ssA", "llB"])).json()
    assert list(reply["results"][0]["scores"]) == ["llB", "ssA"]


def test_decisions_are_the_matchers(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    reply = http_service().post("/v1/decide", json=_asked(PAIRS, tasks=["ssA", "ssB"])).json()
    for name, threshold in (("ssA", 0.5), ("ssB", 0.6)):
        found = [result["tasks"][name] for result in reply["results"]]
        assert [each["match"] for each in found] == matcher.decide(PAIRS, task=name).tolist()
        np.testing.assert_array_equal(
            np.float32([each["probability"] for each in found]), matcher.score(PAIRS, task=name)
        )
        assert {each["threshold"] for each in found} == {threshold}
    assert {each["tasks"]["ssA"]["match"] for each in reply["results"]} == {True, False}


def test_tokens_seen_and_cut_are_those_of_the_texts(http_service):
    asked = _asked([("一丁七", "丈"), (LONG, "一丁"), (LONG, LONG)], tasks=["ssA", "slA"])
    found = http_service().post("/v1/decide", json=asked).json()["results"]
    assert found[0]["tasks"]["ssA"] | {"probability": 0, "threshold": 0, "match": 0} == {
        "probability": 0,
        "threshold": 0,
        "match": 0,
        "tokens": [3, 1],
        "cut": [0, 0],
    }
    # 128 and 128 tokens, two of each special; the second text leaves 124 of its own to the first.
    assert found[1]["tasks"]["ssA"]["tokens"] == [126 + 124, 2]
    assert found[1]["tasks"]["ssA"]["cut"] == [700 - 250, 0]
    assert found[2]["tasks"]["ssA"]["tokens"] == [126, 126]
    assert found[2]["tasks"]["slA"]["tokens"] == [126, 382]
    assert found[2]["tasks"]["slA"]["cut"] == [574, 318]


def test_the_bundled_matcher_serves_what_it_scores(http_service):
    matcher = Matcher.default(n_threads=1)
    client = http_service(matcher)
    pairs = [("巴萨获胜", "巴塞罗那赢球"), ("地铁四号线延长", "明天有雨" * 40), ("", "空")]
    reply = client.post("/v1/score", json=_asked(pairs)).json()
    for name in matcher.matching.task_set.names:
        scores = [result["scores"][name] for result in reply["results"]]
        # Activations in eight bits are rounded a little otherwise in other company.
        np.testing.assert_allclose(scores, matcher.score(pairs, task=name), atol=5e-3)
    counts = client.post("/v1/decide", json=_asked(pairs, tasks=["ssA"])).json()["results"]
    tokenizer = matcher.pair_encoder.tokenizer
    for (a, b), found in zip(pairs, counts, strict=True):
        each = found["tasks"]["ssA"]
        for text, seen, cut in zip((a, b), each["tokens"], each["cut"], strict=True):
            # The prefix may share its last token with the text.
            assert seen + cut == pytest.approx(len(tokenizer.encode(text).token_ids), abs=1)


def test_every_pair_of_a_long_request_comes_back_in_order(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    rng = np.random.default_rng(0)
    characters = [chr(code) for code in range(0x4E00, 0x4E20)]
    pairs = [tuple("".join(rng.choice(characters, size=rng.integers(1, 60))) for _ in "ab") for _ in range(300)]
    reply = http_service(max_batch_tokens=512).post("/v1/score", json=_asked(pairs, tasks=["ssA"])).json()
    scores = [result["scores"]["ssA"] for result in reply["results"]]
    np.testing.assert_array_equal(np.float32(scores), matcher.score(pairs, task="ssA"))


def test_a_decision_says_what_the_vocabulary_lacks_and_that_nothing_was_there(http_service, overlap_matcher):
    plain, _ = overlap_matcher
    matcher = plain.with_normalization(TextNormalization())
    pairs = [("一丁", "一\u200b丁"), ("一🍎丁", "一丁"), ("\u200b", " ")]
    found = http_service(matcher).post("/v1/decide", json=_asked(pairs, tasks=["ssB"])).json()["results"]
    same, unknown, blank = (each["tasks"]["ssB"] for each in found)
    assert "unknown" not in same
    assert "blank" not in same
    assert same["match"]
    assert unknown["unknown"] == [1, 0]
    assert blank["blank"] is True
    assert (blank["probability"], blank["match"]) == (0.0, False)
    scores = http_service(matcher).post("/v1/score", json=_asked(pairs, tasks=["ssA"])).json()["results"]
    assert scores[2] == {"scores": {"ssA": 0.0}}


def test_a_decision_says_in_which_detail_texts_differ_that_must_agree(http_service, overlap_matcher):
    plain, _ = overlap_matcher
    matcher = plain.with_details(["number", "negation"], task="ssB")
    pairs = [("丁丈不丐三人", "丁丈不丐五人"), ("丁丈不丐三人", "丁丈不丐三人")]
    client = http_service(matcher)
    first, second = (each["tasks"] for each in client.post("/v1/decide", json=_asked(pairs)).json()["results"])
    assert first["ssB"]["differs"] == ["数字 三人→五人"]
    assert (first["ssB"]["probability"], first["ssB"]["match"]) == (0.0, False)
    assert first["ssA"]["probability"] > 0
    assert "differs" not in first["ssA"]
    assert "differs" not in second["ssB"]
    assert client.get("/v1/tasks").json()["tasks"][1]["details"] == ["number", "negation"]
    body = {"query": pairs[0][0], "documents": [pairs[0][1], pairs[1][1]], "task": "ssB"}
    assert [each["index"] for each in client.post("/v1/rerank", json=body).json()["results"]] == [1, 0]


def test_where_a_standard_is_too_unsure_the_service_says_ask(http_service, overlap_matcher):
    matcher, _ = overlap_matcher
    chances = matcher.score(PAIRS, task="ssA").tolist()
    asks = {"ask_above": 0.0, "ask_below": max(chances), "ask_share": 0.5}
    kept = matcher.matching.decision("ssA").model_copy(update=asks)
    matcher.matching = matcher.matching.with_decision("ssA", kept)
    service = http_service()
    known = {task["name"]: task for task in service.get("/v1/tasks").json()["tasks"]}
    assert (known["ssA"]["ask_above"], known["ssA"]["ask_below"]) == (0.0, max(chances))
    assert "ask_above" not in known["slA"]
    reply = service.post("/v1/decide", json=_asked(PAIRS, tasks=["ssA", "slA"])).json()
    found = [result["tasks"]["ssA"].get("ask", False) for result in reply["results"]]
    assert found == [chance < max(chances) for chance in chances]
    assert True in found
    assert not any("ask" in result["tasks"]["slA"] for result in reply["results"])
