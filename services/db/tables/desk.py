"""What officers keep at their desks: filters and layout, and the notes by which one shift hands over to the next."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


# row security: an officer reads and writes his own row only
class Desk(Base):
    """How an officer left his console: filters, layout, sounds."""

    __tablename__ = "desk"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    layout: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    changed_at: Mapped[datetime]


# row security: dispatchers read all and write as themselves
class HandoverNote(Base):
    """A note from one shift to the next, with the calls that were open; kept as it was written."""

    __tablename__ = "handover_note"

    id: Mapped[Key]
    at: Mapped[datetime]
    by_account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    text: Mapped[str]
    open_calls: Mapped[list[int]] = mapped_column(JSONB, server_default=sql("'[]'"))
    taken_by_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime | None]
