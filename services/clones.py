"""The watcher of identities: a device that is in two places at once is two devices, and somebody has to know.

A batch is looked at for leaps that nobody can have driven; only a device that leaps costs a look into the store. One
alert tells it, and no other while that one is not closed, or within the hour after.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import func, or_, select
from sqlalchemy.engine import Engine

from geo import clones, crs
from geo.fix import UNTIMELY, UNUSABLE, Fix
from services import alerts, tracks
from services.db.engine import ReadSession, WriteSession
from services.db.tables import tracks as tables
from services.db.tables.alerts import Alert
from services.settings import Settings

KIND: Final = "cloned_identity"
QUIET: Final = timedelta(hours=1)
LOOKED_AT: Final = 30
"""Last fixes that are looked at."""

_DOUBTED: Final = int(UNUSABLE | UNTIMELY)
_last: WeakKeyDictionary[Engine, dict[int, Fix]] = WeakKeyDictionary()


async def watch(db: WriteSession, fixes: Sequence[Fix], settings: Settings) -> None:  # noqa: ARG001
    """Look for devices that leap, and raise an alert for those that are in two places at once."""
    last = _last.setdefault(db.get_bind().engine, {})
    for device_id in leaping(fixes, last):
        clone = clones.find(await _read(db, device_id))
        if clone is not None and not await _is_told(db, device_id, clone):
            await _raise(db, device_id, clone)


def leaping(fixes: Sequence[Fix], last: dict[int, Fix]) -> list[int]:
    """Return the devices that went somewhere faster than anybody can, since `last`, which is brought up to date."""
    usable = [fix for fix in fixes if not int.__and__(fix.flags, _DOUBTED)]
    if not usable:
        return []
    usable.sort(key=lambda fix: (fix.device_id, fix.at))
    newest = {fix.device_id: fix for fix in usable}
    row = sorted([*usable, *(last[device] for device in newest.keys() & last.keys())], key=_in_order)
    device = np.fromiter((fix.device_id for fix in row), np.int64, len(row))
    times = np.fromiter((fix.at.timestamp() for fix in row), np.float64, len(row))
    points = crs.on_the_sphere([fix.lon_deg for fix in row], [fix.lat_deg for fix in row])
    way_m = np.sqrt(np.sum((points[1:] - points[:-1]) ** 2, axis=-1)) - clones.SLACK_M
    leap = (way_m > clones.IMPOSSIBLE_MPS * np.maximum(np.diff(times), 1.0)) & (device[1:] == device[:-1])
    for device_id, fix in newest.items():
        if device_id not in last or last[device_id].at < fix.at:
            last[device_id] = fix
    return sorted(set(device[1:][leap].tolist()))


def _in_order(fix: Fix) -> tuple[int, float]:
    return fix.device_id, fix.at.timestamp()


async def _read(db: ReadSession, device_id: int) -> list[Fix]:
    fix = tables.Fix
    newest = tracks.select_fixes().where(fix.device_id == device_id, fix.flags.op("&")(_DOUBTED) == 0)
    rows = await db.execute(newest.order_by(fix.at.desc(), fix.payload_hash).limit(LOOKED_AT))
    return [tracks.as_fix(row) for row in rows][::-1]


async def _is_told(db: ReadSession, device_id: int, clone: clones.Clone) -> bool:
    at = max(clone.here.at, clone.there.at)
    same = select(func.count()).where(
        Alert.kind == KIND, Alert.device_id == device_id, or_(Alert.state != "closed", Alert.at > at - QUIET)
    )
    return bool((await db.execute(same)).scalar_one())


async def _raise(db: WriteSession, device_id: int, clone: clones.Clone) -> None:
    here, there = sorted((clone.here, clone.there), key=lambda fix: fix.at, reverse=True)
    await alerts.raise_alert(
        db, key=f"{KIND}:{device_id}:{here.at.isoformat()}", kind=KIND, severity="urgent", at=here.at,
        device_id=device_id, lon_deg=here.lon_deg, lat_deg=here.lat_deg,
        detail={
            "other_lon_deg": there.lon_deg, "other_lat_deg": there.lat_deg, "other_at": there.at.isoformat(),
            "jumps": clone.jumps, "speed_mps": round(clone.speed_mps, 1),
        },
    )  # fmt: skip
