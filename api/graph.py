"""The road graph of this process: loaded beside the requests, replaced when its network is imported again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, Request

from geo.roads import RoadGraph
from services import roads
from services.db.engine import reading
from services.errors import NotFoundError, UnavailableError

LOOK_EVERY_S = 5.0

log = structlog.get_logger()


@asynccontextmanager
async def start(app: FastAPI) -> AsyncIterator[None]:
    """Keep `app.state.roads` (None until a network is there) up to date while the application runs."""
    app.state.roads, app.state.roads_turn = None, asyncio.Lock()
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(_keep(app))
        try:
            yield
        finally:
            keeping.cancel()


async def refresh(app: FastAPI) -> None:
    """Load the network that dispatch computes on, unless it is the one in memory already."""
    name = app.state.settings.road_network
    async with app.state.roads_turn:
        try:
            async with reading(app.state.engine) as db:
                loaded = await roads.load(db, name, app.state.roads)
        except NotFoundError:
            loaded = None
        except UnavailableError as error:  # what is in memory stays good
            log.warning("roads_not_read", network=name, error=type(error).__name__)
            return
        if loaded is not app.state.roads:
            app.state.roads = loaded
            log.info("roads_loaded", network=name, found=loaded is not None)


async def _keep(app: FastAPI) -> None:
    while True:
        await refresh(app)
        await asyncio.sleep(LOOK_EVERY_S)


def _graph(request: Request) -> RoadGraph | None:
    loaded: roads.Loaded | None = request.app.state.roads
    return loaded.graph if loaded else None


Roads = Annotated[RoadGraph | None, Depends(_graph)]
