"""The ground under the pages' maps: static layers, cached by the browser."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response, status

from api import deps
from maps import basemap
from services.errors import NotFoundError

router = APIRouter(tags=["basemap"])

CACHE = "private, max-age=86400"


class UnknownLayerError(NotFoundError):
    """There is no such layer."""


@router.get("/basemap/{layer}")
async def read_layer(
    request: Request,
    layer: str,
    _: deps.Who,
    datum: Annotated[
        Literal["cgcs2000", "gcj02"], Query(description="gcj02 only to lie over tiles of a Chinese provider")
    ] = "cgcs2000",
) -> Response:
    """A layer as GeoJSON: city, counties, context, river, places, areas (these are synthetic)."""
    if layer not in basemap.LAYERS:
        raise UnknownLayerError("There is no layer {layer}: {layers}.", layer=layer, layers=", ".join(basemap.LAYERS))
    body = basemap.layer(layer, datum)
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"Cache-Control": CACHE, "ETag": etag, "Vary": "Cookie, Authorization"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/geo+json", headers=headers)
