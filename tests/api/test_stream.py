"""The live stream over a real server: everything first, then every change, and nothing lost on the way back."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api import stream
from geo.fix import Fix
from services import access, tracks
from services.db.engine import writing

NOW = datetime.now(UTC).replace(microsecond=0)
PASSWORD = "a long enough password"
Event = tuple[int, str, dict[str, Any]]
Mandates = Callable[..., Awaitable[access.Mandate]]


class Page:
    """A page that follows the stream."""

    def __init__(self) -> None:
        self._events = asyncio.Queue[Event | None]()

    async def read(self, lines: AsyncIterator[str]) -> None:
        """Take events off the stream until it ends."""
        fields: dict[str, str] = {}
        async for line in lines:
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line and "data" in fields:
                self._events.put_nowait((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                fields = {}
        self._events.put_nowait(None)

    async def next(self, timeout_s: float = 10) -> Event:
        event = await asyncio.wait_for(self._events.get(), timeout_s)
        if event is None:
            raise EOFError
        return event

    async def until(self, unit_id: int, lon_deg: float) -> Event:
        """Read on until a unit is told to be somewhere."""
        while True:
            event = await self.next()
            if any(row[0] == unit_id and row[1] == lon_deg for row in event[2]["units"]):
                return event

    async def silent(self, for_s: float) -> bool:
        try:
            await self.next(for_s)
        except TimeoutError:
            return True
        return False


class Site:
    """The application behind a real HTTP server, and a signed-in dispatcher."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    @asynccontextmanager
    async def page(self, last_id: int | str | None = None) -> AsyncIterator[Page]:
        headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
        async with self.client.stream("GET", "/stream", headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            page = Page()
            reading = asyncio.create_task(page.read(response.aiter_lines()))
            yield page
            reading.cancel()


@pytest.fixture
async def site(application: FastAPI, engine: AsyncEngine, mandate: Mandates) -> AsyncIterator[Site]:
    for number in (1, 2):
        await write(
            engine,
            f"INSERT INTO device (phone) VALUES ('{number}')",
            f"INSERT INTO unit (call_sign, kind) VALUES ('C{number}', 'car')",
            f"INSERT INTO carriage (unit_id, device_id, during) VALUES ({number}, {number}, '(,)')",
        )
        await see(engine, number, 113.0 + number)
    server = uvicorn.Server(uvicorn.Config(application, port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    who = await mandate("dispatcher")
    token = await access.sign_in(who.ledger, who.username, PASSWORD, remote="test", now=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10) as client:
        yield Site(client)
    server.should_exit = True
    await serving


async def write(engine: AsyncEngine, *statements: str) -> None:
    async with writing(engine) as db:
        for statement in statements:
            await db.execute(text(statement))


async def see(engine: AsyncEngine, device_id: int, lon_deg: float, second: int = 0) -> None:
    async with writing(engine) as db:
        await tracks.store(db, [Fix(device_id, NOW + timedelta(seconds=second), lon_deg, 27.83, second)])


ALERT = "INSERT INTO alert (key, kind, severity, at, device_id, state) VALUES ('k', 'sos', 'urgent', now(), 1, '{}')"


async def test_the_stream_begins_with_everything(site: Site) -> None:
    async with site.page() as page:
        _, name, data = await page.next()
    assert name == "snapshot"
    assert sorted(data["units"]) == [
        [1, 114.0, 27.83, None, None, None, NOW.timestamp(), "free"],
        [2, 115.0, 27.83, None, None, None, NOW.timestamp(), "free"],
    ]
    assert (data["calls"], data["alerts"]) == ([], [])


async def test_a_change_is_on_the_screen_within_a_second(site: Site, engine: AsyncEngine) -> None:
    async with site.page() as page:
        await page.next()
        await see(engine, 1, 113.5, second=1)
        started_s = asyncio.get_running_loop().time()
        _, name, data = await page.next()
        assert asyncio.get_running_loop().time() - started_s < 1
    assert name == "delta"
    assert data["units"] == [[1, 113.5, 27.83, None, None, None, NOW.timestamp() + 1, "free"]]


async def test_calls_and_alerts_come_as_their_own_routes_give_them(site: Site, engine: AsyncEngine) -> None:
    async with site.page() as page:
        await page.next()
        await write(
            engine, "INSERT INTO alert (key, kind, severity, at, device_id) VALUES ('k', 'sos', 'urgent', now(), 1)"
        )
        _, _, data = await page.next()
        shown = (await site.client.get("/alerts")).json()["items"]
        assert data["alerts"] == shown
        place = {"lon_deg": 113.1, "lat_deg": 27.8, "address": "Road 1", "notes": ""}
        answer = await site.client.post("/calls", json={"kind": "theft", "priority": 2, **place})
        assert answer.status_code == 201, answer.text
        _, _, data = await page.next()
        assert data["calls"] == [answer.json()]


async def test_nothing_is_sent_when_nothing_changes(site: Site) -> None:
    async with site.page() as page:
        await page.next()
        assert await page.silent(1)


async def test_a_page_that_comes_again_has_lost_nothing(site: Site, engine: AsyncEngine) -> None:
    async with site.page() as page:
        await page.next()
        await see(engine, 1, 113.5, second=1)
        last_id, _, _ = await page.next()
    await see(engine, 2, 113.6, second=2)
    await see(engine, 1, 113.7, second=3)
    await write(
        engine, "INSERT INTO alert (key, kind, severity, at, state) VALUES ('k', 'sos', 'urgent', now(), 'closed')"
    )
    async with site.page(last_id) as page:
        _, name, data = await page.next()
    assert name == "delta"
    assert sorted(row[:2] for row in data["units"]) == [[1, 113.7], [2, 113.6]]
    assert [alert["state"] for alert in data["alerts"]] == ["closed"]


async def test_a_page_that_comes_and_goes_all_the_time_hears_of_every_transaction(
    site: Site, engine: AsyncEngine, database_url: str
) -> None:
    """Alerts are raised by transactions that overlap while the page drops its connection after every event."""
    heard: set[str] = set()
    raised = [f"{writer}/{number}" for writer in range(3) for number in range(12)]

    async def raise_alerts(writer: int) -> None:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            for number in range(12):
                await connection.execute(
                    "INSERT INTO alert (key, kind, severity, at) VALUES (%s, 'x', 'notice', now())",
                    [f"{writer}/{number}"],
                )
                await asyncio.sleep(0.02 * ((writer * 5 + number * 3) % 7))
                await connection.commit()

    writing_all = [asyncio.create_task(raise_alerts(writer)) for writer in range(3)]
    last_id: int | None = None
    async with asyncio.timeout(60):
        while len(heard) < len(raised):
            async with site.page(last_id) as page:
                last_id, _, data = await page.next()
                heard |= {alert["id"] for alert in data["alerts"]}
    await asyncio.gather(*writing_all)
    assert len(heard) == len(raised)


async def test_an_id_of_another_database_brings_everything(site: Site) -> None:
    async with site.page(2**60) as page:
        assert (await page.next())[1] == "snapshot"


async def test_an_id_that_is_no_number_brings_everything(site: Site) -> None:
    async with site.page("x") as page:
        assert (await page.next())[1] == "snapshot"


async def test_a_long_transaction_does_not_make_the_stream_repeat_itself(
    site: Site, engine: AsyncEngine, database_url: str
) -> None:
    async with site.page() as page, await psycopg.AsyncConnection.connect(database_url) as slow:
        await page.next()
        await slow.execute("UPDATE unit SET state = 'dispatched' WHERE id = 2")
        await see(engine, 1, 113.5, second=1)
        assert (await page.next())[2]["units"][0][1] == 113.5
        assert await page.silent(1)
        await slow.commit()
        assert (await page.next())[2]["units"][0][7] == "dispatched"


async def test_all_pages_share_one_look(site: Site, engine: AsyncEngine, application: FastAPI) -> None:
    looks = 0
    hub = application.state.hub
    look = hub._look

    async def counted() -> None:
        nonlocal looks
        looks += 1
        await look()

    hub._look = counted
    async with site.page() as one, site.page() as two, site.page() as three:
        for page in (one, two, three):
            await page.next()
        looks = 0
        await asyncio.sleep(1)
        assert looks <= 5
        await see(engine, 1, 113.9, second=9)
        for page in (one, two, three):
            await page.until(1, 113.9)


async def test_nobody_looks_while_nobody_watches(site: Site, application: FastAPI) -> None:
    async with site.page() as page:
        await page.next()
    async with asyncio.timeout(5):
        while application.state.hub._awake.is_set():  # noqa: ASYNC110 -- it falls asleep by itself
            await asyncio.sleep(0.01)


async def test_a_listener_that_is_too_slow_is_given_up_and_the_others_are_not() -> None:
    slow, quick = stream.Listener(), stream.Listener()
    for number in range(stream.MAX_QUEUED + 1):
        for listener in (slow, quick):
            listener.put(number, b"event")
        await quick.get(0)
    assert (slow.lost, quick.lost) == (True, False)


async def test_a_stream_ends_after_a_while_so_that_the_right_to_look_is_asked_anew(
    site: Site, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LIFETIME_S", 0.5)
    monkeypatch.setattr(stream, "KEEP_ALIVE_S", 0.1)
    async with site.page() as page:
        await page.next()
        with pytest.raises(EOFError):
            await page.next()


async def read_on(page: Page) -> None:
    """Read to the end: what was told may be told again before it."""
    while True:
        await page.next(20)


@pytest.mark.parametrize(
    "taken_away",
    [
        "DELETE FROM login",
        "UPDATE account SET active = false",
        "UPDATE account_role SET role = 'auditor'",
        "ALTER TABLE account_role RENAME TO account_role_gone",
    ],
)
async def test_a_stream_ends_within_seconds_when_the_right_to_look_is_taken_away(
    site: Site, engine: AsyncEngine, taken_away: str
) -> None:
    async with site.page() as page:
        await page.next()
        await write(engine, taken_away)
        try:
            with pytest.raises(EOFError):
                await asyncio.wait_for(read_on(page), 20)
        finally:
            if "RENAME" in taken_away:
                await write(engine, "ALTER TABLE account_role_gone RENAME TO account_role")


async def test_only_who_may_look_gets_the_stream(
    client: Callable[..., Awaitable[httpx.AsyncClient]], anonymous: httpx.AsyncClient
) -> None:
    assert (await anonymous.get("/stream")).status_code == 401
    assert (await (await client("auditor")).get("/stream")).status_code == 403
