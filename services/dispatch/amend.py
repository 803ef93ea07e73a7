"""What is learnt of a call after it was taken: another kind, a place at last, more answers. The log keeps both."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import update

from services import access, live
from services.db.engine import WriteSession
from services.db.tables.calls import Call
from services.dispatch import calls, intake
from services.dispatch.ground import Ground
from services.dispatch.intake import Draft
from services.errors import InvalidError
from services.settings import Settings


class NothingError(InvalidError):
    """Nothing is to be changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different; None leaves it as it is. A place is changed as a whole."""

    kind: str | None = None
    priority: int | None = None
    lon_deg: float | None = None
    lat_deg: float | None = None
    address: str | None = None
    notes: str | None = None
    answers: Mapping[str, str] | None = None


async def amend_call(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    ground: Ground,
    call_id: int,
    *,
    change: Change,
    outside_confirmed: bool = False,
    now: datetime,
) -> live.CallView:
    """Change what is known of a call; before and after stand in its log.

    Raises:
        NothingError: the change is empty.
        NoCallError, CallClosedError: there is none, or it is over.
        NoKindError, AnswersError, PlaceError, OutsideCityError: as when a call is taken.
    """
    await access.grant(mandate, access.Act.TAKE_CALL, f"call:{call_id}")
    wanted = {field.name: value for field in fields(change) if (value := getattr(change, field.name)) is not None}
    if not wanted:
        raise NothingError("Say what is to be changed.")
    await calls.lock(db, call_id)
    before = await calls.view(db, call_id)
    known = {field.name: getattr(before, field.name) for field in fields(Draft)} | wanted
    intake.check(Draft(**known), settings)
    values = {name: value for name, value in wanted.items() if name not in {"lon_deg", "lat_deg"}}
    if len(values) < len(wanted):
        values |= intake.placed(ground, change.lon_deg, change.lat_deg, outside_confirmed=outside_confirmed)
    await db.execute(update(Call).where(Call.id == call_id).values(**values))
    detail: dict[str, Any] = {
        name: {"before": getattr(before, name), "after": value}
        for name, value in wanted.items()
        if getattr(before, name) != value
    }
    await calls.log(db, call_id, "amended", by=mandate, at=now, detail=detail)
    return await calls.view(db, call_id)
