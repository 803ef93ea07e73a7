"""Two platforms of our own over real sockets, each with a database of its own."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.exchange import Lower
from api.exchange.lower import UpperAddress
from geo.fix import Fix, Quality, Source, Systems
from services import access, exchange, fleet
from services.audit import Ledger
from services.db import migrate
from services.db.engine import make_engine, reading, writing
from services.db.tables.fleet import Device, PendingDevice
from services.errors import InvalidError
from services.ingest.jt808.messages.position import Status
from services.ingest.jt809 import link as links
from services.ingest.jt809 import messages, positions
from services.ingest.jt809.framing import Cipher, Edition
from services.ingest.jt809.messages import session
from services.pipeline import Pipeline
from services.settings import Settings
from tests.builders.database import rows
from tests.builders.platforms import (
    ACCESS_CODE,
    CIPHER,
    COLOR,
    PACE,
    PASSWORD,
    PLATE,
    USER,
    Above,
    until,
)


@pytest.fixture(scope="module")
def upper_url(cluster, worker_id) -> str:
    url = cluster.url(f"upper_{worker_id}_{secrets.token_hex(4)}")
    migrate.upgrade(url)
    return url


@pytest.fixture
async def above(upper_url: str) -> AsyncIterator[Above]:
    with psycopg.connect(upper_url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE fix, newest_fix, outbox, quarantine, pending_device, platform RESTART IDENTITY CASCADE"
        )
        connection.execute("TRUNCATE device RESTART IDENTITY CASCADE")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    engine = make_engine(upper_url)
    yield Above(engine, upper_url, port)
    await engine.dispose()


def address(port: int, **changed) -> UpperAddress:
    values = {"user_id": USER, "password": PASSWORD, "access_code": ACCESS_CODE}
    return UpperAddress("127.0.0.1", port, **(values | changed))


@pytest.fixture
async def lower(engine: AsyncEngine, database_url: str) -> AsyncIterator[Callable[..., Awaitable[Lower]]]:
    """Start the lower platform: `await lower(address)`. Its vehicle is device 1."""
    settings = Settings(database_url=database_url, upper_url="jt809://set", exchange_down_port=0)
    async with AsyncExitStack() as stack:

        async def start(where: UpperAddress) -> Lower:
            return await stack.enter_async_context(Lower(engine, settings, where, PACE).running())

        async with writing(engine) as db:
            db.add(Device(phone="13900000001", plate=PLATE, plate_color=COLOR))
        yield start


@pytest.fixture
async def store(engine: AsyncEngine, database_url: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Store fixes of the vehicle below: `await store(seconds, …)`, as its gateway would."""
    settings = Settings(database_url=database_url, upper_url="jt809://set")
    async with Pipeline(engine, settings).running() as pipeline:
        yield lambda *seconds: pipeline.submit([a_fix(each) for each in seconds])


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test happen now: what was reported some minutes ago would be late."""
    monkeypatch.setitem(globals(), "NOW", datetime.now(UTC).replace(microsecond=0))


def a_fix(seconds: int, **values) -> Fix:
    speed = {
        "speed_mps": 10.0,
        "heading_deg": 90.0,
        "altitude_m": 45.0,
        "systems": Systems.BEIDOU,
    }
    return Fix(1, NOW + timedelta(seconds=seconds), 113.13, 27.83, seconds, **(speed | values))


async def waiting(engine: AsyncEngine) -> int:
    async with reading(engine) as db:
        return await exchange.count_waiting(db)


async def waiting_at_least(engine: AsyncEngine, count: int) -> bool:
    return await waiting(engine) >= count


async def confirmed(engine: AsyncEngine) -> None:
    async def none() -> bool:
        return await waiting(engine) == 0

    await until(none)


@pytest.mark.parametrize("agreed", [("2011", None), ("2011", CIPHER), ("2019", None), ("2019", CIPHER)])
async def test_positions_cross_once_in_every_edition_plain_or_encrypted(engine, above, lower, store, agreed):
    edition, cipher = agreed
    await above.agree(edition=edition, cipher=cipher)
    where = address(above.port, edition=Edition(edition), cipher=Cipher(*cipher) if cipher else None)
    async with above.serving():
        below = await lower(where)
        await until(lambda: below.main and below.sub)
        await store(-2, -1, 0)
        await store(-1, 0)
        await above.arrived(3)
        await confirmed(engine)
    found = await above.stored()
    assert [fix.at for fix in found] == [NOW + timedelta(seconds=second) for second in (-2, -1, 0)]
    assert {(fix.source, fix.speed_mps, fix.heading_deg, fix.altitude_m, fix.flags) for fix in found} == {
        (Source.JT809, 10.0, 90.0, 45.0, 0)
    }
    assert {fix.systems for fix in found} == {Systems.BEIDOU if edition == "2019" else 0}


@pytest.mark.parametrize(
    "case",
    [
        ({"access_code": 77}, {}, session.Refusal.ACCESS_CODE),
        ({"user_id": 1}, {}, session.Refusal.UNKNOWN_USER),
        ({"password": "wrong"}, {}, session.Refusal.PASSWORD),
        ({}, {"addresses": ["10.0.0.0/8"]}, session.Refusal.ADDRESS),
        (
            {"access_code": 77, "edition": Edition.V2019},
            {},
            session.Refusal.ACCESS_CODE,
        ),
    ],
)
async def test_a_login_is_refused_with_the_reason(above, lower, store, case):
    ours, theirs, result = case
    await above.agree(**theirs)
    async with above.serving() as upper:
        below = await lower(address(above.port, **ours))
        await store(0)
        await until(lambda: below.refused is not None)
        assert below.refused == result
        assert (below.main, upper.sessions) == (None, {})
    assert await above.stored() == []


async def test_an_outage_is_caught_up_and_nothing_is_lost_or_doubled(engine, above, lower, store):
    await above.agree()
    below = await lower(address(above.port))
    async with above.serving():
        await until(lambda: below.main and below.main.is_open)
        await store(-300)
        await above.arrived(1)
    await until(lambda: not (below.main and below.main.is_open))
    await store(*range(-299, -100))
    await until(lambda: waiting_at_least(engine, 199))
    async with above.serving():
        await above.arrived(200)
        await confirmed(engine)
    found = await above.stored()
    assert len(found) == 200
    assert all(fix.flags & Quality.LATE for fix in found)


async def test_what_was_not_confirmed_goes_again_and_counts_once(engine, above, lower, store):
    await above.agree()
    async with above.serving() as upper:
        below = await lower(address(above.port))
        await until(lambda: below.main and below.sub)
        for second in range(-20, 0):
            await store(second)
            for guest in list(upper.sessions.values()):
                guest.main.close()
                if guest.sub:
                    guest.sub.close()
        await above.arrived(20)
        await confirmed(engine)
    assert len(await above.stored()) == 20


async def test_nothing_is_lost_while_the_database_above_is_away(engine, own_cluster, lower, store):
    """A link test is not answered before the commit, so what was sent meanwhile goes again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        above = Above(make_engine(own_cluster.url()), own_cluster.url(), probe.getsockname()[1])
    await above.agree()
    async with above.serving():
        below = await lower(address(above.port))
        await until(lambda: below.main)
        await store(-5)
        await above.arrived(1)
        await asyncio.to_thread(own_cluster.stop)
        await store(*range(-200, -10))
        await asyncio.sleep(1)
        assert await waiting(engine) >= 190
        await asyncio.to_thread(own_cluster.start)
        await above.arrived(191)
        await confirmed(engine)
        assert len(await above.stored()) == 191
    await above.engine.dispose()


async def test_all_data_goes_over_the_sub_link_when_the_main_link_breaks(engine, above, lower, store):
    await above.agree()
    async with above.serving() as upper:
        below = await lower(address(above.port))
        await until(lambda: below.main and below.sub and upper.sessions[ACCESS_CODE].sub)
        below._address = address(1)  # nobody listens there: the main link can't come back
        below.main.close()
        await until(lambda: below.main is None)
        await store(-1, 0)
        await above.arrived(2)
        await confirmed(engine)
        assert not upper.sessions[ACCESS_CODE].main.is_open


async def test_all_data_goes_over_the_main_link_when_nobody_answers_the_call_back(engine, above, lower, store):
    await above.agree()
    async with above.serving() as upper:
        below = await lower(address(above.port))
        below._settings = below._settings.model_copy(update={"exchange_down_host": "10.1.2.3"})
        await until(lambda: below.main)
        below.main.close()
        await until(lambda: ACCESS_CODE in upper.sessions and upper.sessions[ACCESS_CODE].down[0] == "10.1.2.3")
        await store(0)
        await above.arrived(1)
        await until(lambda: below.tally.counted == 1)
        assert upper.sessions[ACCESS_CODE].sub is None


async def test_counts_reconcile(engine, above, lower, store):
    await above.agree()
    async with above.serving():
        below = await lower(address(above.port))
        await until(lambda: below.main and below.sub)
        await store(*range(-40, 0))
        await until(lambda: below.tally.counted == 40)
        await confirmed(engine)
        await until(lambda: below.tally.confirmed_before == 40)
        assert (below.tally.sent, below.tally.confirmed) == (40, 40)


async def test_a_vehicle_that_nobody_knows_waits_and_is_taken_once_accepted(engine, above, lower, store):
    await above.agree()
    async with writing(above.engine) as db:
        (await db.execute(select(Device))).scalar_one().plate_color = 1
    async with above.serving() as upper:
        upper.known_for_s = 0.0
        await lower(address(above.port))
        await store(-2)
        number = exchange.vehicle_number(PLATE, COLOR)

        async def knocked() -> bool:
            async with reading(above.engine) as db:
                return (await db.execute(select(PendingDevice.phone))).scalar() == number

        await until(knocked)
        async with writing(above.engine) as db:
            accepted = await fleet.accept_pending(access.system_mandate(Ledger(above.engine)), db, 1)
        assert (accepted.plate, accepted.plate_color) == (PLATE, COLOR)
        await store(-1)
        await above.arrived(1)
    assert {fix.device_id for fix in await above.stored()} == {accepted.id}


async def test_idle_links_are_tested_and_silent_ones_dropped(above, lower):
    await above.agree()
    async with above.serving():
        below = await lower(address(above.port))
        await until(lambda: below.main and below.sub)
        main = below.main
        await until(lambda: main.answers >= 2)
        assert main.is_open
        reader, writer = await asyncio.open_connection("127.0.0.1", above.port)
        link = links.Link(ACCESS_CODE, datetime.now(UTC))
        writer.write(link.send(session.Login(USER, PASSWORD, "127.0.0.1", 1), datetime.now(UTC)))
        heard = [event.message for event in link.receive(await reader.read(1000), datetime.now(UTC))]
        assert heard[0].result == 0
        async with asyncio.timeout(10):
            while await reader.read(1000):
                pass
        writer.close()


async def test_nothing_is_taken_before_the_login_and_bad_bytes_close_nothing(above):
    await above.agree()
    async with above.serving():
        reader, writer = await asyncio.open_connection("127.0.0.1", above.port)
        link, now = links.Link(ACCESS_CODE, datetime.now(UTC)), datetime.now(UTC)
        said = messages.about(PLATE, COLOR, positions.from_fix(a_fix(0), Edition.V2011))
        writer.write(link.send(said, now) + b"\x5bnoise\x5d\x00\x5b")
        writer.write(link.send(session.Login(USER, PASSWORD, "127.0.0.1", 1), now) + link.send(session.LinkTest(), now))
        heard = list[object]()
        async with asyncio.timeout(10):
            while not any(isinstance(message, session.LinkTestAnswer) for message in heard):
                heard += [event.message for event in link.receive(await reader.read(1000), now)]
        writer.close()
    assert await above.stored() == []
    assert ("header", b"\x5bnoise\x5d") in await rows(above.engine, "SELECT reason, frame FROM quarantine")


@pytest.mark.parametrize("edition", list(Edition))
@pytest.mark.parametrize("how", ["flag", "state", "catch_up"])
async def test_enciphered_coordinates_are_quarantined_with_their_frame_and_show_no_place(above, edition, how):
    await above.agree(edition=edition.value)
    marked = {"status": int(Status.ENCRYPTED)} if how == "state" else {}
    position = positions.from_fix(a_fix(0, **marked), edition)
    position = replace(position, encrypted=0 if how == "state" else 1)
    said = positions.catch_up((position,), edition) if how == "catch_up" else position
    login = session.Login2019(USER, PASSWORD, ACCESS_CODE, "127.0.0.1", 1) if edition is Edition.V2019 else (
        session.Login(USER, PASSWORD, "127.0.0.1", 1))  # fmt: skip
    now = datetime.now(UTC)
    link = links.Link(ACCESS_CODE, now, edition=edition)
    async with above.serving():
        _, writer = await asyncio.open_connection("127.0.0.1", above.port)
        writer.write(link.send(login, now))
        frame = link.send(messages.about(PLATE, COLOR, said), now)
        writer.write(frame)
        await above.arrived(1)
        writer.close()
    assert await rows(above.engine, "SELECT reason, frame FROM quarantine") == [("enciphered", frame)]
    assert await rows(above.engine, "SELECT ST_X(place::geometry), ST_Y(place::geometry) FROM fix") == [(0, 0)]
    assert await rows(above.engine, "SELECT 1 FROM newest_fix") == []


async def test_who_logs_out_is_forgotten(above, lower):
    await above.agree()
    async with above.serving() as upper:
        below = await lower(address(above.port))
        await until(lambda: below.main and below.sub and ACCESS_CODE in upper.sessions)
        below._address = address(1)
        await below._log_out()
        await until(lambda: not upper.sessions)


async def test_fixes_of_other_platforms_and_encrypted_ones_do_not_go_on(engine, database_url, lower):
    await lower(address(1))
    settings = Settings(database_url=database_url, upper_url="jt809://set")
    async with Pipeline(engine, settings).running() as pipeline:
        await pipeline.submit([a_fix(0, source=Source.JT809), a_fix(1, flags=Quality.ENCRYPTED), a_fix(2)])
    assert await waiting(engine) == 1


async def test_nothing_is_queued_when_there_is_no_upper_platform(engine, database_url, lower):
    await lower(address(1))
    async with Pipeline(engine, Settings(database_url=database_url)).running() as pipeline:
        await pipeline.submit([a_fix(0)])
    assert await waiting(engine) == 0


async def test_a_password_is_kept_hashed_and_fits_the_protocol(above):
    await above.agree()
    async with reading(above.engine) as db:
        platform = await exchange.find_platform(db, ACCESS_CODE)
    assert PASSWORD not in platform.password_hash
    assert platform.password_hash.startswith("$argon2id$")
    for wrong in (
        {"password": "longer than 8"},
        {"addresses": ["nowhere"]},
        {"cipher": (0, 1, 1)},
        {"access_code": 0},
    ):
        with pytest.raises(InvalidError):
            await above.agree(name="other", **wrong)
