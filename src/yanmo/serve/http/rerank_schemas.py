"""Requests and answers of rankings, as clients of other services send and read them.

A body with ``texts`` is that of text-embeddings-inference, one with ``documents`` that of Jina, Cohere, vLLM,
Xinference and their like. Fields of theirs that change nothing here are taken; what would change the answer and cannot
be done is refused.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag, WithJsonSchema

from .errors import WITH_DOCUMENTS, WITH_TEXTS, RefusalError
from .request_model import Ignored, RequestModel, Text

__all__ = [
    "CohereReply",
    "InfinityReply",
    "InfinityResult",
    "InfinityUsage",
    "JinaDocument",
    "JinaReply",
    "JinaRequest",
    "JinaResult",
    "RankRequest",
    "TeiReply",
    "TeiRequest",
    "TeiResult",
    "Usage",
]

TASK_MEANING = "按哪个任务排序，省略则用服务的默认任务 / which task to rank by; the service's own if left out"
_MODEL = "任意；应答的模型见响应头 Yanmo-Model / any; the header Yanmo-Model says which model answered"
_TOP_N = "只要前几个 / how many to give; all if left out"
_CUT = "查询与文本各被截去多少 token，没有截去则省略 / tokens of query and text left out; absent where none are"
_RAW = "返回未校准的 logit / give logits, not probabilities"


class TeiRequest(RequestModel):
    """A request as text-embeddings-inference takes it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "巴萨获胜", "texts": ["巴塞罗那赢球", "今天有雨"]}]}
    )

    query: Text = Field(description="查询，作为文本一 / the query, as the first text")
    texts: list[Text] = Field(min_length=1, description="候选，作为文本二 / the candidates, as the second text")
    model: str | None = Field(default=None, description=_MODEL)
    top_n: int | None = Field(default=None, ge=1, description=_TOP_N)
    raw_scores: bool = Field(default=False, description=_RAW)
    return_text: bool = Field(default=False, description="结果里带上文本 / give the texts back")
    truncate: bool = Field(
        default=True,
        description="false 表示任何文本超出任务的长度预算就拒绝；否则按预算截断 / "
        "false: refuse if any text is longer than the task's budget; else it is cut as the task says",
    )
    truncation_direction: Literal["Left", "Right", "left", "right"] = Field(
        default="Right",
        description="Left 只在什么都不必截断时接受 / Left is taken only where nothing has to be cut",
    )
    task: str | None = Field(default=None, description=TASK_MEANING)


class TeiResult(BaseModel):
    """One candidate."""

    index: int = Field(description="候选的序号，从 0 起 / number of the candidate, from 0")
    score: float
    text: str | None = Field(default=None, description="只在要求时 / only if asked for")
    cut: tuple[int, int] | None = Field(default=None, description=_CUT)


class TeiReply(RootModel[list[TeiResult]]):
    """All candidates, the best first."""


_DOCUMENT = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": True},
    ]
}


class JinaRequest(RequestModel):
    """A request as Jina's, Cohere's, vLLM's and Xinference's clients send it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "巴萨获胜", "documents": ["巴塞罗那赢球", "今天有雨"], "top_n": 1}]}
    )

    model: str | None = Field(default=None, description=_MODEL)
    query: Text = Field(description="查询，作为文本一 / the query, as the first text")
    documents: list[Annotated[Any, WithJsonSchema(_DOCUMENT)]] = Field(
        min_length=1,
        description="候选，作为文本二：文本，或带 text 的对象 / texts, or objects with one, as the second text",
    )
    rank_fields: list[str] = Field(
        default=["text"],
        min_length=1,
        description="对象的哪些字段按行拼成文本 / fields of an object that make its text",
    )
    top_n: int | None = Field(default=None, ge=1, description=_TOP_N)
    return_documents: bool | None = Field(
        default=None,
        description="结果里带上文本；省略时 /rerank 与 /v1/rerank 带，其余不带 / "
        "give the texts back; by default /rerank and /v1/rerank do",
    )
    raw_scores: bool = Field(default=False, description=_RAW)
    truncation: bool = Field(
        default=True, description="false 表示不许截断，须截断时拒绝 / false: refuse rather than cut a text"
    )
    task: str | None = Field(default=None, description=TASK_MEANING)
    max_chunks_per_doc: Ignored
    max_tokens_per_doc: Ignored
    overlap_tokens: Ignored
    priority: Ignored
    return_len: Ignored
    truncate_prompt_tokens: Ignored
    user: Ignored
    kwargs: Ignored

    def texts(self) -> list[str]:
        """Gives the text of every document.

        Returns:
            The texts, in order.

        Raises:
            RefusalError: A document has none.
        """
        # A field named a thousand times would make a text a thousand times as long.
        fields = list(dict.fromkeys(self.rank_fields))
        return [_text_of(document, fields, number) for number, document in enumerate(self.documents)]


class JinaDocument(BaseModel):
    """A document as an object."""

    text: str


class JinaResult(BaseModel):
    """One candidate."""

    index: int = Field(description="候选的序号，从 0 起 / number of the candidate, from 0")
    relevance_score: float = Field(description="校准后的匹配概率 / calibrated probability of a match")
    document: JinaDocument | None = Field(default=None, description="只在要求时 / only if asked for")
    cut: tuple[int, int] | None = Field(default=None, description=_CUT)


class Usage(BaseModel):
    """What the request cost."""

    total_tokens: int = Field(description="打分的 token 数，每对都计入查询 / tokens scored; every pair has the query")


class JinaReply(BaseModel):
    """The best candidates, best first."""

    model: str
    results: list[JinaResult]
    usage: Usage


class CohereReply(BaseModel):
    """The best candidates, best first, as Cohere's second version gives them."""

    id: str
    results: list[JinaResult]
    meta: dict[str, dict[str, str | int]]


class InfinityResult(BaseModel):
    """One candidate."""

    index: int = Field(description="候选的序号，从 0 起 / number of the candidate, from 0")
    relevance_score: float = Field(description="校准后的匹配概率 / calibrated probability of a match")
    document: str | None = Field(default=None, description="只在要求时 / only if asked for")
    cut: tuple[int, int] | None = Field(default=None, description=_CUT)


class InfinityUsage(BaseModel):
    """What the request cost: all of it is prompt."""

    prompt_tokens: int
    total_tokens: int = Field(description="打分的 token 数，每对都计入查询 / tokens scored; every pair has the query")


class InfinityReply(BaseModel):
    """The best candidates, best first, as Infinity gives them."""

    object: Literal["rerank"]
    results: list[InfinityResult]
    model: str
    usage: InfinityUsage
    id: str
    created: int = Field(description="何时应答，Unix 秒 / when it was answered, in seconds of Unix")


def _shape_of(values: object) -> str:
    has_texts = "texts" in values if isinstance(values, Mapping) else isinstance(values, TeiRequest)
    return WITH_TEXTS if has_texts else WITH_DOCUMENTS


RankRequest = Annotated[
    Annotated[TeiRequest, Tag(WITH_TEXTS)] | Annotated[JinaRequest, Tag(WITH_DOCUMENTS)], Discriminator(_shape_of)
]
"""A ranking in the shape that its keys tell."""


def _text_of(document: object, fields: list[str], number: int) -> str:
    if isinstance(document, Mapping):
        parts = [part for field in fields if isinstance(part := document.get(field), str)]
        text = "\n".join(parts) if parts else None
        problem = f"has no text in {', '.join(fields)}"
    else:
        text = document if isinstance(document, str) else None
        problem = "is neither a text nor an object with a text"
    if text is not None and any("\ud800" <= ch <= "\udfff" for ch in text):
        text, problem = None, "holds half of a surrogate pair, which is no character"
    if text is None:
        fix = "send a text, or an object with one"
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, f"documents[{number}] {problem}", fix=fix)
    return text
