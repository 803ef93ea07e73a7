"""BeiDou short messages: what came from cards, and what a dispatcher sends to one."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, status
from pydantic import Field

from api import deps
from api.schemas import Model, Page
from services import messages
from services.alerts import read_cursor

router = APIRouter(prefix="/messages", tags=["messages"])


class MessageOut(Model):
    """A short message; `text` is null if its payload is none. `sent_at` is when a terminal took it to send.

    `call_sign` is that of the unit which carried the card then.
    """

    id: int
    device_id: int
    call_sign: str | None
    direction: Literal["in", "out"]
    at: datetime
    text: str | None
    calls_for_help: bool
    sent_at: datetime | None


class MessageIn(Model):
    """A text to the card of a device. It takes its turn: a card may speak about once a minute."""

    device_id: int = Field(ge=1, le=2**63 - 1)
    text: str = Field(min_length=1, max_length=500)


@router.get("")
async def list_messages(
    who: deps.Who,
    db: deps.ReadDb,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=messages.MAX_PAGE)] = 50,
) -> Page[MessageOut]:
    """BeiDou short messages in both directions, newest first."""
    before_id = read_cursor(cursor) if cursor else None
    found = await messages.list_messages(who, db, before_id=before_id, limit=limit)
    return Page[MessageOut].of(found, limit)


@router.post("", status_code=status.HTTP_201_CREATED)
async def send_message(who: deps.Who, db: deps.WriteDb, now: deps.Now, body: MessageIn) -> MessageOut:
    """Let a text wait for the next turn of a terminal for BeiDou short messages."""
    sent = await messages.send(who, db, device_id=body.device_id, text=body.text, now=now)
    return MessageOut.model_validate(sent)
