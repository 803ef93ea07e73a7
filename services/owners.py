"""Which gateway holds which device: one row for each device that is signed in anywhere, none for a fix.

    device ── signs in ──> gateway B ── claim: gateway_session(device, B) ──┐
      └─ its old socket ── gateway A <── “what was claimed since I looked?” ─┘  closes the socket within a second or two

The last claim that was committed holds; its number is the transaction's. A gateway says every few seconds that it
lives. What a gateway held that has been silent for half a minute is nobody's; if it was only cut off from the database,
it claims again what nobody else has claimed meanwhile, and closes the other sockets.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    cast,
    delete,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.fleet import Device, Gateway, GatewaySession
from services.db.types import xid

GONE_AFTER = timedelta(seconds=30)
_XMIN = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


@dataclass(frozen=True, slots=True)
class Held:
    """A device on a socket of a gateway."""

    device_id: int
    gateway_id: str
    claim: int
    remote: str
    protocol: str | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A device that is connected, as people see it."""

    device_id: int
    phone: str
    gateway_id: str
    remote: str
    protocol: str | None
    since: datetime


async def sessions(mandate: access.Mandate, db: ReadSession, *, device_id: int | None = None) -> Sequence[SessionView]:
    """Return the devices that are connected to a gateway that lives, or the one asked for."""
    await access.grant(mandate, access.Act.VIEW_DEVICES, "sessions" if device_id is None else f"device:{device_id}")
    held = GatewaySession
    rows = (
        select(held.device_id, Device.phone, held.gateway_id, held.remote, held.protocol, held.since)
        .join(Device, Device.id == held.device_id)
        .join(Gateway, Gateway.id == held.gateway_id)
        .where(Gateway.seen_at > func.now() - GONE_AFTER)
        .order_by(held.device_id)
    )
    if device_id is not None:
        rows = rows.where(held.device_id == device_id)
    return [SessionView(*row) for row in await db.execute(rows)]


async def claim_session(db: WriteSession, device_id: int, gateway_id: str, remote: str, protocol: str | None) -> int:
    """Let a gateway hold a device from the commit on, whoever held it before; return the number of the claim."""
    values = {"gateway_id": gateway_id, "remote": remote, "protocol": protocol}
    row = postgresql.insert(GatewaySession).values(device_id=device_id, **values)
    mine = row.on_conflict_do_update(index_elements=["device_id"], set_={**values, "since": func.now()})
    return int((await db.execute(mine.returning(xid()))).scalar_one())


async def release_session(db: WriteSession, device_id: int, claim: int) -> None:
    """Let go of a device, unless it has been claimed again since."""
    await release_sessions(db, {device_id: claim})


async def release_sessions(db: WriteSession, claims: Mapping[int, int]) -> None:
    """Let go of devices, given with the number of their claim, except those claimed again since."""
    asked = func.unnest(cast(list(claims), ARRAY(BigInteger)), cast(list(claims.values()), ARRAY(BigInteger)))
    gone = asked.table_valued("device_id", "claim", name="gone").render_derived()
    mine = tuple_(GatewaySession.device_id, GatewaySession.changed_xid)
    await db.execute(delete(GatewaySession).where(mine.in_(select(gone.c.device_id, gone.c.claim))))


async def claimed_since(db: ReadSession, moment: int) -> tuple[list[Held], int]:
    """Return who holds what was claimed since a moment, a transaction number, and the moment to ask from next time.

    It may tell a thing twice but leaves nothing out.
    """
    now: int = (await db.execute(_XMIN)).scalar_one()
    return await _held(db, GatewaySession.changed_xid >= moment), now


async def say_alive(db: WriteSession, gateway_id: str) -> None:
    """Note that a gateway lives."""
    row = postgresql.insert(Gateway).values(id=gateway_id)
    await db.execute(row.on_conflict_do_update(index_elements=["id"], set_={"seen_at": func.now()}))


async def leave(db: WriteSession, gateway_id: str) -> None:
    """Forget a gateway that stops, and what it held."""
    await db.execute(delete(Gateway).where(Gateway.id == gateway_id))
    await db.execute(delete(GatewaySession).where(GatewaySession.gateway_id == gateway_id))


async def bury(db: WriteSession) -> None:
    """Forget the gateways that have been silent for half a minute, and what no living gateway holds."""
    await db.execute(delete(Gateway).where(Gateway.seen_at < func.now() - GONE_AFTER))
    await db.execute(delete(GatewaySession).where(GatewaySession.gateway_id.not_in(select(Gateway.id))))


async def claim_again(db: WriteSession, held: Collection[Held]) -> dict[int, int]:
    """Claim those of the devices a gateway holds that nobody is noted for; return the numbers of these claims.

    A gateway that was cut off may have been buried; and one that hears an old sign-in late, claims the device and lets
    go of it at once.
    """
    columns = ("device_id", "gateway_id", "remote", "protocol")
    kinds = (BigInteger, Text, Text, Text)
    arrays: list[ColumnElement[Any]] = [
        cast([getattr(each, name) for each in held], ARRAY(kind)) for name, kind in zip(columns, kinds, strict=True)
    ]
    asked = func.unnest(*arrays).table_valued(*columns, name="asked").render_derived()
    missing = select(asked).where(asked.c.device_id.not_in(select(GatewaySession.device_id)))
    rows = postgresql.insert(GatewaySession).from_select(columns, missing).on_conflict_do_nothing()
    claimed = rows.returning(GatewaySession.device_id, GatewaySession.changed_xid)
    return {device_id: claim for device_id, claim in await db.execute(claimed)}  # noqa: C416 -- rows, not pairs


async def _held(db: ReadSession, condition: ColumnElement[bool]) -> list[Held]:
    held = GatewaySession
    rows = select(held.device_id, held.gateway_id, held.changed_xid, held.remote, held.protocol).where(condition)
    return [Held(*row) for row in await db.execute(rows)]
