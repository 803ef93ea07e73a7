"""BeiDou short messages: text that came from cards, and text that waits for a card's turn."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class ShortMessage(Base):
    """A message of a card or to a card. What came with the same time and payload before adds nothing."""

    __tablename__ = "short_message"
    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        Index(
            "uq_short_message_heard", "device_id", "at", "payload_hash",
            unique=True, postgresql_where=sql("direction = 'in'"),
        ),
        Index("ix_short_message_waiting", "id", postgresql_where=sql("direction = 'out' AND sent_at IS NULL")),
    )  # fmt: skip

    id: Mapped[Key]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    direction: Mapped[str]
    at: Mapped[datetime]  # in: sent by the card, as far as that is known; out: written by the dispatcher
    text: Mapped[str | None]  # None if the payload is no text
    payload: Mapped[bytes]
    payload_hash: Mapped[int] = mapped_column(BigInteger)
    calls_for_help: Mapped[bool] = mapped_column(server_default=sql("false"))
    sent_at: Mapped[datetime | None]  # out: when it was handed to the terminal
