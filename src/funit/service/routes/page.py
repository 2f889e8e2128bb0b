"""The web page: what `make web` built into `static`, or a word on how to build it."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from funit.errors import NotThereError

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parent.parent / "static"
NOT_BUILT = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>funit</title>"
    "<h1>funit</h1><p>The service runs; its web page is not built: <code>make web</code>, with "
    'Node.js, does.</p><p><a href="docs">The routes of the service</a></p></html>'
)
_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}


@router.get("/")
async def page(request: Request) -> Response:
    """The page; its name never changes, so that every visit asks whether it has."""
    index = STATIC / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT)
    return _sent(request, index, "text/html", "no-cache")


@router.get("/assets/{file}")
async def asset(request: Request, file: str) -> Response:
    """A part of the page; its name has the hash of what is in it."""
    path = STATIC / "assets" / file
    media_type = _MEDIA_TYPES.get(path.suffix)
    if media_type is None or path.parent.name != "assets" or not path.is_file():
        raise NotThereError(f"the page has no part `{file}`", hint="load the page again")
    return _sent(request, path, media_type, "public, max-age=31536000, immutable")


def _sent(request: Request, path: Path, media_type: str, caching: str) -> FileResponse:
    headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}
    packed = path.with_name(path.name + ".gz")  # the build leaves one where it is worth it
    if "gzip" in request.headers.get("Accept-Encoding", "") and packed.is_file():
        return FileResponse(
            packed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"}
        )
    return FileResponse(path, media_type=media_type, headers=headers)
