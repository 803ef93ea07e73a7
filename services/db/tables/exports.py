"""Tracks that leave the service as files: who asked, who approved, what went out."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class ExportRequest(Base):
    """A wish to take more points of a unit's track along than one person may decide on (两高 2017 解释 5)."""

    __tablename__ = "export_request"
    __table_args__ = (
        CheckConstraint("decided_by <> account_id", name="second_person"),
        CheckConstraint("state IN ('proposed', 'approved', 'refused')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("window_start < window_end", name="window"),
    )

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    reason: Mapped[str]
    case_no: Mapped[str | None]
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="proposed")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]  # an approval is good for a day


class ExportFile(Base):
    """A file that went out. Append-only."""

    __tablename__ = "export_file"

    id: Mapped[Key]
    at: Mapped[datetime] = mapped_column(index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    request_id: Mapped[int | None] = mapped_column(ForeignKey("export_request.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    points: Mapped[int]
    sha256: Mapped[bytes]
