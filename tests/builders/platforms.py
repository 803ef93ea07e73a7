"""Another platform with a database of its own, for tests of the exchange between platforms (JT/T 809)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.exchange import Pace, Upper
from services import access, exchange
from services.audit import Ledger
from services.db.engine import reading, writing
from services.db.tables.fleet import Device
from services.db.tables.tracks import Fix as FixRow
from services.pipeline import Pipeline
from services.settings import Settings

PLATE, COLOR = "湘B12345", 2
CIPHER = (30_000_000, 20_000_000, 20_000_000)
ACCESS_CODE, USER, PASSWORD = 1011, 20180920, "20180920"
PACE = Pace(
    idle=timedelta(seconds=0.3), silence=timedelta(seconds=3), look_s=0.05, retry_s=0.2, confirm_s=0.1, count_s=0.3,
    penalty_s=0.01,
)  # fmt: skip


@dataclass
class Above:
    """The upper platform: its own database, and a port of its own."""

    engine: AsyncEngine
    url: str
    port: int

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Upper]:
        settings = Settings(database_url=self.url, exchange_port=self.port)
        async with (
            Pipeline(self.engine, settings).running() as pipeline,
            Upper(self.engine, settings, pipeline, PACE).serving() as upper,
        ):
            yield upper

    async def agree(self, **changed) -> None:
        """Let the lower platform in, and know its vehicle."""
        values = {
            "name": "county",
            "access_code": ACCESS_CODE,
            "user_id": USER,
            "password": PASSWORD,
        }
        async with writing(self.engine) as db:
            mandate = access.system_mandate(Ledger(self.engine))
            await exchange.add_platform(mandate, db, **({"edition": "2011"} | values | changed))
            db.add(Device(phone="f8091", plate=PLATE, plate_color=COLOR))

    async def stored(self) -> list[FixRow]:
        async with reading(self.engine) as db:
            return list((await db.execute(select(FixRow).order_by(FixRow.at))).scalars())

    async def arrived(self, count: int) -> None:
        async def enough() -> bool:
            return len(await self.stored()) >= count

        await until(enough)


async def until(true: Callable[[], object], *, within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while True:
            done = true()
            if await done if asyncio.iscoroutine(done) else done:
                return
            await asyncio.sleep(0.02)
