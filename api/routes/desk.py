"""The desk: what an officer keeps between two shifts, and the note to the next."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, status
from pydantic import ConfigDict, Field

from api import deps
from api.schemas import Id, Model
from services import desk

router = APIRouter(prefix="/desk", tags=["desk"])

Text = Annotated[str, Field(max_length=100)]


class Layout(Model):
    """How a console was left; what is null was never chosen. `text` to `division` are the filters of the units."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="forbid")

    tab: Literal["units", "calls", "alerts", "messages"] | None = None
    text: Text | None = None
    kind: Text | None = None
    state: Text | None = None
    division: Text | None = None
    muted: bool | None = None
    layers: list[Text] | None = Field(None, max_length=20)
    view: tuple[float, float, float] | None = Field(None, description="lon_deg, lat_deg, zoom")


class NoteIn(Model):
    """What the next shift has to know."""

    text: str = Field(min_length=1, max_length=4000)


class NoteOut(Model):
    """A handover note; `open_calls` are those that were open when it was written."""

    id: int
    at: datetime
    by: str
    text: str
    open_calls: list[int]
    taken_by: str | None
    taken_at: datetime | None
    mine: bool


@router.get("")
async def read_desk(who: deps.Who, db: deps.ReadDb) -> Layout:
    """How you left your console."""
    return Layout.model_validate(await desk.read_layout(who, db))


@router.put("", status_code=status.HTTP_204_NO_CONTENT)
async def keep_desk(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: Layout) -> None:
    """Keep how you left your console, for whichever screen you sit at next."""
    await desk.keep_layout(who, db, body.model_dump(mode="json", exclude_none=True), now=now)


@router.get("/notes")
async def list_notes(
    who: deps.Who, db: deps.ReadDb, limit: Annotated[int, Query(ge=1, le=desk.MAX_NOTES)] = 20
) -> list[NoteOut]:
    """Handover notes, newest first."""
    return [NoteOut.model_validate(note) for note in await desk.list_notes(who, db, limit=limit)]


@router.post("/notes", status_code=status.HTTP_201_CREATED)
async def write_note(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: NoteIn) -> NoteOut:
    """Write a note to the next shift; the open calls are noted with it."""
    return NoteOut.model_validate(await desk.write_note(who, db, body.text, now=now))


@router.post("/notes/{note_id}/take")
async def take_over(who: deps.Who, db: deps.WriteDb, now: deps.Now, note_id: Id) -> NoteOut:
    """Sign for a note: you have read it and are in charge."""
    return NoteOut.model_validate(await desk.take_over(who, db, note_id, now=now))
