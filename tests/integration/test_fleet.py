"""Devices and units: who may accept them, and what can't belong to two."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access, fleet
from services.db.engine import reading, writing
from services.errors import NotAllowedError, NotFoundError

NOW, EARLY = datetime.now(UTC), datetime(2026, 1, 1, tzinfo=UTC)
Mandates = Callable[..., Awaitable[access.Mandate]]


@pytest.fixture
async def admin(mandate: Mandates) -> access.Mandate:
    return await mandate("system_admin")


async def knock(engine: AsyncEngine, *phones: str) -> None:
    async with writing(engine) as db:
        for phone in phones:
            await fleet.register_terminal(db, fleet.Identity(phone, f"T{phone}", f"P{phone}", "M", "X", "2019", "h:1"))


async def test_a_terminal_that_waits_is_accepted_with_what_it_said(engine: AsyncEngine, admin: access.Mandate) -> None:
    await knock(engine, "11", "12", "11")
    async with reading(engine) as db:
        waiting = await fleet.list_pending(admin, db, after_id=0, limit=10)
    assert [(pending.phone, pending.attempts, pending.protocol) for pending in waiting] == [
        ("11", 2, "2019"), ("12", 1, "2019"),
    ]  # fmt: skip
    async with writing(engine) as db:
        device = await fleet.accept_pending(admin, db, waiting[0].id)
    assert (device.phone, device.terminal_id, device.plate) == ("11", "T11", "P11")
    async with reading(engine) as db:
        assert [pending.phone for pending in await fleet.list_pending(admin, db, after_id=0, limit=10)] == ["12"]
    async with writing(engine) as db:
        with pytest.raises(fleet.NobodyWaitsError):
            await fleet.accept_pending(admin, db, waiting[0].id)
        assert await fleet.register_terminal(db, fleet.Identity("11", "T12", "P11")) is fleet.Answer.OTHER_TERMINAL
        assert isinstance(await fleet.register_terminal(db, fleet.Identity("11", "T11", "P11")), str)


async def test_a_phone_belongs_to_one_device(engine: AsyncEngine, admin: access.Mandate) -> None:
    async with writing(engine) as db:
        await fleet.accept_device(admin, db, phone="5")
    with pytest.raises(fleet.TakenError):
        async with writing(engine) as db:
            await fleet.accept_device(admin, db, phone="5", plate="x")


async def test_accepting_a_device_by_hand_takes_it_off_the_list_of_those_that_wait(
    engine: AsyncEngine, admin: access.Mandate
) -> None:
    await knock(engine, "6")
    async with writing(engine) as db:
        await fleet.accept_device(admin, db, phone="6")
    async with reading(engine) as db:
        assert await fleet.list_pending(admin, db, after_id=0, limit=10) == []


async def test_codes_are_random_and_every_one_is_different(engine: AsyncEngine, admin: access.Mandate) -> None:
    async with writing(engine) as db:
        await fleet.accept_device(admin, db, phone="7")
        codes = {str(await fleet.register_terminal(db, fleet.Identity("7"))) for _ in range(20)}
        assert len(codes) == 20
        assert min(map(len, codes)) >= 20
        assert [await fleet.authenticate_terminal(db, "7", code, "") for code in codes].count(None) == 19


async def test_a_unit_shows_its_device_and_where_it_is(
    engine: AsyncEngine, admin: access.Mandate, mandate: Mandates
) -> None:
    async with writing(engine) as db:
        device = await fleet.accept_device(admin, db, phone="8")
        made = await fleet.create_unit(
            admin,
            db,
            call_sign="A-1",
            kind="car",
            equipment=["radio"],
            division="430202",
            device_id=device.id,
            device_since=EARLY,
            now=NOW,
        )
        await db.execute(text(
            "INSERT INTO newest_fix (device_id, at, received_at, place, alarm, status, systems, flags, speed_mps) "
            "VALUES (:id, '2026-01-01Z', now(), 'SRID=4490;POINT(113.5 27.5)', 0, 0, 0, 0, 3)"
        ), {"id": device.id})  # fmt: skip
    assert (made.call_sign, made.state, made.lon_deg) == ("A-1", "free", None)
    async with reading(engine) as db:
        (unit,) = await fleet.list_units(await mandate("dispatcher"), db, after_id=0, limit=10)
    assert (unit.lon_deg, unit.lat_deg, unit.speed_mps, unit.equipment) == (113.5, 27.5, 3.0, ["radio"])


async def test_call_sign_and_device_belong_to_one_unit(engine: AsyncEngine, admin: access.Mandate) -> None:
    async with writing(engine) as db:
        device = await fleet.accept_device(admin, db, phone="9")
        await fleet.create_unit(admin, db, call_sign="A-1", kind="car", device_id=device.id, now=NOW)
    for values in ({"call_sign": "A-1"}, {"call_sign": "A-2", "device_id": device.id}):
        with pytest.raises(fleet.TakenError):
            async with writing(engine) as db:
                await fleet.create_unit(admin, db, kind="car", now=NOW, **values)
    with pytest.raises(NotFoundError):
        async with writing(engine) as db:
            await fleet.create_unit(admin, db, call_sign="A-3", kind="car", device_id=999, now=NOW)


async def test_a_dispatcher_sees_devices_but_does_not_accept_them(engine: AsyncEngine, mandate: Mandates) -> None:
    who = await mandate("dispatcher")
    await knock(engine, "3")
    async with writing(engine) as db:
        await fleet.list_devices(who, db, after_id=0, limit=1)
        await fleet.list_quarantine(who, db, before_id=None, limit=1)
        for refused in (
            fleet.accept_pending(who, db, "3"),
            fleet.accept_device(who, db, phone="4"),
            fleet.create_unit(who, db, call_sign="A", kind="car", now=NOW),
        ):
            with pytest.raises(NotAllowedError):
                await refused
