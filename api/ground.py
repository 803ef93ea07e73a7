"""The ground of the city for dispatch: the boundaries that ship with the maps, read once when the process starts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request

from maps import basemap
from services.dispatch import ground

NAMED = {"place": "places", "township": "areas"}
"""Kinds of names in the gazetteer, and the layers of the base map that hold them."""


@asynccontextmanager
async def start(app: FastAPI) -> AsyncIterator[None]:
    """Hold the ground as `app.state.ground`."""
    app.state.ground = load()
    yield


def load() -> ground.Ground:
    """Return the ground of the city."""
    named = {kind: _features(layer) for kind, layer in NAMED.items()}
    return ground.build(_features("counties"), named)


def _features(layer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(basemap.layer(layer))["features"]
    return found


def _ground(request: Request) -> ground.Ground:
    found: ground.Ground = request.app.state.ground
    return found


Land = Annotated[ground.Ground, Depends(_ground)]
"""The divisions of the city and the names of the map."""
