"""Taking a call: what is written down of it, where it may be, and the same submission sent twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from services import access, live
from services.db.engine import WriteSession
from services.db.tables.calls import Call
from services.db.types import point
from services.dispatch import calls, deferral, handbook
from services.dispatch.codes import HIGHEST_PRIORITY, LOWEST_PRIORITY
from services.dispatch.ground import Ground
from services.errors import ConflictError, InvalidError
from services.settings import Settings

_MAX_LON_DEG, _MAX_LAT_DEG = 180, 90
_MAX_ANSWERS, _MAX_ANSWER = 40, 500


class PlaceError(InvalidError):
    """The place of a call can't be true."""


class OutsideCityError(InvalidError):
    """The place is not in the city, and nobody confirmed that the call is taken all the same."""


class AnswersError(InvalidError):
    """The answers to the protocol questions are too many or too long."""


class KeyUsedError(ConflictError):
    """The idempotency key came with another call before."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A call as it is told. Without a place it is kept as "place unknown" and placed later. CGCS2000 degrees."""

    kind: str
    priority: int
    lon_deg: float | None = None
    lat_deg: float | None = None
    address: str = ""
    notes: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)


async def take_call(
    mandate: access.Mandate,
    db: WriteSession,
    settings: Settings,
    ground: Ground,
    draft: Draft,
    *,
    outside_confirmed: bool = False,
    now: datetime,
    request_key: str | None = None,
) -> live.CallView:
    """Write a call down; the same `request_key` of the same officer again returns the call of the first time.

    Raises:
        NoKindError, AnswersError: the tables have no such kind or priority; the answers are too long.
        PlaceError: the place is nowhere on earth, or 0/0.
        OutsideCityError: it lies outside of the city and `outside_confirmed` is not set.
        KeyUsedError: the key came with something else.
    """
    await access.grant(mandate, access.Act.TAKE_CALL)
    check(draft, settings)
    where = placed(ground, draft.lon_deg, draft.lat_deg, outside_confirmed=outside_confirmed)
    said = {"kind": draft.kind, "priority": draft.priority, "address": draft.address, "notes": draft.notes}
    row = postgresql.insert(Call).values(
        **said, **where, answers=dict(draft.answers), taken_by=mandate.account_id, taken_at=now, request_key=request_key
    )
    new = row.on_conflict_do_nothing(index_elements=[Call.taken_by, Call.request_key]).returning(Call.id)
    call_id = (await db.execute(new)).scalar_one_or_none()
    if call_id is None:
        said |= {"lon_deg": draft.lon_deg, "lat_deg": draft.lat_deg, "answers": dict(draft.answers)}
        return await _taken_before(mandate, db, said, request_key)
    detail = {"kind": draft.kind, "priority": draft.priority, "outside": where["outside"]}
    await calls.log(db, call_id, "taken", by=mandate, at=now, detail=detail)
    await deferral.look_after(db, handbook.tables(settings).timers.sign_for_s, now)
    return await calls.view(db, call_id)


def check(draft: Draft, settings: Settings) -> None:
    """Refuse a kind, a priority or answers that can't be."""
    handbook.tables(settings).kind(draft.kind)
    if not HIGHEST_PRIORITY <= draft.priority <= LOWEST_PRIORITY:
        raise AnswersError(
            "The priority is {highest} (highest) to {lowest}.", highest=HIGHEST_PRIORITY, lowest=LOWEST_PRIORITY
        )
    lengths = [max(len(question), len(answer)) for question, answer in draft.answers.items()]
    if len(lengths) > _MAX_ANSWERS or max(lengths, default=0) > _MAX_ANSWER:
        raise AnswersError(
            "At most {most} answers of {most_characters} characters are kept.",
            most=_MAX_ANSWERS,
            most_characters=_MAX_ANSWER,
        )


def placed(
    ground: Ground, lon_deg: float | None, lat_deg: float | None, *, outside_confirmed: bool = False
) -> dict[str, Any]:
    """Return the columns of a place, or of none.

    Raises:
        PlaceError, OutsideCityError: see `take_call`.
    """
    if lon_deg is None or lat_deg is None:
        if lon_deg is not lat_deg:
            raise PlaceError("A place has a longitude and a latitude; leave both out if it is unknown.")
        return {"place": None, "division": None, "outside": False}
    _check_place(lon_deg, lat_deg)
    outside = ground.is_outside(lon_deg, lat_deg)
    if outside and not outside_confirmed:
        raise OutsideCityError(
            "This place lies outside of the city. Check it; to take the call all the same (mutual aid), confirm it."
        )
    return {"place": point(lon_deg, lat_deg), "division": ground.division(lon_deg, lat_deg), "outside": outside}


def _check_place(lon_deg: float, lat_deg: float) -> None:
    if not (isfinite(lon_deg) and abs(lon_deg) <= _MAX_LON_DEG and isfinite(lat_deg) and abs(lat_deg) <= _MAX_LAT_DEG):
        raise PlaceError("The place is nowhere on earth: longitude is -180 to 180 degrees, latitude -90 to 90.")
    if lon_deg == 0 and lat_deg == 0:
        raise PlaceError("0/0 is what a missing place looks like: set the place on the map, or leave it out.")


async def _taken_before(
    mandate: access.Mandate, db: WriteSession, said: dict[str, Any], request_key: str | None
) -> live.CallView:
    same = select(Call.id).where(Call.taken_by == mandate.account_id, Call.request_key == request_key)
    call = await calls.view(db, (await db.execute(same)).scalar_one())
    if said != {name: getattr(call, name) for name in said}:
        raise KeyUsedError(
            "This key was used for call {call_id}, which says something else. Take a new key.", call_id=call.id
        )
    return call
