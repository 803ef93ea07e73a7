"""Alerts: raised once, acknowledged, closed with a reason; never deleted."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Changed, Key
from services.db.types import geography


class Alert(Base):
    """Something a person has to look at."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "uq_alert_open_sos", "device_id", unique=True, postgresql_where=text("kind = 'sos' AND state <> 'closed'")
        ),
        Index("ix_alert_device_id_at", "device_id", "at"),
    )

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(unique=True)  # the same cause has the same key: raised again, it adds nothing
    kind: Mapped[str]  # area_enter, area_leave, area_dwell, area_cross, sos, device_takeover, …
    severity: Mapped[str]  # notice, warning, urgent
    at: Mapped[datetime]  # event time
    raised_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))
    place: Mapped[Any | None] = mapped_column(geography("POINT"))
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default="open", index=True)  # open, acknowledged, closed
    acknowledged_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    acknowledged_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None]
    corrects: Mapped[int | None] = mapped_column(ForeignKey("alert.id"), unique=True)  # what late fixes proved wrong
    changed_xid: Mapped[Changed]
