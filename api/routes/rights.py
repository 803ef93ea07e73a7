"""The rights of a person (个人信息保护法 44 to 47): who called, who carried a device. For the security administration.

Words of a caller stand in bodies, never in an address.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, Field

from api import deps
from api.schemas import Id, Model
from services import subjects

router = APIRouter(prefix="/personal-data", tags=["personal data"])

Words = Annotated[str, Field(min_length=1, max_length=100)]


class WordsIn(Model):
    """A telephone number, a name or other words of a caller."""

    words: Words


class SaidOut(Model):
    """Where the words stand, and what stands around them."""

    place: Literal["address", "notes", "answers", "result", "log", "reason", "handover_note"]
    text: str


class HoldOut(Model):
    """Why data can't be deleted, and until when as far as that is known."""

    reason: Literal["open_call", "linked_call", "open_alert", "case", "log", "young", "own"]
    until: datetime | None


class CallKeptOut(Model):
    """A call in which the words stand; `call_id` null: notes from one shift to the next, which go with their rule."""

    call_id: int | None
    said: list[SaidOut]
    holds: list[HoldOut]


class CorrectionIn(Model):
    """Words of a call that are wrong, and the right ones."""

    wrong: Words
    right: str = Field(max_length=100)


class CorrectedOut(Model):
    """The fields that changed; the log of the call keeps what stood there before."""

    changed: list[str]


class RecordOut(Model):
    """The number of the record of a destruction."""

    record: int


class CountOut(Model):
    """How many rows of a table tell of the device, and of when."""

    what: str
    rows: int
    first_at: datetime | None
    last_at: datetime | None


class CarriedOut(Model):
    """Who was on the unit that carried the device, and when."""

    account_id: int
    name: str
    call_sign: str
    since: datetime
    until: datetime | None


class DeviceKeptOut(Model):
    """What is kept of a device: numbers and times, no places."""

    device_id: int
    phone: str
    kept: list[CountOut]
    carried: list[CarriedOut]


class TimeIn(Model):
    """From `start` to before `end`."""

    start: AwareDatetime
    end: AwareDatetime


class DeletedOut(RecordOut):
    """What went: positions, and batches of frames that were packed anew; `left`: positions of that time still there."""

    fixes: int
    batches: int
    left: int


class DestructionOut(Model):
    """A destruction on a person's behalf: subject:5, call:7 or device:3."""

    id: int
    at: datetime
    what: str
    since: datetime | None
    before: datetime | None
    rows: int


@router.post("/calls/search")
async def find_calls(who: deps.Who, db: deps.ReadDb, body: WordsIn) -> list[CallKeptOut]:
    """Where words of a caller are kept, newest call first; blanks and hyphens in a number don't matter."""
    return [CallKeptOut.model_validate(one) for one in await subjects.find_calls(who, db, words=body.words)]


@router.put("/calls/{call_id}")
async def correct_call(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id, body: CorrectionIn) -> CorrectedOut:
    """Put right words for wrong ones into a call; its log keeps both."""
    return CorrectedOut(changed=await subjects.correct_call(who, db, call_id, **dict(body), now=now))


@router.delete("/calls/{call_id}")
async def delete_call(who: deps.Who, db: deps.WriteDb, now: deps.Now, call_id: Id) -> RecordOut:
    """Delete the words and the place of a call, in its log too; what is counted stays. 409 says what keeps them."""
    return RecordOut(record=await subjects.delete_call(who, db, call_id, now=now))


@router.get("/devices/{device_id}")
async def list_device(who: deps.Who, db: deps.ReadDb, device_id: Id) -> DeviceKeptOut:
    """How much is kept of a device, and who carried it."""
    return DeviceKeptOut.model_validate(await subjects.list_device(who, db, device_id))


@router.post("/devices/{device_id}/deletions", status_code=status.HTTP_201_CREATED)
async def delete_track(
    *, who: deps.Who, db: deps.WriteDb, settings: deps.Config, now: deps.Now, device_id: Id, body: TimeIn
) -> DeletedOut:
    """Delete a device's positions of a time and their frames, 500 at once; ask again while some are left."""
    gone = await subjects.delete_track(who, db, settings, device_id, start=body.start, end=body.end, now=now)
    return DeletedOut.model_validate(gone)


@router.get("/records")
async def list_records(
    who: deps.Who, db: deps.ReadDb, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[DestructionOut]:
    """What was destroyed on behalf of persons, newest first."""
    return [DestructionOut.model_validate(one) for one in await subjects.list_records(who, db, limit=limit)]
