"""The roads of this process: loaded beside the requests, replaced when their network is imported again or closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, Request

from geo.roads import Modes, RoadGraph
from services import dispatch, roads
from services.db.engine import reading
from services.errors import NotFoundError, UnavailableError

LOOK_EVERY_S = 1.0  # how soon a closure or an import made through another process counts here

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
    """Load the network that dispatch computes on, unless what is in memory is as it should be."""
    name = app.state.settings.road_network
    cover_s = dispatch.tables(app.state.settings).recommendation.cover_minutes * 60.0
    async with app.state.roads_turn:
        try:
            async with reading(app.state.engine) as db:
                loaded = await roads.load(db, name, app.state.roads, cover_s=cover_s, now=datetime.now(UTC))
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


def _loaded(request: Request) -> roads.Loaded | None:
    found: roads.Loaded | None = request.app.state.roads
    return found


def _modes(request: Request) -> Modes | None:
    loaded = _loaded(request)
    return loaded.modes if loaded else None


def _graph(request: Request) -> RoadGraph | None:
    loaded = _loaded(request)
    return loaded.modes.drive if loaded else None


async def _refreshing(request: Request) -> AsyncIterator[None]:
    yield
    await refresh(request.app)


Refreshed = Annotated[None, Depends(_refreshing, scope="function")]
"""Named before the session of a route: when that has committed, and before the answer, the roads are looked at anew."""
Network = Annotated[roads.Loaded | None, Depends(_loaded)]
"""The network in memory, with what is closed."""
Ways = Annotated[Modes | None, Depends(_modes)]
"""The roads as they are driven and walked now."""
Roads = Annotated[RoadGraph | None, Depends(_graph)]
"""The roads as they are driven now."""
