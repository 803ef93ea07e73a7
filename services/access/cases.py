"""The gate of an investigation: every query lies inside an approved authorisation, or it is refused and recorded.

An authorisation (调取证据通知书, 程序规定 62) names subjects, sources of data, a span of time, perhaps an area, and
when it ends. It counts while it is approved, by somebody who still holds the approver's role; see docs/adr/0063.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shapely import Geometry, wkb
from sqlalchemy import func, select

from services.access.mandates import Mandate, record
from services.access.roles import Act, Role
from services.db.claims import declare_look
from services.db.engine import ReadSession
from services.db.tables.access import Account, AccountRole
from services.db.tables.cases import Authorisation
from services.db.types import plain
from services.errors import NotAllowedError, Saying

DUTY_SPAN = timedelta(hours=24)
"""What a dispatcher may replay without a case: a unit's own day."""


class Source(StrEnum):
    """Where the records of an authorisation come from."""

    TRACKS = "tracks"


class CaseRefusedError(NotAllowedError):
    """The query leaves the limits of the case; the sentence says which."""


class SpanRefusedError(NotAllowedError):
    """Without a case no more than a day is replayed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """An authorisation as the gate sees it. `subjects` empty: whoever was in the area; `area` None: no limit."""

    id: int
    state: str
    approver_holds: bool
    expires_at: datetime
    sources: frozenset[str]
    subjects: frozenset[str]
    start: datetime
    end: datetime
    area_wkb: bytes | None


@dataclass(frozen=True, slots=True)
class Query:
    """What an investigator asks for: whose records, from which source, from `start` to before `end`, perhaps where."""

    subject: str
    source: Source
    start: datetime
    end: datetime
    area: Geometry | None = None


def broken_limit(limits: Limits, query: Query, now: datetime) -> tuple[int, Saying] | None:
    """Return the first limit the query breaks, as its rank and the sentence, or None when it lies inside all."""
    checks = (
        (limits.state == "proposed", Saying("This authorisation is not approved yet.")),
        (limits.state == "revoked", Saying("This authorisation was revoked.")),
        (
            not limits.approver_holds,
            Saying("Whoever approved this authorisation no longer holds the approver's role."),
        ),
        (limits.expires_at <= now, Saying("This authorisation expired at {at}.", at=_utc(limits.expires_at))),
        (
            query.source not in limits.sources,
            Saying("The source “{source}” is not in this authorisation.", source=query.source),
        ),
        (
            bool(limits.subjects) and query.subject not in limits.subjects,
            Saying("The subject is not in this authorisation."),
        ),
        (
            query.start < limits.start or query.end > limits.end or query.start >= query.end,
            Saying(
                "The time leaves the authorised window, {start} to {end}.",
                start=_utc(limits.start),
                end=_utc(limits.end),
            ),
        ),
        (not _inside(query.area, limits.area_wkb), Saying("The area leaves the authorised one.")),
    )
    return next(((rank, sentence) for rank, (broken, sentence) in enumerate(checks) if broken), None)


async def grant_case(mandate: Mandate, db: ReadSession, act: Act, query: Query) -> Limits:
    """Permit a query inside one approved authorisation of the mandate's case; what comes back is cut to its area.

    Raises:
        CaseRefusedError: no case is named, it has no authorisation, or the query leaves the limits: it says which.
    """
    refusal = Saying("Name the case: an investigator sees records within an authorised case only.")
    if mandate.case_no is not None:
        refusal = Saying("There is no authorisation for this case.")
        known = await _limits(db, mandate.case_no)
        judged = [(limits, broken_limit(limits, query, mandate.made_at)) for limits in known]
        for limits, broken in judged:
            if broken is None:
                return limits
        refusal = max((broken for _, broken in judged if broken), default=(0, refusal))[1]
    span = f"{query.subject} {query.source} {query.start.isoformat()}/{query.end.isoformat()}"
    await record(mandate, act, f"{span} {refusal}", allowed=False)
    raise CaseRefusedError(refusal)


async def limit_track(
    mandate: Mandate, db: ReadSession, *, subject: str, start: datetime, end: datetime
) -> Limits | None:
    """Return the case's limits on a track, or None where the duty of a dispatcher or the operator's command stands.

    What is permitted is declared to the database, which shows nothing else in this transaction.

    Raises:
        CaseRefusedError: the query leaves the limits of the case, or an investigator names none.
        SpanRefusedError: a dispatcher asks for more than a day.
    """
    if mandate.case_no is not None or not mandate.roles & {Role.DISPATCHER}:
        limits = await grant_case(mandate, db, Act.VIEW_TRACK, Query(subject, Source.TRACKS, start, end))
        await declare_look(db, [subject], start, end, limits.id)
        return limits
    if mandate.account_id is not None and end - start > DUTY_SPAN:
        refusal = Saying("On duty a unit's track is read for 24 hours at most. More needs an authorised case.")
        await record(mandate, Act.VIEW_TRACK, f"{subject} {refusal}", allowed=False)
        raise SpanRefusedError(refusal)
    await declare_look(db, [subject], start, end)
    return None


async def _limits(db: ReadSession, case_no: str) -> list[Limits]:
    row = Authorisation
    approver = select(Account.id).join(AccountRole, AccountRole.account_id == Account.id)
    holds = approver.where(Account.id == row.approved_by, AccountRole.role == Role.APPROVER, Account.active).exists()
    found = select(row, holds, func.ST_AsBinary(plain(row.area))).where(row.case_no == case_no).order_by(row.id)
    return [
        Limits(
            one.id, one.state, held, one.expires_at, frozenset(one.sources), frozenset(one.subjects),
            one.window_start, one.window_end, None if area is None else bytes(area),
        )
        for one, held, area in await db.execute(found)
    ]  # fmt: skip


def _inside(area: Geometry | None, allowed_wkb: bytes | None) -> bool:
    """Return whether an area lies in the allowed one; no area is no question: the answer is cut to what is allowed."""
    return area is None or allowed_wkb is None or bool(wkb.loads(allowed_wkb).covers(area))


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
