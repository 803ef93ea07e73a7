"""Alerts (预警): raised once, acknowledged, closed with a reason; never deleted, never closed by the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Double, and_, bindparam, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from geo import crs
from geo.fix import UNTIMELY, UNUSABLE, Fix
from geo.pace import DEFAULT_PACE_S_PER_M
from services import access, carriage, live
from services.db.engine import ReadSession, WriteSession
from services.db.tables import tracks as tables
from services.db.tables.alerts import Alert
from services.db.types import plain, point
from services.errors import ConflictError, InvalidError, NotFoundError
from services.settings import Settings

STATES = ("open", "acknowledged", "closed")
SEVERITIES = ("notice", "warning", "urgent")
SOS = "sos"
WITHDRAWN = "withdrawn"
"""In the detail of an alert that only says that the one it corrects was wrong."""

EMERGENCY = 1
"""Bit 0 of the alarm word of 0x0200: 紧急报警, the button was pressed (JT/T 808-2011, -2013 and -2019 alike)."""

EPISODE_GAP = timedelta(minutes=10)
"""A closed SOS whose button stays pressed is the same SOS; silent for longer than this, the button was pressed anew."""

NEAREST = 3
"""Free units that an SOS names."""

MAX_PAGE = 200
_CURSOR_DIGITS = 18  # fits 64 bits


class NoAlertError(NotFoundError):
    """There is no such alert."""


class WrongStateError(ConflictError):
    """An alert goes from open to acknowledged to closed, and no other way."""


class NoReasonError(InvalidError):
    """An alert is not closed without a reason."""


class BadCursorError(InvalidError):
    """The cursor is not one that a page gave."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """A page of alerts, newest first, and what to ask for the next one with."""

    items: list[live.AlertView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert to raise."""

    key: str  # the same cause has the same key
    kind: str  # area_enter, area_leave, area_dwell, area_cross, sos, …
    severity: str  # notice, warning, urgent
    at: datetime  # event time, not the time of raising
    device_id: int | None = None
    area_id: int | None = None
    lon_deg: float | None = None  # CGCS2000, as is lat_deg
    lat_deg: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)  # JSON values that explain it
    corrects: int | None = None  # the alert that this one takes the place of


@dataclass(frozen=True, slots=True)
class Told:
    """An alert of a rule as it was raised. `effective` unless another one corrects it or it withdraws one."""

    id: int
    rule_id: int
    device_id: int
    new: NewAlert
    effective: bool


_RAISE = (
    insert(Alert)
    .values(place=point(bindparam("lon_deg", type_=Double), bindparam("lat_deg", type_=Double)))
    .on_conflict_do_nothing()
)


async def raise_alert(
    db: WriteSession,
    *,
    key: str,
    kind: str,
    severity: str,
    at: datetime,
    device_id: int | None = None,
    area_id: int | None = None,
    lon_deg: float | None = None,
    lat_deg: float | None = None,
    detail: dict[str, Any] | None = None,
) -> int | None:
    """Raise an alert and return its id, or None if the same key (or an open SOS of the device) stands already.

    The arguments are those of `NewAlert`; `db` is the transaction of the cause.
    """
    new = NewAlert(key, kind, severity, at, device_id, area_id, lon_deg, lat_deg, detail or {})
    return (await db.execute(_RAISE.returning(Alert.id), _values(new))).scalar()


async def raise_alerts(db: WriteSession, new: Sequence[NewAlert]) -> None:
    """Raise many alerts at once, each as `raise_alert` does."""
    if new:
        await db.execute(_RAISE, [_values(alert) for alert in new])


async def list_told(db: ReadSession, spans: Mapping[int, tuple[datetime, datetime]]) -> list[Told]:
    """Return the alerts of areas that were raised for devices, each within a span of event time, in its order."""
    correction, place = aliased(Alert), plain(Alert.place)
    columns = (Alert.key, Alert.kind, Alert.severity, Alert.at, Alert.device_id, Alert.area_id)
    within = [and_(Alert.device_id == device_id, Alert.at.between(*span)) for device_id, span in spans.items()]
    found = (
        select(Alert.id, correction.id, *columns, func.ST_X(place), func.ST_Y(place), Alert.detail)
        .outerjoin(correction, correction.corrects == Alert.id)
        .where(Alert.kind.startswith("area_"), or_(false(), *within))
        .order_by(Alert.at, Alert.id)
    )
    return [_told(alert_id, corrected_by, NewAlert(*new)) for alert_id, corrected_by, *new in await db.execute(found)]


def _told(alert_id: int, corrected_by: int | None, new: NewAlert) -> Told:
    new = replace(new, at=new.at.astimezone(UTC))
    effective = corrected_by is None and WITHDRAWN not in new.detail
    return Told(alert_id, new.detail["rule_id"], new.device_id or 0, new, effective)


def withdrawal(told: Told) -> NewAlert:
    """Return the alert that says that another one was wrong and nothing takes its place."""
    detail = {**told.new.detail, WITHDRAWN: True}
    return replace(told.new, key=f"withdrawn:{told.id}", severity="notice", detail=detail, corrects=told.id)


async def list_alerts(
    mandate: access.Mandate, db: ReadSession, *, state: str | None = None, cursor: str | None = None, limit: int = 50
) -> Alerts:
    """Return a page of alerts, newest first, of one state or all.

    Raises:
        BadCursorError: the cursor is not one that a page gave.
    """
    async with access.look(mandate, access.Act.VIEW_ALERTS, state or "all") as seen:
        limit = min(limit, MAX_PAGE)
        conditions = [Alert.state == state] if state else []
        conditions += [Alert.id < read_cursor(cursor)] if cursor else []
        found = await live.view_alerts(db, *conditions, limit=limit + 1)
        seen.rows = len(found[:limit])
        return Alerts(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)


def read_cursor(cursor: str) -> int:
    """Return the id that a cursor stands for.

    Raises:
        BadCursorError: no page gave it.
    """
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _CURSOR_DIGITS):
        raise BadCursorError("Take the cursor from the page before.")
    return int(cursor)


async def acknowledge_alert(
    mandate: access.Mandate, db: WriteSession, alert_id: int, *, now: datetime
) -> live.AlertView:
    """Note that somebody has seen an open alert and takes care of it.

    Raises:
        NoAlertError: there is none.
        WrongStateError: it is not open any more.
    """
    await access.grant(mandate, access.Act.HANDLE_ALERTS, f"alert:{alert_id}")
    values = {"state": "acknowledged", "acknowledged_by": mandate.account_id, "acknowledged_at": now}
    return await _move(db, alert_id, "open", values)


async def close_alert(
    mandate: access.Mandate, db: WriteSession, alert_id: int, *, reason: str, now: datetime
) -> live.AlertView:
    """Close an acknowledged alert, saying why.

    Raises:
        NoReasonError: the reason is blank.
        NoAlertError: there is none.
        WrongStateError: it is not acknowledged, or closed already.
    """
    await access.grant(mandate, access.Act.HANDLE_ALERTS, f"alert:{alert_id}")
    if not reason.strip():
        raise NoReasonError("Say why the alert is closed: what was found, what was done.")
    values = {"state": "closed", "closed_by": mandate.account_id, "closed_at": now, "close_reason": reason.strip()}
    return await _move(db, alert_id, "acknowledged", values)


async def watch_alarms(db: WriteSession, fixes: Sequence[Fix], settings: Settings) -> None:
    """Raise one urgent SOS for each emergency: the first fix that carries the bit; those that follow are appended.

    A fix without a usable position carries an emergency all the same; its alert has no place.
    """
    for fix in sorted((fix for fix in fixes if fix.alarm & EMERGENCY), key=lambda fix: fix.at):
        moment = fix.at if not fix.flags & UNTIMELY else (await db.execute(select(func.now()))).scalar_one()
        known = await _sos_of(db, fix.device_id, moment)
        if known is None or (known.state == "closed" and await _is_pressed_anew(db, known, moment)):
            await _raise_sos(db, settings, fix, moment)
        elif moment > _last_heard(known):
            known.detail = {**known.detail, "fixes": known.detail.get("fixes", 0) + 1, **_heard(fix, moment)}
            await db.flush()


def _values(new: NewAlert) -> dict[str, Any]:
    """Return the parameters of `_RAISE`; without coordinates the point is null, and so is the place."""
    names = ("key", "kind", "severity", "at", "device_id", "area_id", "lon_deg", "lat_deg", "detail", "corrects")
    return {name: getattr(new, name) for name in names}


async def _sos_of(db: WriteSession, device_id: int, moment: datetime) -> Alert | None:
    """Return the SOS that an emergency at a moment may belong to: the one not closed, else the newest of that time."""
    mine = select(Alert).where(
        Alert.kind == SOS, Alert.device_id == device_id, (Alert.state != "closed") | (Alert.at <= moment + EPISODE_GAP)
    )
    newest = mine.order_by(Alert.state == "closed", Alert.at.desc()).limit(1)
    return (await db.execute(newest.with_for_update())).scalar()


async def _is_pressed_anew(db: ReadSession, sos: Alert, moment: datetime) -> bool:
    """Whether the button was released, or the terminal silent, between the end of an SOS and a moment."""
    heard = _last_heard(sos)
    if moment - heard > EPISODE_GAP:
        return True
    fix = tables.Fix
    released = select(fix.at).where(
        fix.device_id == sos.device_id, fix.at > heard, fix.at < moment, fix.alarm.op("&")(EMERGENCY) == 0
    )
    return (await db.execute(released.limit(1))).first() is not None


async def raise_help(
    db: WriteSession,
    settings: Settings,
    *,
    key: str,
    at: datetime,
    device_id: int | None,
    place: tuple[float, float] | None,
    detail: dict[str, Any],
) -> int | None:
    """Raise an urgent SOS with the free units nearest to it; None if one of the device is open already."""
    lon_deg, lat_deg = place or (None, None)
    near = await _nearest(db, settings, device_id, place, at) if place else []
    return await raise_alert(
        db, key=key, kind=SOS, severity="urgent", at=at, device_id=device_id, lon_deg=lon_deg, lat_deg=lat_deg,
        detail={**detail, "nearest": near},
    )  # fmt: skip


async def _raise_sos(db: WriteSession, settings: Settings, fix: Fix, moment: datetime) -> None:
    place = None if fix.flags & UNUSABLE else (fix.lon_deg, fix.lat_deg)
    key, detail = f"{SOS}:{fix.device_id}:{fix.at.isoformat()}", {"fixes": 1, **_heard(fix, moment)}
    await raise_help(db, settings, key=key, at=moment, device_id=fix.device_id, place=place, detail=detail)


async def _nearest(
    db: ReadSession, settings: Settings, device_id: int | None, place: tuple[float, float], at: datetime
) -> list[dict[str, Any]]:
    """Return the free units nearest to a place in a straight line: at once, where no road network is at hand."""
    seen_since = at - settings.stale_after
    units = await live.free_units_near(db, *place, radius_m=settings.dispatch_radius_m, seen_since=seen_since)
    in_need = await carriage.carrier(db, device_id, at) if device_id is not None else None
    others = [unit for unit in units if unit.unit_id != in_need][:NEAREST]
    away_m = [float(crs.haversine_m(unit.lon_deg, unit.lat_deg, *place)) for unit in others]
    return [
        {
            "unit_id": unit.unit_id, "call_sign": unit.call_sign, "airline_m": round(metres),
            "time_s": round(metres * DEFAULT_PACE_S_PER_M), "estimated": True,
        }
        for unit, metres in zip(others, away_m, strict=True)
    ]  # fmt: skip


def _heard(fix: Fix, moment: datetime) -> dict[str, Any]:
    """Return when and where an SOS was heard last; an unusable position leaves the one before."""
    place = {} if fix.flags & UNUSABLE else {"last_lon_deg": fix.lon_deg, "last_lat_deg": fix.lat_deg}
    return {"last_at": moment.isoformat(), **place}


def _last_heard(sos: Alert) -> datetime:
    return datetime.fromisoformat(sos.detail["last_at"]) if "last_at" in sos.detail else sos.at


async def _move(db: WriteSession, alert_id: int, before: str, values: dict[str, Any]) -> live.AlertView:
    """Take one step of the state machine; of two officers at once, one succeeds."""
    step = update(Alert).where(Alert.id == alert_id, Alert.state == before).values(values).returning(Alert.id)
    moved = (await db.execute(step)).scalar()
    found = await live.view_alerts(db, Alert.id == alert_id)
    if not found:
        raise NoAlertError("There is no alert {alert_id}.", alert_id=alert_id)
    if moved is None:
        raise WrongStateError(
            "Alert {alert_id} is {state}; only an alert that is {before} can take this step.",
            alert_id=alert_id,
            state=found[0].state,
            before=before,
        )
    return found[0]
