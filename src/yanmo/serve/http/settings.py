"""Limits of the HTTP service, and who may reach it."""

import ipaddress
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import InputError

__all__ = ["KEY_VARIABLE", "ServiceSettings", "check_settings", "read_api_key", "refuse_open_door"]

KEY_VARIABLE = "YANMO_API_KEY"


class ServiceSettings(BaseModel):
    """What the service takes at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batch_tokens: int = Field(default=4096, ge=1)
    """Tokens scored at a time: rows of a batch times its longest row."""
    max_queue_tokens: int = Field(default=1 << 18, ge=1)
    """Tokens admitted and not yet scored; a request beyond them is sent away with 429."""
    max_body_bytes: int = Field(default=8 << 20, ge=1)
    """Bytes of one request's body."""
    max_pairs: int = Field(default=1000, ge=1)
    """Pairs of one request."""
    timeout: float = Field(default=30.0, gt=0, le=86_400)
    """Seconds from a request's first byte to its answer."""
    host_names: frozenset[str] | None = None
    """Names, in lower case, that the Host header may hold besides ``localhost`` and addresses; None takes any, which a
    service with a key can afford."""
    takes_any_model: bool = True
    """Whether a request may name another model than the one that answers."""


def check_settings(**values: object) -> ServiceSettings:
    """Checks limits that a user gave.

    Args:
        **values: As ``ServiceSettings`` takes them.

    Returns:
        The limits.

    Raises:
        InputError: One is out of range; the message names the option.

    Example:
        >>> check_settings(timeout=float("inf"))
        Traceback (most recent call last):
        ...
        yanmo.errors.InputError: --timeout: Input should be less than or equal to 86400. Fix: give another number.
    """
    try:
        return ServiceSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = _OPTIONS.get(str(first["loc"][0]), str(first["loc"][0]).replace("_", "-"))
        raise InputError(f"--{name}: {first['msg']}", fix="give another number") from error


_OPTIONS = {"max_body_bytes": "max-body-mb"}


def read_api_key(environment: Mapping[str, str]) -> bytes | None:
    """Reads the key that callers must send.

    Args:
        environment: Environment variables.

    Returns:
        The key; None if there is none.

    Raises:
        InputError: The variable is empty or holds what no header can carry.

    Example:
        >>> read_api_key({"YANMO_API_KEY": "s3cret"}), read_api_key({})
        (b's3cret', None)
    """
    key = environment.get(KEY_VARIABLE)
    if key is None:
        return None
    # An empty one is more likely a mistake than a wish to let everybody in.
    if not key or not all("!" <= ch <= "~" for ch in key):
        problem = f"{KEY_VARIABLE} is {'empty' if not key else 'not made of visible ASCII characters'}"
        raise InputError(problem, fix="set it to a long random word, or unset it to serve this machine only")
    return key.encode("ascii")


def refuse_open_door(address: str, api_key: bytes | None) -> None:
    """Makes sure that only this machine can reach a service without a key.

    Args:
        address: The IP address to listen at.
        api_key: The key that callers must send, if any.

    Raises:
        InputError: Other machines could reach it, and there is no key.

    Example:
        >>> refuse_open_door("127.0.0.1", None)
        >>> refuse_open_door("0.0.0.0", b"s3cret")
    """
    # A link-local IPv6 address carries its interface behind a percent sign.
    if api_key is None and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        raise InputError(
            f"at {address} other machines could use the service, and there is no key",
            fix=f"set {KEY_VARIABLE} to a long random word, or leave --host at 127.0.0.1",
        )
