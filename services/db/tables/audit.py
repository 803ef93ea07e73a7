"""The audit trail, and the reviews of it. All append-only; the trail is a chain of hashes."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Computed, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class AuditEntry(Base):
    """Who did or tried what, when, from where, and how much was seen. Each entry carries the hash of the one before."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_account_id", "account_id", "at"), Index("ix_audit_subject", "subject", "at"))

    id: Mapped[Key]  # rises along the chain, with gaps where a transaction failed
    at: Mapped[datetime] = mapped_column(index=True)  # never falls along the chain
    account_id: Mapped[int | None]  # null: the machine's own operator, or nobody known
    act: Mapped[str]
    target: Mapped[str]
    subject: Mapped[str | None] = mapped_column(
        Computed("substring(target, '(?:^| )([a-z_]+:[0-9]+)')", persisted=True)
    )
    purpose: Mapped[str]
    case_no: Mapped[str | None]
    outcome: Mapped[str]  # allowed, refused, seen
    rows: Mapped[int | None]  # of an entry `seen`: how many rows went to the one who looked
    remote: Mapped[str | None]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditReview(Base):
    """An auditor's signed review of a week; a later one of the same week stands beside it."""

    __tablename__ = "audit_review"

    id: Mapped[Key]
    week: Mapped[date] = mapped_column(index=True)  # its Monday, Beijing time
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    statement: Mapped[str]
    entries: Mapped[int]  # of the trail in this week
    findings: Mapped[int]  # of unusual use in this week
    last_hash: Mapped[bytes | None]  # of the last entry of the week
    digest: Mapped[bytes]  # SHA-256 of the above; it stands in the trail too


# row security: auditors read; the worker and auditors write
class AuditCheck(Base):
    """A check of the whole trail against its hashes and seals: when, by whom, what was found."""

    __tablename__ = "audit_check"

    id: Mapped[Key]
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))  # null: the nightly job
    entries: Mapped[int]
    hours: Mapped[int]
    seals: Mapped[int]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # kind, where, sentence
