"""Accounts, their roles and sessions, and the audit trail."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key


class Account(Base):
    """A person who signs in."""

    __tablename__ = "account"

    id: Mapped[Key]
    username: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(deferred=True)  # null: signs in elsewhere; read at the door only
    must_renew: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))  # another person knows the password
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AccountRole(Base):
    """A role an account holds."""

    __tablename__ = "account_role"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class SecondFactor(Base):
    """The secret of an account's one-time passwords, closed under the server's keys."""

    __tablename__ = "second_factor"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    secret_box: Mapped[bytes | None]  # null until the first code was seen
    pending_box: Mapped[bytes | None]  # being enrolled
    last_step: Mapped[int | None]  # the newest time step a code was used of: none counts twice


class RecoveryCode(Base):
    """One code for the day the second factor is lost; deleted when used."""

    __tablename__ = "recovery_code"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(primary_key=True)


class Identity(Base):
    """A name another provider (OpenID Connect) knows an account by."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    issuer: Mapped[str]
    subject: Mapped[str]


class PendingSignIn(Base):
    """A sign-in that was sent to the provider and has not come back; good once."""

    __tablename__ = "pending_sign_in"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    nonce: Mapped[str]
    verifier: Mapped[str]
    created_at: Mapped[datetime]


class Login(Base):
    """A signed-in session, known by the hash of its token."""

    __tablename__ = "login"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)  # what lists call it; opens nothing
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[str]  # page, machine: a cookie never works as a bearer token, nor the other way round
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    factor_at: Mapped[datetime | None]  # when the second factor was shown
    remote: Mapped[str | None]
    device: Mapped[str | None]  # what the browser calls itself
