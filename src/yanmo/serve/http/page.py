"""The web page: the files of ``yanmo/assets/page``, read once and sent with strict headers."""

import hashlib
import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .errors import RefusalError

__all__ = ["page_files", "page_routes"]

_HEADERS = {
    # Everything from here, nothing inline: what a text says can never run.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_files() -> dict[str, bytes]:
    """Reads the page's files; none if this installation has no page."""
    folder = resources.files("yanmo.assets") / "page"
    if not folder.is_dir():
        return {}
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file() and "." in file.name.strip(".")}


def page_routes(files: Mapping[str, bytes]) -> list[Route]:
    """Gives the routes of the page: every file by its name, and ``index.html`` at ``/``.

    Args:
        files: Contents by file name.

    Returns:
        The routes; without ``index.html`` one at ``/`` that says where the service's addresses stand.
    """
    routes = [_route(f"/{name}", name, content) for name, content in sorted(files.items())]
    if "index.html" in files:
        return [_route("/", "index.html", files["index.html"]), *routes]

    async def no_page(_request: Request) -> Response:
        fix = "use the addresses in /openapi.json"
        return RefusalError(HTTPStatus.NOT_FOUND, "this installation has no page", fix=fix).response()

    return [Route("/", no_page, methods=["GET"]), *routes]


def _route(path: str, name: str, content: bytes) -> Route:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # The registry of a machine may know script files by their older name.
    media_type = "text/javascript" if name.endswith(".js") else kind
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    async def send(request: Request) -> Response:
        headers = {**_HEADERS, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, send, methods=["GET"])
