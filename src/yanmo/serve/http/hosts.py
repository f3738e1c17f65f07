"""Which names a service may be called by, so that a page whose name points here gets no answer from it.

A browser lets a page talk to the name the page came from. Whoever owns that name can make it point at this machine
(DNS rebinding), and the page then reads what a service answers that only this machine can reach. An address cannot be
made to point elsewhere, so addresses are always taken.
"""

import ipaddress
from collections.abc import Collection

__all__ = ["is_expected_host"]


def is_expected_host(header: str, names: Collection[str]) -> bool:
    """Judges a Host header.

    Args:
        header: Its value, with or without a port; empty where a client sends none, which no browser does.
        names: Names that are taken besides ``localhost`` and IP addresses, in lower case.

    Returns:
        Whether the request may be answered.

    Example:
        >>> [is_expected_host(host, {"ranker"}) for host in ("localhost:8000", "[::1]:80", "Ranker:80", "evil.example")]
        [True, True, True, False]
    """
    name = header.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    name = name.removesuffix(".")
    if not header or name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
