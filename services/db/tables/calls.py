"""Calls (警情), the units sent to them, their crews, and everything that happened to a call."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Changed, Key
from services.db.types import geography


# row security: read view_calls; write take_call, dispatch, report_status, serve (own unit's call)
class Call(Base):
    """A 110 call."""

    __tablename__ = "call"
    __table_args__ = (UniqueConstraint("taken_by", "request_key"),)

    id: Mapped[Key]
    kind: Mapped[str]  # a code of the table of kinds: theft, dispute, traffic, fire, help, violence, …
    priority: Mapped[int]  # 1 highest … 4
    place: Mapped[Any | None] = mapped_column(geography("POINT"))  # null: place unknown
    address: Mapped[str] = mapped_column(server_default="")
    notes: Mapped[str] = mapped_column(server_default="")
    answers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # to the questions of its kind
    division: Mapped[str | None]  # GB/T 2260 code of the county-level division the place lies in
    outside: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))  # of the city: mutual aid
    state: Mapped[str] = mapped_column(server_default="open", index=True)  # open, assigned, closed
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime] = mapped_column(index=True)
    signed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    signed_at: Mapped[datetime | None]  # 签收
    feedback_at: Mapped[datetime | None]  # 反馈: the first one
    closed_at: Mapped[datetime | None]
    result: Mapped[str | None]
    result_code: Mapped[str | None]  # 处警结果, a code of the table of results
    request_key: Mapped[str | None]  # sent by the caller, so that a repeated submission adds nothing
    changed_xid: Mapped[Changed]


# row security: as call
class Assignment(Base):
    """A unit proposed for or sent to a call. A unit has one open assignment at most."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index(
            "uq_assignment_open_unit", "unit_id", unique=True,
            postgresql_where=text("state NOT IN ('clear', 'refused', 'withdrawn')"),
        ),
    )  # fmt: skip

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    state: Mapped[str] = mapped_column(server_default="dispatched")
    # proposed, dispatched, accepted, en_route, on_scene; over: clear, refused, withdrawn
    by_machine: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))  # a timer proposed it
    expected_s: Mapped[float | None]
    proposed_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    en_route_at: Mapped[datetime | None]
    on_scene_at: Mapped[datetime | None]
    clear_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  # when it was refused or withdrawn
    reason: Mapped[str | None]  # why
    eta_at: Mapped[datetime | None]  # when the unit on its way will be there, as far as its newest place tells
    way: Mapped[str | None]  # on_route, off_route, stopped, silent
    changed_xid: Mapped[Changed]


# row security: as call; append-only
class CallEvent(Base):
    """One line of a call's log; never changed."""

    __tablename__ = "call_event"

    id: Mapped[Key]
    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), index=True)
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    what: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


# row security: as call
class CallLink(Base):
    """Two calls that have to do with each other: the lower id first."""

    __tablename__ = "call_link"
    __table_args__ = (CheckConstraint("call_id < other_id", name="order"),)

    call_id: Mapped[int] = mapped_column(ForeignKey("call.id"), primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("call.id"), primary_key=True, index=True)
    kind: Mapped[str]  # duplicate, related
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


# row security: read view_live; write serve (own account_id)
class Crew(Base):
    """An officer on a unit, from the moment he signs on until he signs off. On one unit at most."""

    __tablename__ = "crew"
    __table_args__ = (Index("uq_crew_open", "account_id", unique=True, postgresql_where=text("until IS NULL")),)

    id: Mapped[Key]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
