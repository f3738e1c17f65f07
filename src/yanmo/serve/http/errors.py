"""What the HTTP service refuses: every answer that is no result reads ``{"error": {"message", "fix"}, "detail"}``."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ...errors import InputError, YanmoError
from ...tokenize.surrogates import without_surrogates

__all__ = [
    "WITH_DOCUMENTS",
    "WITH_TEXTS",
    "ErrorDetail",
    "ErrorReply",
    "RefusalError",
    "error_replies",
    "install_error_handlers",
    "other_model",
    "queue_full",
]

WITH_TEXTS, WITH_DOCUMENTS = "(body with texts)", "(body with documents)"
"""What pydantic calls the two shapes of a ranking in the place of an error."""
# A message may name a field that the caller made up; no more of it than this.
_LONGEST = 400


class ErrorDetail(BaseModel):
    """What is wrong and what to do about it."""

    message: str = Field(description="哪里不对 / what was given and what was expected")
    fix: str = Field(description="怎么改 / what to do about it")


class ErrorReply(BaseModel):
    """Every answer that is no result."""

    error: ErrorDetail
    detail: str = Field(description="同 message，其他服务的客户端从这里读 / the message, where clients of others look")


class RefusalError(YanmoError):
    """A request that is not answered with a result.

    Args:
        status: HTTP status.
        message: What was given and what was expected, as a sentence without its full stop; never a caller's text.
        fix: What to do about it, as a sentence without its full stop.
        headers: Headers of the answer.
    """

    def __init__(self, status: HTTPStatus, message: str, *, fix: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{message}. Fix: {fix}.")
        self.status = status
        self.message = message
        self.fix = fix
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Gives the answer to send."""
        message = without_surrogates(self.message)
        shown = message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
        content = ErrorReply(error=ErrorDetail(message=shown, fix=self.fix), detail=shown).model_dump_json()
        return Response(content, status_code=self.status, headers=self.headers, media_type="application/json")


def queue_full(seconds: int) -> RefusalError:
    """Refuses a request that would have to wait too long.

    Args:
        seconds: When to come back.

    Returns:
        The refusal, with ``Retry-After``.
    """
    return RefusalError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "the queue is full",
        fix=f"try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )


def other_model(model_name: str) -> RefusalError:
    """Refuses a request that names another model, where the operator asks for that.

    Args:
        model_name: What the model here is called.

    Returns:
        The refusal.
    """
    message = f"the model served here is '{model_name}'"
    return RefusalError(HTTPStatus.NOT_FOUND, message, fix=f"set model to {model_name}, or leave it out")


_MEANING = {
    HTTPStatus.BAD_REQUEST: "请求读不出来 / the request cannot be read, or its body is no JSON in UTF-8",
    HTTPStatus.UNAUTHORIZED: "缺少密钥或密钥不对 / the key is missing or wrong",
    HTTPStatus.NOT_FOUND: "没有这个模型 / no such model",
    HTTPStatus.MISDIRECTED_REQUEST: "Host 不是本服务的名字 / the Host header names another service",
    HTTPStatus.REQUEST_TIMEOUT: "请求体没有及时到达 / the body did not arrive in time",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "请求太大 / the request is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "不是 application/json 或 gzip / the body is not JSON, or packed unlike gzip",
    HTTPStatus.UNPROCESSABLE_ENTITY: "字段不对 / a field is wrong",
    HTTPStatus.TOO_MANY_REQUESTS: "队列已满，请按 Retry-After 再来 / the queue is full, come back after Retry-After",
    HTTPStatus.GATEWAY_TIMEOUT: "超过时限 / the time limit has passed",
}


def error_replies() -> dict[int | str, dict[str, object]]:
    """Describes the refusals of a scoring route for the OpenAPI document."""
    replies: dict[int | str, dict[str, object]] = {
        int(status): {"model": ErrorReply, "description": meaning} for status, meaning in _MEANING.items()
    }
    seconds = {"description": "几秒之后再来 / seconds to wait", "schema": {"type": "integer", "minimum": 1}}
    replies[int(HTTPStatus.TOO_MANY_REQUESTS)]["headers"] = {"Retry-After": seconds}
    return replies


def install_error_handlers(app: FastAPI) -> None:
    """Makes an application answer everything it refuses in one shape.

    Args:
        app: The application.
    """

    @app.exception_handler(RefusalError)
    async def _refused(_request: Request, error: Exception) -> Response:
        return error.response() if isinstance(error, RefusalError) else _internal().response()

    @app.exception_handler(InputError)
    async def _wrong_input(_request: Request, error: Exception) -> Response:
        problem, fix = (error.problem, error.fix) if isinstance(error, InputError) else (str(error), None)
        return RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, problem, fix=fix or "correct the request").response()

    @app.exception_handler(RequestValidationError)
    async def _wrong_fields(_request: Request, error: Exception) -> Response:
        errors = error.errors() if isinstance(error, RequestValidationError) else []
        return _refusal_of_fields(errors).response()

    @app.exception_handler(HTTPException)
    async def _no_route(_request: Request, error: Exception) -> Response:
        status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
        headers = (error.headers if isinstance(error, HTTPException) else None) or {}
        fixes = {
            HTTPStatus.NOT_FOUND: ("there is nothing at this address", "look the addresses up in /openapi.json"),
            HTTPStatus.METHOD_NOT_ALLOWED: (
                "this address does not take this method",
                f"use {headers.get('Allow', 'another method')}",
            ),
            HTTPStatus.BAD_REQUEST: ("the body cannot be read as JSON", "send one JSON object in UTF-8"),
        }
        message, fix = fixes.get(status, (status.phrase, "look the addresses up in /openapi.json"))
        return RefusalError(status, message, fix=fix, headers=headers).response()

    @app.exception_handler(Exception)
    async def _failed(_request: Request, _error: Exception) -> Response:
        return _internal().response()


def _internal() -> RefusalError:
    return RefusalError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "the service failed",
        fix="try again; the reason stands in its standard error",
    )


def _refusal_of_fields(errors: Sequence[Mapping[str, object]]) -> RefusalError:
    first: Mapping[str, object] = errors[0] if errors else {}
    kind, steps = str(first.get("type", "")), first.get("loc", ())
    place = _place(steps if isinstance(steps, tuple) else ())
    if kind == "json_invalid":
        return RefusalError(HTTPStatus.BAD_REQUEST, "the body is not valid JSON", fix="send one JSON object in UTF-8")
    fix = "look the fields up in /openapi.json"
    if kind == "extra_forbidden":
        # Ignoring an option would be to answer another question than the one that was asked.
        return RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, f"unknown field {place}", fix=f"leave it out, or {fix}")
    what = str(first.get("msg", "a field is wrong"))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{place}: {what}{more}", fix=fix)


def _place(steps: Sequence[object]) -> str:
    """Writes ``("body", "pairs", 0, "text0")`` as ``pairs[0].text0``."""
    parts = ""
    for step in steps[1:]:
        if step in (WITH_TEXTS, WITH_DOCUMENTS):
            # Which of two shapes a body has is nothing that its sender wrote.
            continue
        parts += f"[{step}]" if isinstance(step, int) else f".{step}" if parts else str(step)
    return parts or "the body"
