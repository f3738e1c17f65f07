"""Vectors over HTTP: the matcher's own, of length 1, in the shapes that clients of OpenAI and of TEI read."""

import base64
import json
import threading

import numpy as np
import pytest

pytest.importorskip("starlette.testclient")

TEXTS = ["怎么退款", "今天天气不错", "银行卡怎么绑定"]
WIDTH = 64
BOTH = ("/v1/embeddings", "input"), ("/embed", "inputs")


def _sums(matcher, texts):
    """The vectors of `CharacterEngine` by its definition: the sum of the directions of what a text is read as."""
    tokenizer = matcher.pair_encoder.tokenizer
    ids = [[tokenizer.cls_id, *each.token_ids, tokenizer.sep_id] for each in tokenizer.encode_batch(texts)]
    return np.stack([matcher.engine._directions[each].sum(0, dtype=np.float64) for each in ids])


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def client(http_service, characters):
    return http_service(characters)


def test_every_text_has_its_vector_of_length_one(client, characters):
    reply = client.post("/v1/embeddings", json={"input": TEXTS, "model": "text-embedding-3-small"})
    assert reply.status_code == 200
    assert reply.headers["yanmo-model"] == "overlap"
    read = reply.json()
    assert set(read) == {"object", "data", "model", "usage"}
    assert (read["object"], read["model"]) == ("list", "overlap")
    assert [set(each) for each in read["data"]] == [{"object", "index", "embedding"}] * 3
    assert [(each["object"], each["index"]) for each in read["data"]] == [("embedding", i) for i in range(3)]
    found = np.array([each["embedding"] for each in read["data"]])
    np.testing.assert_allclose(found, _unit(_sums(characters, TEXTS)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    # A token a character, and two special ones a text.
    n_tokens = sum(len(text) + 2 for text in TEXTS)
    assert read["usage"] == {"prompt_tokens": n_tokens, "total_tokens": n_tokens}


def test_base64_is_of_the_same_numbers_in_little_endian(client):
    floats = client.post("/v1/embeddings", json={"input": TEXTS, "encoding_format": "float"}).json()
    packed = client.post("/v1/embeddings", json={"input": TEXTS, "encoding_format": "base64"}).json()
    assert packed["usage"] == floats["usage"]
    for one, other in zip(packed["data"], floats["data"], strict=True):
        numbers = np.frombuffer(base64.b64decode(one["embedding"], validate=True), dtype="<f4")
        np.testing.assert_array_equal(numbers, np.float32(other["embedding"]))


def test_a_dot_product_is_the_cosine_that_the_score_rises_with(client, characters):
    data = client.post("/v1/embeddings", json={"input": TEXTS}).json()["data"]
    first, second = (np.array(data[i]["embedding"]) for i in (0, 1))
    engine = characters.engine
    logit = characters.logits([(TEXTS[0], TEXTS[1])], task="loose")[0]
    assert first @ second == pytest.approx(logit / engine.steepness + engine.at, abs=1e-5)


def test_a_text_alone_has_the_vector_it_has_in_a_list(client):
    plain = client.post("/v1/embeddings", json={"input": TEXTS}).json()["data"][0]["embedding"]
    for given in (TEXTS[0], [TEXTS[0]]):
        (alone,) = client.post("/v1/embeddings", json={"input": given}).json()["data"]
        assert alone["embedding"] == pytest.approx(plain, abs=1e-6)


def test_fields_that_say_nothing_change_nothing(client):
    plain = client.post("/v1/embeddings", json={"input": TEXTS}).json()
    nothing = dict.fromkeys(("model", "encoding_format", "dimensions", "user", "task", "priority"))
    for more in (nothing, {"user": "someone"}, {"dimensions": WIDTH}, {"encoding_format": "float", "model": ""}):
        assert client.post("/v1/embeddings", json={"input": TEXTS} | more).json() == plain
    assert client.post("/v1/embeddings/", json={"input": TEXTS}).json() == plain


def test_text_embeddings_inference_is_answered_with_lists(client, characters):
    sums = _sums(characters, TEXTS)
    for more, expected in (({}, _unit(sums)), ({"normalize": True}, _unit(sums)), ({"normalize": False}, sums)):
        body = {"inputs": TEXTS, "truncate": None, "truncation_direction": "Right", "prompt_name": None} | more
        found = client.post("/embed", json=body).json()
        np.testing.assert_allclose(np.array(found), expected, rtol=1e-5, atol=1e-6)
    (alone,) = client.post("/embed/", json={"inputs": TEXTS[1]}).json()
    assert alone == pytest.approx(_unit(sums)[1].tolist(), abs=1e-6)


def test_the_examples_of_the_document_work(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for path, name in (("/v1/embeddings", "EmbeddingsRequest"), ("/embed", "TeiEmbedRequest")):
        for example in schemas[name]["examples"]:
            assert client.post(path, json=example).status_code == 200


@pytest.mark.parametrize(("path", "field"), BOTH)
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([], "empty list"),
        ([1, 2, 3], "token ids"),
        ([[1, 2], [3]], "token ids"),
        ([7] * 5000, "token ids"),
        ("", "[0] is empty"),
        (["怎么", "", " \u200b"], "[1] is empty (and 1 more)"),
        (["怎么", 3], "token ids"),
        (["怎么", {"text": "退款"}], "[1] is no text"),
        ({"text": "怎么"}, "is no text"),
        (True, "is no text"),
        (["怎么", "\ud83d"], "[1] holds half of a surrogate pair"),
        (None, "Field required"),
    ],
)
def test_what_is_no_text_is_refused_by_its_place(client, path, field, given, named):
    body = json.dumps({field: given}).encode("ascii")
    refused = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert field in error["message"]
    assert named in error["message"]
    if named == "token ids":
        assert "check_embedding_ctx_length=False" in error["fix"]


@pytest.mark.parametrize(
    ("more", "status", "named"),
    [
        ({"dimensions": 32}, 422, "dimensions is 32, and the vectors of this model have 64 numbers"),
        ({"dimensions": 0}, 422, "dimensions"),
        ({"encoding_format": "int8"}, 422, "encoding_format"),
        ({"prompt": "query: "}, 422, "unknown field prompt"),
        ({"task": "missing"}, 422, "missing"),
        ({"input": ["怎么"] * 1001}, 413, "1,001 texts, the limit is 1,000"),
    ],
)
def test_what_cannot_be_done_is_refused(client, more, status, named):
    refused = client.post("/v1/embeddings", json={"input": "怎么"} | more)
    assert refused.status_code == status
    assert named in refused.json()["detail"]
    assert refused.json()["error"]["fix"]


@pytest.mark.parametrize(("path", "field"), BOTH)
def test_a_model_without_vectors_says_what_to_do(http_service, tiny_matcher, path, field):
    for matcher, named in (
        (None, "OverlapEngine"),
        (tiny_matcher(joint_from=1), "reads both texts of a pair together"),
    ):
        client = http_service() if matcher is None else http_service(matcher)
        refused = client.post(path, json={field: "今天"})
        assert refused.status_code == 422
        assert named in refused.json()["detail"]
        assert "such as default" in refused.json()["error"]["fix"]
        assert "dimensions" not in client.get("/v1/models").json()["data"][0]


def test_the_list_of_models_says_how_wide_vectors_are(client):
    listed = client.get("/v1/models").json()["data"][0]
    assert (listed["dimensions"], listed["model_type"]) == (WIDTH, "rerank")
    assert client.get("/v1/models/text-embedding-3-small").json() == listed
    # One kind of model, as clients of text-embeddings-inference expect.
    assert list(client.get("/info").json()["model_type"]) == ["reranker"]


def test_a_key_and_a_models_name_count_as_elsewhere(http_service, characters):
    locked, strict = http_service(characters, key=b"s3cret"), http_service(characters, takes_any_model=False)
    for path, field in BOTH:
        assert locked.post(path, json={field: "怎么"}).status_code == 401
        answered = locked.post(path, json={field: "怎么"}, headers={"Authorization": "Bearer s3cret"})
        assert answered.status_code == 200
    refused = strict.post("/v1/embeddings", json={"input": "怎么", "model": "other"})
    assert (refused.status_code, "'overlap'" in refused.json()["detail"]) == (404, True)
    assert strict.post("/v1/embeddings", json={"input": "怎么", "model": "overlap"}).status_code == 200


def test_a_long_text_is_cut_as_its_task_says(client):
    # The budget of 64 and 64 tokens, of which two special ones a side are taken, is all one text's.
    long, room = "怎么退款" * 50, 128 - 4
    one, other = client.post("/v1/embeddings", json={"input": [long, "退款"]}).json()["data"]
    assert (one["cut"], "cut" in other) == (len(long) - room, False)
    usage = client.post("/v1/embeddings", json={"input": long}).json()["usage"]
    assert usage["total_tokens"] == room + 2
    assert client.post("/embed", json={"inputs": long}).status_code == 200
    for more, named in (({"truncate": False}, "truncate"), ({"truncation_direction": "Left"}, "truncation_direction")):
        refused = client.post("/embed", json={"inputs": [long, "退款"]} | more)
        assert refused.status_code == 413
        assert "1 of the texts" in refused.json()["detail"]
        assert named in refused.json()["detail"]
        assert client.post("/embed", json={"inputs": "退款"} | more).status_code == 200


def test_each_standard_has_vectors_of_its_own(http_service, tiny_matcher):
    from yanmo.collection.text_vectors import TextVectors

    matcher, texts = tiny_matcher(joint_from=2, conditional_from=1), ["今天天气不错", "公园"]
    client, found = http_service(matcher, task="strict"), {}
    for task in ("loose", "strict"):
        data = client.post("/v1/embeddings", json={"input": texts, "task": task}).json()["data"]
        found[task] = np.array([each["embedding"] for each in data])
        # Those that collections are searched by, which are kept in half precision.
        kept = TextVectors(matcher, task).encode(texts).vectors[:, 0].astype(float)
        np.testing.assert_allclose(found[task], kept, atol=2e-3)
        addressed = client.post(f"/embed?task={task}", json={"inputs": texts}).json()
        np.testing.assert_array_equal(np.array(addressed), found[task])
    assert np.abs(found["loose"] - found["strict"]).max() > 0.01
    plain = client.post("/v1/embeddings", json={"input": texts}).json()["data"]
    np.testing.assert_array_equal([each["embedding"] for each in plain], found["strict"])
    refused = client.post("/v1/embeddings?task=loose", json={"input": texts, "task": "strict"})
    assert (refused.status_code, "different tasks" in refused.json()["detail"]) == (422, True)


def test_a_learned_standard_names_those_that_have_vectors(http_service, tiny_matcher):
    from yanmo.data import TaskSet
    from yanmo.match import Matcher
    from yanmo.match.engines.learned_engine import with_heads
    from yanmo.match.engines.learned_head import LearnedHead, SourceWeights

    plain = tiny_matcher(joint_from=2)
    tasks = plain.matching.task_set.tasks
    own = tasks[0].model_copy(update={"name": "own"})
    matching = plain.matching.model_copy(update={"task_set": TaskSet(name="three", tasks=(*tasks, own))})
    head = LearnedHead(sources=(SourceWeights(name="strict", distance=1.0), SourceWeights(name="loose", leaning=1.0)))
    matcher = Matcher(with_heads(plain.engine, ["loose", "strict"], {"own": head}), plain.pair_encoder, matching)
    client = http_service(matcher, task="own")
    refused = client.post("/v1/embeddings", json={"input": "今天", "task": "own"})
    assert refused.status_code == 422
    assert "strict, loose" in refused.json()["error"]["fix"]
    unnamed, first = (client.post("/embed", json={"inputs": "今天"} | more).json() for more in ({}, {"task": "strict"}))
    assert unnamed == first


def test_vectors_wait_in_the_queue_of_the_scores(http_service, characters):
    compute, threads = characters.engine.vectors, set()
    client = http_service(characters, max_queue_tokens=20)

    def vectors(pairs, tasks):
        threads.add(threading.current_thread().name)
        return compute(pairs, tasks)

    characters.engine.vectors = vectors
    assert client.post("/v1/embeddings", json={"input": TEXTS[:2]}).status_code == 200
    assert threads == {"yanmo-scoring"}
    refused = client.post("/v1/embeddings", json={"input": TEXTS})
    assert refused.status_code == 413
    # A token a character, and four special ones a text.
    assert f"{sum(len(text) + 4 for text in TEXTS)} tokens" in refused.json()["detail"]
    lines = client.log_lines()
    # Beside each text stands an empty one, of two special tokens.
    assert [(line["pairs"], line["tokens"]) for line in lines] == [
        (2, sum(len(text) + 4 for text in TEXTS[:2])),
        (3, 0),
    ]
    assert "退款" not in str(lines)


def test_a_model_that_gives_no_numbers_is_told(http_service, characters):
    client = http_service(characters)
    characters.engine._directions[:] = np.nan
    refused = client.post("/v1/embeddings", json={"input": TEXTS})
    assert refused.status_code == 500
    assert "yanmo doctor model" in refused.json()["error"]["fix"]
