"""What all requests have in common: null means not given, unknown fields are refused, and nothing grows without bound.

A request of a few megabytes can hold a million items, each of them wrong. Lists are therefore counted before anything
is checked, and of the fields that an object should not have one is named.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from .errors import RefusalError

__all__ = ["Ignored", "RequestModel", "Text", "counted_route", "task_named"]

# Lists that hold pairs, or one half of each, and lists of texts that stand alone.
_PAIRS, _TEXTS = ("pairs", "texts", "documents"), ("input", "inputs")
# Items of any other list, such as the names of tasks.
_MOST_ITEMS = 1000


def _whole_characters(text: str) -> str:
    # JSON can spell half of a surrogate pair, and no answer could give it back.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise PydanticCustomError("half_character", "holds half of a surrogate pair, which is no character") from None
    return text


Text = Annotated[str, AfterValidator(_whole_characters)]
"""A text that has a UTF-8 form."""

Ignored = Annotated[Any, Field(default=None, description="可以给，不起作用 / taken, changes nothing")]
"""A field that clients of others send, and that has no effect on the answer."""


class RequestModel(BaseModel):
    """A request, or a part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _keep_what_is_given(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        unknown = next((name for name in values if name not in cls.model_fields and values[name] is not None), None)
        return {
            name: value
            for name, value in values.items()
            if value is not None and (name in cls.model_fields or name == unknown)
        }


def counted_route(max_pairs: int) -> type[APIRoute]:
    """Makes the kind of route that counts what a request holds before it is checked.

    Args:
        max_pairs: Pairs of one request, or texts that stand alone, at most.

    Returns:
        A class of routes; too many pairs, texts, names of tasks and the like are a refusal.
    """

    class CountedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def counted(request: Request) -> Response:
                if request.method == "POST":
                    try:
                        # The request keeps it, so that it is not read twice.
                        values = await request.json()
                    except (ValueError, RecursionError):
                        values = None  # the route says what is wrong
                    _refuse_too_many(values, max_pairs)
                return await handle(request)

            return counted

    return CountedRoute


def _refuse_too_many(values: object, max_pairs: int) -> None:
    for name, items in values.items() if isinstance(values, dict) else ():
        if not isinstance(items, list):
            continue
        if name in _TEXTS and items and not isinstance(items[0], str):
            # Token ids or other things: more of them than of texts, and refused at the first.
            continue
        if name in (*_PAIRS, *_TEXTS):
            if len(items) > max_pairs:
                what = "pairs" if name in _PAIRS else "texts"
                message = f"the request holds {len(items):,} {what}, the limit is {max_pairs:,}"
                fix = f"send {max_pairs:,} at a time, or raise --max-pairs"
                raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix=fix)
        elif len(items) > _MOST_ITEMS:
            message = f"{name} has {len(items):,} items, the limit is {_MOST_ITEMS:,}"
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix="leave out what stands there twice")


def task_named(in_address: str | None, in_body: str | None) -> str | None:
    """Gives the task that a request names, in its address or in its body.

    Args:
        in_address: What ``?task=`` says.
        in_body: What the field ``task`` says.

    Returns:
        Its name; None where none is named.

    Raises:
        RefusalError: They differ.
    """
    names = {name for name in (in_address, in_body) if name is not None}
    if len(names) > 1:
        message = "the address and the body name different tasks"
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message, fix="name the task in one place")
    return next(iter(names), None)
