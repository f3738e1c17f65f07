"""What all requests have in common: null means not given, unknown fields are refused, and nothing grows without bound.

A request of a few megabytes can hold a million items, each of them wrong. Lists are therefore counted before anything
is checked, and of the fields that an object should not have one is named.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from .errors import RefusalError

__all__ = ["RequestModel", "Text", "counted_route"]

# Lists that hold pairs, or one half of each.
_PAIRS = ("pairs", "texts", "documents")
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
        max_pairs: Pairs of one request, at most.

    Returns:
        A class of routes; too many pairs, names of tasks and the like are a refusal.
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
        if name in _PAIRS and len(items) > max_pairs:
            message = f"the request holds {len(items):,} pairs, the limit is {max_pairs:,}"
            fix = f"send {max_pairs:,} at a time, or raise --max-pairs"
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix=fix)
        if name not in _PAIRS and len(items) > _MOST_ITEMS:
            message = f"{name} has {len(items):,} items, the limit is {_MOST_ITEMS:,}"
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, fix="leave out what stands there twice")
