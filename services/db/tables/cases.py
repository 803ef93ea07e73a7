"""Authorisations: what an investigation may look at, proposed by one person and approved by another."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key
from services.db.types import geography


class Authorisation(Base):
    """The limits within which records already held may be replayed for a case (程序规定 62)."""

    __tablename__ = "authorisation"
    __table_args__ = (
        CheckConstraint("window_start < window_end", name="window"),
        CheckConstraint("approved_by <> proposed_by", name="second_person"),
        CheckConstraint("state IN ('proposed', 'approved', 'revoked')", name="state"),
        CheckConstraint("state <> 'approved' OR approved_by IS NOT NULL", name="approver"),
        CheckConstraint("cardinality(subjects) > 0 OR area IS NOT NULL", name="scope"),
        CheckConstraint("cardinality(sources) > 0", name="sources"),
    )

    id: Mapped[Key]
    case_no: Mapped[str] = mapped_column(index=True)
    instrument: Mapped[str]  # the notice and its number, 调取证据通知书
    issuing_unit: Mapped[str]
    issuing_level: Mapped[str]  # county, city, province, ministry
    purpose: Mapped[str]
    subjects: Mapped[list[str]] = mapped_column(ARRAY(Text))  # unit:5, device:7; empty: whoever was in the area
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text))  # tracks
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    area: Mapped[Any | None] = mapped_column(geography("MULTIPOLYGON", index=False))  # null: wherever the subjects were
    expires_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="proposed")
    proposed_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    revoked_at: Mapped[datetime | None]
