"""The HTTP application: every router, the error table, and what lives as long as the process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import graph, ground, hardening, phones, problems, stream
from api.routes import (
    accounts,
    alerts,
    areas,
    assignments,
    audit,
    basemap,
    calls,
    cases,
    commands,
    coverage,
    desk,
    devices,
    dispatch,
    exports,
    fixes,
    frames,
    health,
    live,
    media,
    messages,
    my,
    oidc,
    pages,
    parks,
    patrols,
    reports,
    rights,
    roads,
    rosters,
    session,
    units,
)
from services import access
from services.audit import Ledger
from services.coverage import Board as Coverage
from services.db.engine import make_engine
from services.db.security import DbRole
from services.settings import Settings

ROUTERS = (
    accounts.router,
    alerts.router,
    areas.router,
    audit.router,
    basemap.router,
    health.router,
    messages.router,
    my.router,
    oidc.router,
    pages.router,
    parks.router,
    patrols.router,
    coverage.router,
    assignments.router,
    calls.router,
    dispatch.router,
    cases.router,
    commands.router,
    reports.router,
    rights.router,
    roads.router,
    rosters.router,
    session.router,
    desk.router,
    devices.router,
    exports.router,
    fixes.router,
    frames.router,
    live.router,
    media.router,
    units.router,
)

Starter = Callable[[FastAPI], AbstractAsyncContextManager[None]]
STARTERS: tuple[Starter, ...] = (stream.start, graph.start, ground.start, phones.start)
"""What runs beside the requests; each is entered at start-up, in this order, and left in reverse."""


def create_app(settings: Settings) -> FastAPI:
    """Return the application for a database.

    Raises:
        UnavailableError: the settings name no database.
    """
    url = settings.database_address

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.engine, app.state.door = make_engine(url, DbRole.APP), make_engine(url, DbRole.DOOR)
        app.state.intake, writer = make_engine(url, DbRole.INGEST), make_engine(url, DbRole.AUDIT, pool_size=1)
        app.state.ledger = Ledger(app.state.door, writer)
        app.state.keys = access.load_keys(settings)
        async with AsyncExitStack() as stack:
            for engine in (app.state.engine, app.state.door, app.state.intake, writer):
                stack.push_async_callback(engine.dispose)
            for starter in STARTERS:
                await stack.enter_async_context(starter(app))
            yield

    app = FastAPI(title="Tianshu 天枢", version="0.1.0", lifespan=lifespan, openapi_url=None)
    app.state.settings, app.state.coverage = settings, Coverage()
    problems.register(app)
    app.add_middleware(hardening.Hardening, settings=settings)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # as they are: `include_router` makes each anew
    return app


def routes() -> list[APIRoute]:
    """Return every HTTP route, for those who walk or describe them all."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
