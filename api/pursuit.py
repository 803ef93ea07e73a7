"""Dispatch without anybody asking: timers that run out, units followed on their way. Part of the worker."""

import asyncio
from datetime import UTC, datetime

import structlog

from geo.roads import Modes
from services import dispatch, roads
from services.db.engine import Engine, reading, writing
from services.dispatch import pursuit, timers
from services.errors import NotFoundError, UnavailableError
from services.settings import Settings

log = structlog.get_logger()


class Watch:
    """Holds the roads as they are now, and looks when told to."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """Choose the database."""
        self._engine, self._settings = engine, settings
        self._loaded: roads.Loaded | None = None
        self._pursuit, self._turn = pursuit.Pursuit(), asyncio.Lock()

    async def check_timers(self) -> int:
        """Tell what has waited too long; return how much was new."""
        modes = await self._roads()
        async with self._turn, writing(self._engine) as db:
            return await timers.check(db, modes, self._settings, datetime.now(UTC))

    async def follow(self) -> None:
        """Look at the units on their way again and again, until cancelled; while the database is away, wait."""
        while True:
            try:
                modes = await self._roads()
                async with writing(self._engine) as db:
                    await self._pursuit.look(db, modes, self._settings, datetime.now(UTC))
            except UnavailableError as error:
                log.warning("units_not_followed", error=type(error).__name__)
            except Exception:  # whatever it is, the next look comes
                log.exception("units_not_followed")
            await asyncio.sleep(self._settings.follow_every_s)

    async def _roads(self) -> Modes | None:
        cover_s = dispatch.tables(self._settings).recommendation.cover_minutes * 60.0
        try:
            async with reading(self._engine) as db:
                self._loaded = await roads.load(
                    db, self._settings.road_network, self._loaded, cover_s=cover_s, now=datetime.now(UTC)
                )
        except NotFoundError:
            self._loaded = None
        return self._loaded.modes if self._loaded else None
