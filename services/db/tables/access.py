"""Accounts, their roles and sessions, and the audit trail."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class Account(Base):
    """A person who signs in."""

    __tablename__ = "account"

    id: Mapped[Key]
    username: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AccountRole(Base):
    """A role an account holds."""

    __tablename__ = "account_role"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class Login(Base):
    """A signed-in session, known by the hash of its token."""

    __tablename__ = "login"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    remote: Mapped[str | None]


class AuditEntry(Base):
    """Who did or tried what, when, from where. Append-only; each entry carries the hash of the one before."""

    __tablename__ = "audit"

    id: Mapped[Key]
    at: Mapped[datetime]
    account_id: Mapped[int | None]
    act: Mapped[str]
    target: Mapped[str]
    purpose: Mapped[str]
    case_no: Mapped[str | None]
    outcome: Mapped[str]  # allowed, refused
    remote: Mapped[str | None]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
