"""Calls (警情), the units sent to them, and everything that happened to a call."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Changed, Key
from services.db.types import geography


class Call(Base):
    """A 110 call."""

    __tablename__ = "call"
    __table_args__ = (UniqueConstraint("taken_by", "request_key"),)

    id: Mapped[Key]
    kind: Mapped[str]  # theft, dispute, traffic, fire, help, violence, …
    priority: Mapped[int]  # 1 highest … 4
    place: Mapped[Any] = mapped_column(geography("POINT"))
    address: Mapped[str] = mapped_column(server_default="")
    notes: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="open", index=True)  # open, assigned, closed
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    result: Mapped[str | None]
    request_key: Mapped[str | None]  # sent by the caller, so that a repeated submission adds nothing
    changed_xid: Mapped[Changed]


class Assignment(Base):
    """A unit sent to a call: dispatched, en route, on scene, clear. A unit has one open assignment at most."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index("uq_assignment_open_unit", "unit_id", unique=True, postgresql_where=text("state <> 'clear'")),
    )

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    state: Mapped[str] = mapped_column(server_default="dispatched")  # dispatched, en_route, on_scene, clear
    expected_s: Mapped[float | None]
    dispatched_at: Mapped[datetime]
    en_route_at: Mapped[datetime | None]
    on_scene_at: Mapped[datetime | None]
    clear_at: Mapped[datetime | None]
    changed_xid: Mapped[Changed]


class CallEvent(Base):
    """One line of a call's log; never changed."""

    __tablename__ = "call_event"

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), index=True)
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    what: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
