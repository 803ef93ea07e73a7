"""What must be true at the end, asked of the database itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from bench.chaos.fleet import Device, place
from bench.chaos.town import Town

SETTLE_S = 60.0
OWNERS_S = 10.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of what should not be: all of them have to be 0."""

    unacknowledged: int  # fixes that devices still keep
    lost: int  # acknowledged, not in the database
    twice: int  # in the database more than once
    strangers: int  # in the database, but nobody measured them so
    unwatched: int  # batches that a watcher has not seen, or has seen more than once
    without_batch: int  # fixes that no batch was noted for
    emergencies_missing: int  # buttons pressed that raised no alert, or several
    newest_wrong: int  # devices whose newest position is not their last fix
    owners_wrong: int  # devices whose session stands with another gateway than theirs
    sockets_left_open: int  # old sockets of devices that have signed in elsewhere

    @property
    def is_good(self) -> bool:
        """Say whether nothing is wrong."""
        return not any(getattr(self, name) for name in self.__slots__)


def judge(town: Town, devices: Sequence[Device]) -> Verdict:
    """Ask the database once the watchers have come to rest."""
    ids = [device.phone for device in devices]
    with town.connect() as connection:
        _settle(connection, ids, sum(len(device.acknowledged) for device in devices))
        fixes = connection.execute(
            "SELECT phone, altitude_m::int, at, ST_X(place::geometry(Point, 4490)), ST_Y(place::geometry(Point, 4490)) "
            "FROM fix JOIN device d ON d.id = device_id WHERE phone = ANY(%s)", [ids],
        ).fetchall()  # fmt: skip
        counts = dict[tuple[str, int], int]()
        strangers, known = 0, {device.phone: device for device in devices}
        for phone, number, at, lon_deg, lat_deg in fixes:
            counts[phone, number] = counts.get((phone, number), 0) + 1
            device = known[phone]
            strangers += (at, round(lon_deg, 6), round(lat_deg, 6)) != (device.at(number), *place(device.id, number))
        acknowledged = [(device.phone, number) for device in devices for number in device.acknowledged]
        return Verdict(
            unacknowledged=sum(device.measured - len(device.acknowledged) for device in devices),
            lost=sum(key not in counts for key in acknowledged),
            twice=sum(count > 1 for count in counts.values()),
            strangers=strangers,
            unwatched=_count(connection, _UNWATCHED),
            without_batch=_count(connection, _WITHOUT_BATCH, ids),
            emergencies_missing=_emergencies(connection, devices),
            newest_wrong=_newest(connection, devices),
            owners_wrong=_owners(connection, devices),
            sockets_left_open=devices[0].counts.left_open,
        )


_UNWATCHED = """
SELECT count(*) FROM chaos_batch
WHERE (SELECT array_agg(name ORDER BY name) FROM unnest(seen) name)
    IS DISTINCT FROM (SELECT array_agg(name ORDER BY name) FROM unnest(pending) name)
"""
_THERE = "SELECT count(*) FROM fix JOIN device d ON d.id = device_id WHERE phone = ANY(%s)"
_WITHOUT_BATCH = """
SELECT count(*) FROM fix JOIN device d ON d.id = device_id
WHERE phone = ANY(%s) AND NOT EXISTS (SELECT FROM chaos_batch b WHERE b.received_at = fix.received_at)
"""


def _settle(connection: psycopg.Connection, phones: Sequence[str], count: int) -> None:
    """Wait until what was acknowledged is there, which over a bus takes its time, and watched."""
    give_up = time.monotonic() + SETTLE_S
    while time.monotonic() < give_up:
        if _count(connection, _THERE, phones) >= count and not _count(connection, "SELECT count(*) FROM outbox"):
            return
        time.sleep(0.2)


def _count(connection: psycopg.Connection, query: str, *parameters: object) -> int:
    row = connection.execute(query, parameters or None).fetchone()
    return int(row[0]) if row else 0


def _emergencies(connection: psycopg.Connection, devices: Sequence[Device]) -> int:
    rows = connection.execute(
        "SELECT phone, count(*) FROM alert JOIN device d ON d.id = device_id WHERE alert.kind = 'sos' GROUP BY phone"
    )
    raised: dict[str, int] = dict(rows.fetchall())
    return sum(raised.get(device.phone, 0) != (device.emergency < device.measured) for device in devices)


def _newest(connection: psycopg.Connection, devices: Sequence[Device]) -> int:
    newest: dict[str, datetime] = dict(
        connection.execute("SELECT phone, at FROM newest_fix JOIN device d ON d.id = device_id").fetchall()
    )
    return sum(newest.get(device.phone) != device.at(device.measured - 1) for device in devices)


def _owners(connection: psycopg.Connection, devices: Sequence[Device]) -> int:
    """Count devices noted elsewhere; a device may be on its way between two sockets, so look for a while."""
    give_up = time.monotonic() + OWNERS_S
    while (wrong := _owners_now(connection, devices)) and time.monotonic() < give_up:
        time.sleep(0.5)
    return wrong


def _owners_now(connection: psycopg.Connection, devices: Sequence[Device]) -> int:
    rows = connection.execute("SELECT phone, gateway_id FROM gateway_session JOIN device d ON d.id = device_id")
    owners: dict[str, str] = dict(rows.fetchall())
    return sum(device.port is not None and f":{device.port}-" not in owners.get(device.phone, "") for device in devices)
