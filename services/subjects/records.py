"""What keeps a person's data from being deleted, and the record of what was."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from sqlalchemy import insert, or_, select

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.retention import Destruction
from services.errors import ConflictError, Saying

BASIS = "个人信息保护法 47: on the person's request or when the purpose is over"
MAX_RECORDS = 200
_KINDS = ("subject:", "call:", "device:")
REASONS = {
    "open_call": "a call is open",
    "linked_call": "a call that has to do with it is open",
    "open_alert": "an alert of the device is open",
    "case": "an investigation's authorisation covers it",
    "log": "the log of a call is kept for a year",
    "young": "it serves dispatch and complaints until its shortest time is over",
    "own": "nobody decides on his own data",
}


class HeldError(ConflictError):
    """The law, or something that is not over, keeps the data."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why data can't be deleted, a key of `REASONS`, and until when as far as that is known."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Record:
    """A destruction on a person's behalf: subject:5, call:7 or device:3; of what time; how many rows."""

    id: int
    at: datetime
    what: str
    since: datetime | None
    before: datetime | None
    rows: int


async def refuse_held(holds: Iterable[Hold], mandate: access.Mandate, target: str) -> None:
    """Refuse, and record, the deletion of what something keeps.

    Raises:
        HeldError: saying what.
    """
    found = list(holds)
    if not found:
        return
    why = reduce(lambda told, one: Saying("{told}; {more}", told=told, more=one), map(_say, found))
    await access.record(mandate, access.Act.MANAGE_PERSONAL_DATA, f"delete {target} {why}", allowed=False)
    raise HeldError("This can't be deleted yet: {why}.", why=why)


def _say(hold: Hold) -> Saying:
    why = Saying(REASONS[hold.reason])
    return Saying("{why} (until {until})", why=why, until=f"{hold.until:%Y-%m-%d}") if hold.until else why


async def write_down(
    db: WriteSession,
    what: str,
    rows: int,
    now: datetime,
    *,
    since: datetime | None = None,
    before: datetime | None = None,
) -> int:
    """Record a destruction and return the number of the record."""
    said = {"at": now, "what": what, "basis": BASIS, "since": since, "before": before, "rows": rows, "partitions": []}
    return int((await db.execute(insert(Destruction).values(said).returning(Destruction.id))).scalar_one())


async def list_records(mandate: access.Mandate, db: ReadSession, *, limit: int = 50) -> list[Record]:
    """Return what was destroyed on behalf of persons, newest first."""
    await access.grant(mandate, access.Act.MANAGE_PERSONAL_DATA, "list records")
    one = Destruction
    mine = select(one.id, one.at, one.what, one.since, one.before, one.rows)
    found = mine.where(or_(*(one.what.startswith(kind) for kind in _KINDS))).order_by(one.id.desc())
    return [Record(*row) for row in await db.execute(found.limit(min(limit, MAX_RECORDS)))]
