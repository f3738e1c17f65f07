"""The HTTP service as a process: its socket, its signals, its end."""

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ...errors import InputError
from .connections import limited_protocol

__all__ = ["address_of", "bind", "run_service", "url_of"]

_BACKLOG = 1024
# A client that reuses its connection should find it open.
_KEEP_ALIVE = 30
# Seconds for the headers of a request, which are a few hundred bytes.
_HEAD = 10.0
# Files that are not connections: the log, the model, what a library opens for a moment.
_OTHER_FILES = 128
_MOST_CONNECTIONS = 4096
# Above the time limit of a request, so that the last ones are answered and not cut off.
_GRACE = 5.0


def bind(host: str, port: int) -> socket.socket:
    """Takes an address, without listening yet.

    Args:
        host: Name or IP address of this machine.
        port: Port; 0 takes any free one.

    Returns:
        The bound socket.

    Raises:
        InputError: There is no such address here, or the port is taken or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f"'{host}' is no address of this machine ({error})", fix="give --host 127.0.0.1") from error
    bound = socket.socket(family, kind, protocol)
    try:
        # Connections of an earlier service may linger; a service that still listens refuses all the same.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise InputError(
            f"cannot listen at {host} port {port} ({error.strerror})", fix="choose another with --port, or 0 for any"
        ) from error
    return bound


def address_of(bound: socket.socket) -> tuple[str, int]:
    """Gives the IP address and port of a bound socket."""
    name = bound.getsockname()
    return str(name[0]), int(name[1])


def url_of(bound: socket.socket) -> str:
    """Gives the address a browser takes."""
    host, port = address_of(bound)
    is_six = ipaddress.ip_address(host.partition("%")[0]).version == 6
    return f"http://[{host}]:{port}" if is_six else f"http://{host}:{port}"


def run_service(app: ASGIApp, bound: socket.socket, *, timeout: float, on_listening: Callable[[], None]) -> None:
    """Serves until SIGTERM or Ctrl-C; then takes nothing new, answers what it has accepted, and returns.

    Args:
        app: The application.
        bound: Where to listen; closed at the end.
        timeout: Seconds that a request may take.
        on_listening: Called when the first connection may come.

    Raises:
        InputError: It could not start.
    """
    config = uvicorn.Config(
        app,
        http=limited_protocol(head_timeout=min(_HEAD, timeout), max_connections=_most_connections()),
        interface="asgi3",
        lifespan="on",
        ws="none",
        # Lines of its own would stand between those of the request log.
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(timeout + _GRACE) + 1,
    )
    # uvicorn ends by sending itself the signal that stopped it, which by default would kill the process.
    before = signal.signal(signal.SIGTERM, _exit)
    server = _Server(config, on_listening)
    try:
        server.run(sockets=[bound])
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code:
            raise
    finally:
        signal.signal(signal.SIGTERM, before)
        bound.close()
    if not server.started:
        raise InputError("the service could not start", fix="look at the reason above")


def _most_connections() -> int:
    """As many as there may be open files, less those that the service needs itself."""
    try:
        import resource
    except ImportError:
        # Windows counts sockets apart from files.
        return _MOST_CONNECTIONS
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(16, min(_MOST_CONNECTIONS, limit - _OTHER_FILES))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


def _exit(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
