"""Tracks as files. More than 25 points leave only after a second person approved (两高 2017 解释 5).

25 is the number from which somebody on duty who gives track points away commits a crime. What one person took along
without approval within a day counts together, so nothing is gained by many small files. See docs/adr/0067.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.orm import aliased

from geo.fix import Fix
from services import access, sheets, tracks
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.exports import ExportFile, ExportRequest
from services.db.tables.fleet import Unit
from services.errors import ConflictError, InvalidError, NotAllowedError, NotFoundError, Saying

FREE_POINTS = 25
"""两高 2017 解释 5 (司法解释 on citizens' personal information): 50 points, half of that for those on duty."""
FREE_PERIOD = timedelta(days=1)
GOOD_FOR = timedelta(days=1)
MAX_PAGE = 200
COLUMNS = ("at", "lon_deg", "lat_deg", "altitude_m", "speed_mps", "heading_deg", "accuracy_m", "flags")


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    GEOJSON = "geojson"


class NeedsApprovalError(NotAllowedError):
    """More points than one person may take along alone."""


class NoRequestError(NotFoundError):
    """There is no such request."""


class DecidedError(ConflictError):
    """The request was decided before."""


class OwnRequestError(NotAllowedError):
    """Nobody approves for himself."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request and what became of it; who asked and who decided by name, `own` when it is the reader's."""

    id: int
    account_id: int
    asked_by: str
    own: bool
    unit_id: int
    call_sign: str
    start: datetime
    end: datetime
    reason: str
    case_no: str | None
    asked_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand out, and the SHA-256 that is kept of it."""

    name: str
    data: bytes
    points: int
    sha256: str


async def export_track(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    unit_id: int,
    start: datetime,
    end: datetime,
    form: Format,
    now: datetime,
    request_id: int | None = None,
) -> File:
    """Return a unit's track as a file and write down that it went out.

    Raises:
        NeedsApprovalError: more than 25 points in a day without a request that somebody else approved, or the request
            is for another unit, a shorter time, another person, or over.
        NoTrackError, SpanError, CaseRefusedError: as reading the track does.
    """
    await access.grant(mandate, access.Act.EXPORT_TRACK, f"unit:{unit_id} {start.isoformat()}/{end.isoformat()}")
    fixes = [*chain(*await tracks.read(mandate, db, unit_id=unit_id, start=start, end=end))]
    if request_id is not None:
        await _check_request(mandate, db, request_id, (unit_id, start, end), now)
    elif mandate.account_id is not None:
        await _check_free(mandate, db, len(fixes), now)
    data = write(fixes, unit_id, form)
    digest = sha256(data)
    row = {"at": now, "account_id": mandate.account_id, "request_id": request_id, "unit_id": unit_id}
    await db.execute(insert(ExportFile).values(**row, points=len(fixes), sha256=digest.digest()))
    return File(f"track-{unit_id}-{start:%Y%m%dT%H%M}.{form}", data, len(fixes), digest.hexdigest())


async def request_export(
    mandate: access.Mandate,
    db: WriteSession,
    *,
    unit_id: int,
    start: datetime,
    end: datetime,
    reason: str,
    now: datetime,
) -> RequestView:
    """Ask for the approval of an export.

    Raises:
        InvalidError: the interval is empty or longer than one export may be, or no reason is given.
        NoTrackError: there is no such unit.
    """
    await access.grant(mandate, access.Act.EXPORT_TRACK, f"request unit:{unit_id}")
    if not timedelta() < end - start <= tracks.MAX_SPAN:
        raise InvalidError("An export goes from a start to a later end, 31 days at most.")
    if not reason.strip() or mandate.account_id is None:
        raise InvalidError("Say what the export is for.")
    if (await db.execute(select(Unit.id).where(Unit.id == unit_id))).first() is None:
        raise tracks.NoTrackError("There is no unit {unit_id}.", unit_id=unit_id)
    wish = {"unit_id": unit_id, "window_start": start, "window_end": end, "reason": reason.strip()}
    row = insert(ExportRequest).values(**wish, account_id=mandate.account_id, case_no=mandate.case_no, asked_at=now)
    request_id = (await db.execute(row.returning(ExportRequest.id))).scalar_one()
    return (await _views(mandate, db, ExportRequest.id == request_id))[0]


async def list_requests(
    mandate: access.Mandate, db: ReadSession, *, below_id: int | None = None, limit: int = 50
) -> list[RequestView]:
    """Return requests, newest first: an approver sees all, everybody else his own."""
    async with access.look(mandate, access.Act.VIEW_EXPORTS) as seen:
        mine = [] if access.Act.APPROVE_EXPORT in mandate.acts else [ExportRequest.account_id == mandate.account_id]
        older = [] if below_id is None else [ExportRequest.id < below_id]
        found = await _views(mandate, db, *mine, *older, limit=min(limit, MAX_PAGE))
        seen.rows = len(found)
        return found


async def decide_request(
    mandate: access.Mandate, db: WriteSession, request_id: int, *, approve: bool, now: datetime
) -> RequestView:
    """Approve a request for a day, or refuse it.

    Raises:
        NoRequestError: there is none.
        OwnRequestError: it is one's own.
        DecidedError: it was decided before.
    """
    await access.grant(mandate, access.Act.APPROVE_EXPORT, f"export_request:{request_id} {approve=}")
    row = (await db.execute(select(ExportRequest).where(ExportRequest.id == request_id).with_for_update())).scalar()
    if row is None:
        raise NoRequestError("There is no export request {request_id}.", request_id=request_id)
    if row.account_id == mandate.account_id:
        raise OwnRequestError("Nobody approves for himself: another approver decides on this request.")
    if row.state != "proposed":
        raise DecidedError("Request {request_id} is {state} already.", request_id=request_id, state=row.state)
    decided = {"decided_by": mandate.account_id, "decided_at": now, "state": "approved" if approve else "refused"}
    over = {"expires_at": now + GOOD_FOR} if approve else {}
    await db.execute(update(ExportRequest).where(ExportRequest.id == request_id).values(**decided, **over))
    return (await _views(mandate, db, ExportRequest.id == request_id))[0]


def write(fixes: Sequence[Fix], unit_id: int, form: Format) -> bytes:
    """Return fixes as CSV (UTF-8) or as a GeoJSON point each, CGCS2000 degrees."""
    rows = [dict(zip(COLUMNS, _values(fix), strict=True)) for fix in fixes]
    if form is Format.CSV:
        out = io.StringIO()
        table = sheets.Sheet(out)
        table.add(("unit_id", *COLUMNS))
        table.add_all((unit_id, *row.values()) for row in rows)
        return out.getvalue().encode()
    features = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [row.pop("lon_deg"), row.pop("lat_deg")]},
         "properties": row}
        for row in rows
    ]  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "unit_id": unit_id, "features": features}).encode()


def _values(fix: Fix) -> tuple[Any, ...]:
    optional = (fix.altitude_m, fix.speed_mps, fix.heading_deg, fix.accuracy_m)
    return (fix.at.isoformat(), fix.lon_deg, fix.lat_deg, *optional, int(fix.flags))


async def _check_request(
    mandate: access.Mandate, db: ReadSession, request_id: int, wanted: tuple[int, datetime, datetime], now: datetime
) -> None:
    unit_id, start, end = wanted
    row = (await db.execute(select(ExportRequest).where(ExportRequest.id == request_id))).scalar()
    if row is None or row.account_id != mandate.account_id:
        raise NeedsApprovalError("There is no request of yours with this number.")
    checks = (
        (row.state != "approved", Saying("Your request is {state}: somebody else has to approve it.", state=row.state)),
        (row.expires_at is None or row.expires_at <= now, Saying("The approval is over: it was good for a day.")),
        (row.unit_id != unit_id, Saying("The approval is for another unit.")),
        (start < row.window_start or end > row.window_end, Saying("The time leaves what was approved.")),
        (row.case_no != mandate.case_no, Saying("The approval is for another case.")),
    )
    for broken, sentence in checks:
        if broken:
            await access.record(mandate, access.Act.EXPORT_TRACK, f"unit:{unit_id} {sentence}", allowed=False)
            raise NeedsApprovalError(sentence)


async def _check_free(mandate: access.Mandate, db: WriteSession, points: int, now: datetime) -> None:
    """Refuse when this file and what went out in the last day without approval are more than 25 points together."""
    await db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('export', :of))"), {"of": mandate.account_id})
    mine = select(func.coalesce(func.sum(ExportFile.points), 0)).where(
        ExportFile.account_id == mandate.account_id, ExportFile.request_id.is_(None), ExportFile.at > now - FREE_PERIOD
    )
    before = int((await db.execute(mine)).scalar_one())
    if before + points > FREE_POINTS:
        await access.record(mandate, access.Act.EXPORT_TRACK, f"{points} points: approval needed", allowed=False)
        raise NeedsApprovalError(
            "This file would hold {points} points, and {before} went out in the last day. More than {most} "
            "need a request (POST /exports) that another person approves.",
            points=points, before=before, most=FREE_POINTS,
        )  # fmt: skip


_asker, _decider = aliased(Account), aliased(Account)


async def _views(
    mandate: access.Mandate, db: ReadSession, *conditions: ColumnElement[bool], limit: int = 1
) -> list[RequestView]:
    row = ExportRequest
    found = (
        select(row, _asker.display_name, _decider.display_name, Unit.call_sign)
        .join(_asker, _asker.id == row.account_id)
        .join(Unit, Unit.id == row.unit_id)
        .outerjoin(_decider, _decider.id == row.decided_by)
        .where(*conditions)
        .order_by(row.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [
        RequestView(
            one.id, one.account_id, asker, one.account_id == mandate.account_id, one.unit_id, call_sign,
            one.window_start, one.window_end, one.reason, one.case_no, one.asked_at, one.state, decider,
            one.decided_at, one.expires_at,
        )
        for one, asker, decider, call_sign in await db.execute(found)
    ]  # fmt: skip
