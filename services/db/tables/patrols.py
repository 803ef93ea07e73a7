"""Beats, checkpoints, duty rosters, and what a patrol is asked to do."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key
from services.db.types import geography


class Beat(Base):
    """A piece of ground that a patrol answers for (巡区)."""

    # row security: police may read, dispatchers write

    __tablename__ = "beat"

    id: Mapped[Key]
    name: Mapped[str]
    division: Mapped[str | None]  # GB/T 2260 code of the county-level division
    shape: Mapped[Any] = mapped_column(geography("MULTIPOLYGON"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Checkpoint(Base):
    """A place that patrols have to come to (必到点), and how long they stay."""

    # row security: police may read, dispatchers write

    __tablename__ = "checkpoint"

    id: Mapped[Key]
    name: Mapped[str]
    place: Mapped[Any] = mapped_column(geography("POINT"))
    radius_m: Mapped[float] = mapped_column(server_default=text("50"))
    dwell_s: Mapped[int] = mapped_column(server_default=text("180"))
    beat_id: Mapped[int | None] = mapped_column(ForeignKey("beat.id"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Roster(Base):
    """A unit's duty (排班): from when to when, under the name of a shift, perhaps on a beat."""

    # row security: police may read, dispatchers write

    __tablename__ = "roster"
    __table_args__ = (Index("ix_roster_unit_id", "unit_id", "starts_at"),)

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    shift: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    beat_id: Mapped[int | None] = mapped_column(ForeignKey("beat.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class PatrolPlan(Base):
    """What a unit is asked to do between two times; `ordered`: in the order of its stops, else in any."""

    # row security: police may read, dispatchers write

    __tablename__ = "patrol_plan"
    __table_args__ = (Index("ix_patrol_plan_unit_id", "unit_id", "starts_at"),)

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    ordered: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class PatrolStop(Base):
    """A checkpoint of a plan: when it may be visited (null: while the plan lasts) and for how long."""

    __tablename__ = "patrol_stop"

    plan_id: Mapped[int] = mapped_column(ForeignKey("patrol_plan.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, …
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"))
    place: Mapped[Any] = mapped_column(geography("POINT", index=False))  # where it was when the plan was made
    radius_m: Mapped[float]
    window_start: Mapped[datetime | None]
    window_end: Mapped[datetime | None]
    dwell_s: Mapped[int]
    expected_at: Mapped[datetime | None]  # as optimised
