"""Frames that were not accepted are kept for people to look at, but never faster than the database likes."""

import asyncio
from collections import deque

import structlog
from prometheus_client import Counter

from services import fleet
from services.db import engine as databases
from services.errors import UnavailableError

NOT_KEPT = Counter("tianshu_gateway_quarantine_dropped_total", "Refused frames that came too fast to be kept")

MAX_WAITING = 1000
PER_SECOND = 50

log = structlog.get_logger()


class Quarantine:
    """A short queue before the table; what does not fit in is counted, not kept."""

    def __init__(self, engine: databases.Engine) -> None:
        """Choose the database."""
        self._engine = engine
        self._waiting = deque[fleet.BadFrame]()

    def add(self, bad: fleet.BadFrame) -> None:
        """Take a frame; returns at once."""
        if len(self._waiting) >= MAX_WAITING:
            NOT_KEPT.inc()
        else:
            self._waiting.append(bad)

    async def run(self) -> None:
        """Write what waits, once a second."""
        while True:
            await asyncio.sleep(1)
            await self.flush()

    async def flush(self) -> None:
        """Write some of what waits; if the database is away it goes on waiting."""
        batch = [self._waiting.popleft() for _ in range(min(PER_SECOND, len(self._waiting)))]
        if not batch:
            return
        try:
            async with databases.writing(self._engine) as db:
                await fleet.quarantine(db, batch)
        except UnavailableError:
            self._waiting.extendleft(reversed(batch))
            log.warning("quarantine_not_written", waiting=len(self._waiting))
