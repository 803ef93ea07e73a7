"""The dispatcher's desk (席位): how an officer left his console, and the notes of one shift to the next (交接班)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from services import access
from services.db.engine import ReadSession, WriteSession
from services.db.tables.access import Account
from services.db.tables.calls import Call
from services.db.tables.desk import Desk, HandoverNote
from services.errors import ConflictError, InvalidError, NotFoundError

MAX_NOTES = 50


class NoNoteError(NotFoundError):
    """There is no such note."""


class NoteTakenError(ConflictError):
    """A note is taken over once, and not by its writer."""


@dataclass(frozen=True, slots=True)
class Note:
    """A handover note: who wrote it, which calls were open, who has taken over."""

    id: int
    at: datetime
    by: str
    text: str
    open_calls: list[int]
    taken_by: str | None
    taken_at: datetime | None
    mine: bool


async def read_layout(mandate: access.Mandate, db: ReadSession) -> dict[str, Any]:
    """Return how the officer left his console; empty at first."""
    await access.grant(mandate, access.Act.KEEP_DESK)
    found = await db.execute(select(Desk.layout).where(Desk.account_id == mandate.account_id))
    return found.scalar_one_or_none() or {}


async def keep_layout(mandate: access.Mandate, db: WriteSession, layout: dict[str, Any], *, now: datetime) -> None:
    """Keep how the officer left his console; the last to write wins."""
    await access.grant(mandate, access.Act.KEEP_DESK)
    values = {"layout": layout, "changed_at": now}
    row = insert(Desk).values(account_id=mandate.account_id, **values)
    await db.execute(row.on_conflict_do_update(index_elements=[Desk.account_id], set_=values))


async def list_notes(mandate: access.Mandate, db: ReadSession, *, limit: int = 20) -> list[Note]:
    """Return the newest notes first."""
    async with access.look(mandate, access.Act.HAND_OVER, "notes") as seen:
        found = await _notes(db, mandate.account_id, min(limit, MAX_NOTES))
        seen.rows = len(found)
        return found


async def write_note(mandate: access.Mandate, db: WriteSession, text: str, *, now: datetime) -> Note:
    """Write a note to the next shift; the calls that are open are noted with it.

    Raises:
        InvalidError: the note is blank.
    """
    await access.grant(mandate, access.Act.HAND_OVER, "note")
    if not text.strip():
        raise InvalidError("Write what the next shift has to know.")
    calls = (await db.execute(select(Call.id).where(Call.state != "closed").order_by(Call.id))).scalars().all()
    values = {"at": now, "by_account_id": mandate.account_id, "text": text.strip(), "open_calls": list(calls)}
    note_id = (await db.execute(insert(HandoverNote).values(**values).returning(HandoverNote.id))).scalar_one()
    return await _note(db, mandate.account_id, note_id)


async def take_over(mandate: access.Mandate, db: WriteSession, note_id: int, *, now: datetime) -> Note:
    """Sign for a note: the next shift has read it and is in charge.

    Raises:
        NoNoteError: there is none.
        NoteTakenError: somebody has taken over already, or it is the officer's own note.
    """
    await access.grant(mandate, access.Act.HAND_OVER, f"note:{note_id}")
    mine = (HandoverNote.id == note_id, HandoverNote.taken_at.is_(None))
    others = HandoverNote.by_account_id != mandate.account_id
    step = update(HandoverNote).where(*mine, others).values(taken_by_account_id=mandate.account_id, taken_at=now)
    taken = (await db.execute(step.returning(HandoverNote.id))).scalar_one_or_none()
    note = await _note(db, mandate.account_id, note_id)
    if taken is None:
        if note.mine:
            raise NoteTakenError("You wrote this note: the next shift signs for it.")
        raise NoteTakenError("{who} has signed.", who=note.taken_by)
    return note


async def _note(db: ReadSession, reader: int | None, note_id: int) -> Note:
    found = await _notes(db, reader, 1, HandoverNote.id == note_id)
    if not found:
        raise NoNoteError("There is no note {note_id}.", note_id=note_id)
    return found[0]


async def _notes(db: ReadSession, reader: int | None, limit: int, *conditions: Any) -> list[Note]:
    writer, taker = aliased(Account), aliased(Account)
    found = (
        select(
            HandoverNote.id, HandoverNote.at, writer.display_name, HandoverNote.text, HandoverNote.open_calls,
            taker.display_name, HandoverNote.taken_at, HandoverNote.by_account_id == reader,
        )
        .join(writer, writer.id == HandoverNote.by_account_id)
        .outerjoin(taker, taker.id == HandoverNote.taken_by_account_id)
        .where(*conditions)
    )  # fmt: skip
    rows: Sequence[Any] = (await db.execute(found.order_by(HandoverNote.id.desc()).limit(limit))).all()
    return [Note(*row) for row in rows]
