"""The built pages: one document for every page, and the assets it names."""

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

import maps
from services.errors import NotFoundError, UnavailableError

router = APIRouter(tags=["pages"])

STATIC = Path(maps.__file__).parent / "static"

_FOREVER = "public, max-age=31536000, immutable"  # the name of an asset holds the hash of its content
_ALWAYS_ASK = "no-cache"
_TYPES = {".webmanifest": "application/manifest+json"}


class PagesNotBuiltError(UnavailableError):
    """The web pages are made from `maps/web` by `npm run build`."""


class NoSuchAssetError(NotFoundError):
    """The build made no file of this name."""


@router.get("/", include_in_schema=False)
@router.get("/login", include_in_schema=False)
@router.get("/replay", include_in_schema=False)
@router.get("/patrols", include_in_schema=False)
@router.get("/reports", include_in_schema=False)
@router.get("/hotspots", include_in_schema=False)
@router.get("/security", include_in_schema=False)
@router.get("/administration", include_in_schema=False)
@router.get("/cases", include_in_schema=False)
@router.get("/operator", include_in_schema=False)
@router.get("/officer", include_in_schema=False)
@router.get("/wall", include_in_schema=False)
@router.get("/map", include_in_schema=False)
@router.get("/audit", include_in_schema=False)
@router.get("/downloads", include_in_schema=False)
def read_page(request: Request) -> FileResponse:
    """Send the document of the pages; which page it shows is up to its address. Open: it holds no data."""
    document = STATIC / "index.html"
    if not document.is_file():
        raise PagesNotBuiltError("The web pages are not built. Run `npm ci && npm run build` in maps/web.")
    return _file(request, document, _ALWAYS_ASK)


@router.get("/officer.webmanifest", include_in_schema=False)
@router.get("/officer.sw.js", include_in_schema=False)
@router.get("/officer-icon.svg", include_in_schema=False)
def read_shell(request: Request) -> FileResponse:
    """Send what makes the officer's page an application of its phone. Open: it holds no data."""
    part = STATIC / request.url.path.removeprefix("/")
    if not part.is_file():
        raise PagesNotBuiltError("The web pages are not built. Run `npm ci && npm run build` in maps/web.")
    return _file(request, part, _ALWAYS_ASK)


@router.get("/assets/{path:path}", include_in_schema=False)
def read_asset(request: Request, path: str) -> FileResponse:
    """Send a script, style sheet or picture of the pages. Open: it holds no data."""
    folder = (STATIC / "assets").resolve()
    asset = (folder / path).resolve()
    if not asset.is_relative_to(folder) or not asset.is_file():
        raise NoSuchAssetError("There is no asset {path}.", path=repr(path))
    return _file(request, asset, _FOREVER)


def _file(request: Request, path: Path, cache: str) -> FileResponse:
    """Return a file as it is, or its compressed twin when the browser takes it."""
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    compressed = path.with_name(f"{path.name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and compressed.is_file():
        return FileResponse(compressed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return FileResponse(path, media_type=media_type, headers=headers)
