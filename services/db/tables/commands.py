"""Commands to devices (指令下发): what was asked of which terminal, how far it came, what it answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


# row security: dispatchers and system administrators read and write; the gateway writes
class Command(Base):
    """One command; while it is open, some gateway owes it to its device."""

    __tablename__ = "command"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'sent', 'acknowledged', 'answered', 'refused', 'timed_out', 'expired', 'cancelled')",
            name="state",
        ),
        Index("ix_command_open", "due_at", postgresql_where=text("state IN ('queued', 'sent')")),
        Index("ix_command_device_id", "device_id", "id"),
    )

    id: Mapped[Key]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    kind: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default="queued")
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # not sent by then, it is not sent any more
    due_at: Mapped[datetime]  # open: when it is to be sent, or sent again
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    sent_at: Mapped[datetime | None]  # when it was sent first
    settled_at: Mapped[datetime | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    detail: Mapped[str | None]  # why it was refused: the terminal's own word, or a sentence
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # the sentence's pattern and values
