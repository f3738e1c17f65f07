"""Packages that people rank with, unchanged, against ``yanmo serve default``: they give the service's own scores."""

import os

import httpx
import pytest

# litellm fetches a table of prices otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
QUERY = "怎么更改手机号"
DOCUMENTS = ["今天天气不错", "手机号码怎么换", "我想退货"]
# By which the bundled matcher ranks, unless another is named.
TASK = "search"
N = len(DOCUMENTS)


def _cohere(client, **more):
    results = client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, **more).results
    texts = [result.document and result.document.text for result in results]
    return [(result.index, result.relevance_score, text) for result, text in zip(results, texts, strict=True)]


def cohere_1(service):
    import cohere

    client = cohere.Client(api_key="any", base_url=service)
    return _cohere(client, return_documents=True, rank_fields=["text"], max_chunks_per_doc=3)


def cohere_2(service):
    import cohere

    client = cohere.ClientV2(api_key="any", base_url=service)
    found = client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, max_tokens_per_doc=512)
    return [(result.index, result.relevance_score, None) for result in found.results]


def langchain_cohere(service):
    from langchain_cohere import CohereRerank
    from langchain_core.documents import Document

    ranker = CohereRerank(cohere_api_key="any", base_url=service, model="rerank-v3.5", top_n=N)
    given = [Document(page_content=text, metadata={"number": i}) for i, text in enumerate(DOCUMENTS)]
    found = ranker.compress_documents(given, QUERY)
    return [(each.metadata["number"], each.metadata["relevance_score"], each.page_content) for each in found]


def _llama_index(ranker):
    from llama_index.core.schema import NodeWithScore, TextNode

    given = [NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.0) for i, text in enumerate(DOCUMENTS)]
    found = ranker.postprocess_nodes(given, query_str=QUERY)
    return [(int(each.node.node_id), each.score, each.node.text) for each in found]


def llama_index_cohere(service):
    from llama_index.postprocessor.cohere_rerank import CohereRerank

    return _llama_index(CohereRerank(api_key="any", base_url=service, top_n=N))


def llama_index_jina(service):
    from llama_index.postprocessor.jinaai_rerank import JinaRerank

    return _llama_index(JinaRerank(api_key="any", base_url=f"{service}/v1", top_n=N))


def llama_index_text_embeddings_inference(service):
    from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

    return _llama_index(TextEmbeddingInference(base_url=service, top_n=N))


def llama_index_xinference(service):
    from llama_index.postprocessor.xinference_rerank import XinferenceRerank

    return _llama_index(XinferenceRerank(base_url=service, model="bge-reranker", top_n=N))


def xinference(service):
    from xinference_client import RESTfulClient

    model = RESTfulClient(service, api_key="any").get_model("bge-reranker")
    found = model.rerank(DOCUMENTS, QUERY, return_documents=True, return_len=True)["results"]
    return [(each["index"], each["relevance_score"], each["document"]["text"]) for each in found]


def _litellm(provider):
    def rank(service):
        import litellm

        found = litellm.rerank(
            model=f"{provider}/bge-reranker",
            query=QUERY,
            documents=DOCUMENTS,
            top_n=N,
            return_documents=True,
            api_base=f"{service}/infinity" if provider == "infinity" else service,
            api_key="any",
        )
        return [(each["index"], each["relevance_score"], each["document"]["text"]) for each in found.results]

    rank.__name__ = f"litellm_{provider}"
    return rank


CLIENTS = [
    *(cohere_1, cohere_2, langchain_cohere, xinference),
    *(llama_index_cohere, llama_index_jina, llama_index_text_embeddings_inference, llama_index_xinference),
    *(_litellm(provider) for provider in ("cohere", "huggingface", "jina_ai", "hosted_vllm", "infinity")),
]


@pytest.fixture(scope="module")
def scores(service):
    """What the service itself says of the documents, by their numbers, the best first."""
    pairs = [{"text0": QUERY, "text1": text} for text in DOCUMENTS]
    reply = httpx.post(f"{service}/v1/score", json={"pairs": pairs, "tasks": [TASK]}, timeout=60)
    found = {i: result["scores"][TASK] for i, result in enumerate(reply.json()["results"])}
    assert len(set(found.values())) == len(DOCUMENTS)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


@pytest.mark.parametrize("rank", CLIENTS, ids=lambda rank: rank.__name__)
def test_it_ranks_as_the_service_does(service, scores, rank):
    found = rank(service)
    assert [index for index, _, _ in found] == list(scores)
    # A score may differ in its third digit with the company it was computed in.
    assert [score for _, score, _ in found] == pytest.approx(list(scores.values()), abs=0.01)
    assert all(text in (None, DOCUMENTS[index]) for index, _, text in found)


def _many_for_xinference(service):
    from xinference_client import RESTfulClient

    RESTfulClient(service).get_model("m").rerank(["一"] * 2000, QUERY)


def _many_for_llama_index(service):
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.postprocessor.jinaai_rerank import JinaRerank

    nodes = [NodeWithScore(node=TextNode(text="一")) for _ in range(2000)]
    JinaRerank(api_key="any", base_url=f"{service}/v1").postprocess_nodes(nodes, query_str=QUERY)


@pytest.mark.parametrize("send", [_many_for_xinference, _many_for_llama_index])
def test_a_refusal_reaches_the_caller_in_words(service, send):
    with pytest.raises(RuntimeError, match="the limit is 1,000"):
        send(service)


def test_xinference_sends_its_key_where_one_is_needed(start):
    from xinference_client import RESTfulClient

    service = start(key="s3cret")
    model = RESTfulClient(service, api_key="s3cret").get_model("m")
    assert len(model.rerank(DOCUMENTS, QUERY)["results"]) == N
    with pytest.raises(RuntimeError, match="the key is wrong"):
        RESTfulClient(service, api_key="other").get_model("m")
