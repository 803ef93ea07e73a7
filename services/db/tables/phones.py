"""What phone apps were answered, so that a repeated request gets the same answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base


class Answer(Base):
    """The answer to a request of a device, by the key the device gave it; kept for a day."""

    __tablename__ = "phone_answer"

    device_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    answer: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
