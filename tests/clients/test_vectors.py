"""Packages that people take vectors by, unchanged, against ``yanmo serve default``."""

import math
import os

import httpx
import pytest

# litellm fetches a table of prices otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
TEXTS = ["怎么更改手机号", "手机号码怎么换", "今天天气不错"]


def _openai(service, **more):
    from openai import OpenAI

    client = OpenAI(api_key="any", base_url=f"{service}/v1", max_retries=0)
    return client.embeddings.create(model="text-embedding-3-small", input=TEXTS, **more)


def openai(service):
    # Asks for base64, and unpacks it.
    return [each.embedding for each in _openai(service).data]


def openai_floats(service):
    found = _openai(service, encoding_format="float", user="someone")
    assert [each.index for each in found.data] == [0, 1, 2]
    assert found.usage.total_tokens == found.usage.prompt_tokens > 0
    return [each.embedding for each in found.data]


def litellm(service):
    import litellm

    found = litellm.embedding(
        model="openai/text-embedding-3-small",
        input=TEXTS,
        encoding_format="float",
        api_base=f"{service}/v1",
        api_key="any",
    )
    return [each["embedding"] for each in found.data]


@pytest.fixture(scope="module")
def vectors(service):
    """What the service itself says of the texts, in the shape of text-embeddings-inference."""
    return httpx.post(f"{service}/embed", json={"inputs": TEXTS}, timeout=60).json()


@pytest.mark.parametrize("embed", [openai, openai_floats, litellm], ids=lambda embed: embed.__name__)
def test_it_has_the_vectors_of_the_service(service, vectors, embed):
    found = embed(service)
    assert len(found) == len(TEXTS)
    for one, other in zip(found, vectors, strict=True):
        # Of length 1, so that their product is the cosine; a number may differ with the company it was computed in.
        assert math.hypot(*one) == pytest.approx(1, abs=1e-4)
        assert sum(a * b for a, b in zip(one, other, strict=True)) == pytest.approx(1, abs=0.01)


def test_texts_that_mean_the_same_are_nearer(service):
    first, same, other = openai(service)
    near, far = (sum(a * b for a, b in zip(first, each, strict=True)) for each in (same, other))
    assert near > far


def test_token_ids_are_refused_with_what_to_do(service):
    from openai import OpenAI, UnprocessableEntityError

    client = OpenAI(api_key="any", base_url=f"{service}/v1", max_retries=0)
    with pytest.raises(UnprocessableEntityError, match="token ids") as refused:
        client.embeddings.create(model="any", input=[[57668, 53901]])
    assert "check_embedding_ctx_length=False" in refused.value.response.text
