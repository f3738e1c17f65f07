"""Requests and answers of text vectors, as OpenAI's clients and those of text-embeddings-inference send and read them.

Fields of theirs that change nothing here are taken; what would change the answer and cannot be done is refused.
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema

from .errors import RefusalError
from .request_model import Ignored, RequestModel

__all__ = [
    "EMBEDDING_TASK",
    "EmbeddingReply",
    "EmbeddingUsage",
    "EmbeddingsReply",
    "EmbeddingsRequest",
    "TeiEmbedReply",
    "TeiEmbedRequest",
    "texts_of",
]

EMBEDDING_TASK = (
    "用哪个任务的向量，省略则用服务的默认任务；只比较同一任务的向量 / "
    "the task whose vectors are wanted, the service's own if left out; only vectors of one task compare"
)
_MODEL = "任意；应答的模型见响应头 Yanmo-Model / any; the header Yanmo-Model says which model answered"
_DIMENSIONS = "只能是模型的宽度 / the model's own width, or left out"
_TEXTS = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}],
}
_Texts = Annotated[Any, WithJsonSchema(_TEXTS)]


class EmbeddingsRequest(RequestModel):
    """A request as OpenAI's clients send it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": ["怎么退款", "如何申请退款"], "model": "any"}]})

    input: _Texts = Field(description="一段文本或一列文本，不能为空 / a text or a list of texts, none of them empty")
    model: str | None = Field(default=None, description=_MODEL)
    encoding_format: Literal["float", "base64"] = Field(
        default="float",
        description="base64 为小端 float32 的字节 / base64 is of the bytes of little-endian float32",
    )
    dimensions: int | None = Field(default=None, ge=1, description=_DIMENSIONS)
    task: str | None = Field(default=None, description=EMBEDDING_TASK)
    user: Ignored


class EmbeddingReply(BaseModel):
    """One text's vector."""

    object: Literal["embedding"]
    index: int = Field(description="文本的序号，从 0 起 / number of the text, from 0")
    embedding: list[float] | str = Field(
        description="长度为 1 的向量；点积即余弦 / a vector of length 1, so that the dot product of two is their cosine"
    )
    cut: int | None = Field(
        default=None, description="截去多少 token，没有截去则省略 / tokens left out; absent where none are"
    )


class EmbeddingUsage(BaseModel):
    """What the request cost: all of it is prompt."""

    prompt_tokens: int
    total_tokens: int = Field(
        description="模型读到的 token 数，含特殊 token 与前缀 / tokens that the model read, special ones and prefix too"
    )


class EmbeddingsReply(BaseModel):
    """The vectors, in the order of the texts, as OpenAI gives them."""

    object: Literal["list"]
    data: list[EmbeddingReply]
    model: str
    usage: EmbeddingUsage


class TeiEmbedRequest(RequestModel):
    """A request as the clients of text-embeddings-inference send it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": ["怎么退款", "如何申请退款"]}]})

    inputs: _Texts = Field(description="一段文本或一列文本，不能为空 / a text or a list of texts, none of them empty")
    normalize: bool = Field(
        default=True, description="false 表示不归一化到长度 1 / false: vectors as they are, not brought to length 1"
    )
    truncate: bool = Field(
        default=True, description="false 表示须截断时拒绝 / false: refuse if a text is longer than the model reads"
    )
    truncation_direction: Literal["Left", "Right", "left", "right"] = Field(
        default="Right",
        description="Left 只在什么都不必截断时接受 / Left is taken only where nothing has to be cut",
    )
    dimensions: int | None = Field(default=None, ge=1, description=_DIMENSIONS)
    task: str | None = Field(default=None, description=EMBEDDING_TASK)


class TeiEmbedReply(RootModel[list[list[float]]]):
    """The vectors, in the order of the texts."""


def texts_of(given: object, *, field: str) -> list[str]:
    """Gives the texts of a request, which may be one or a list of them.

    Args:
        given: What stands in the field.
        field: Its name, for messages.

    Returns:
        The texts, in order.

    Raises:
        RefusalError: There is none, or something is no text; token ids are told apart.

    Example:
        >>> texts_of("怎么退款", field="input"), texts_of(["怎么退款", "退款"], field="input")
        (['怎么退款'], ['怎么退款', '退款'])
    """
    items = given if isinstance(given, list) else [given]
    if not items:
        raise _refusal(f"{field} is an empty list", fix="send a text, or a list with at least one")
    texts: list[str] = []
    for number, text in enumerate(items):
        place = f"{field}[{number}]" if isinstance(given, list) else field
        if _is_token_ids(text) and isinstance(given, list):
            raise _refusal(
                f"{field} holds token ids, which are those of another model's tokenizer",
                fix="send texts; in LangChain set OpenAIEmbeddings(check_embedding_ctx_length=False)",
            )
        if not isinstance(text, str):
            raise _refusal(f"{place} is no text", fix="send a text, or a list of texts")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            message = f"{place} holds half of a surrogate pair, which is no character"
            raise _refusal(message, fix="send whole characters") from None
        texts.append(text)
    return texts


def _is_token_ids(item: object) -> bool:
    """Whether an item of a list is a token id, or such a list itself."""
    first = item[0] if isinstance(item, list) and item else item
    return isinstance(first, int) and not isinstance(first, bool)


def _refusal(message: str, *, fix: str) -> RefusalError:
    return RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message, fix=fix)
