"""Areas drawn on the map, the rules they carry, and where each device stands to each rule."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Changed, Key
from services.db.types import geography


class Area(Base):
    """A named piece of ground with holes if need be."""

    __tablename__ = "area"

    id: Mapped[Key]
    name: Mapped[str]
    kind: Mapped[str]  # patrol, restricted, event, boundary, other
    shape: Mapped[Any] = mapped_column(geography("MULTIPOLYGON"))
    line: Mapped[Any | None] = mapped_column(geography("LINESTRING", index=False))  # of a way: the middle of its shape
    width_m: Mapped[int | None] = mapped_column(Integer)  # of a way
    form: Mapped[str | None]  # as what a terminal can watch it: circle, rectangle, polygon, route; null: it can't
    revision: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AreaRule(Base):
    """What to watch an area for: enter, leave, dwell, cross."""

    __tablename__ = "area_rule"

    id: Mapped[Key]
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    trigger: Mapped[str]  # enter, leave, dwell, cross
    dwell_s: Mapped[int | None]
    confirm_fixes: Mapped[int] = mapped_column(server_default=text("2"))
    confirm_s: Mapped[int] = mapped_column(server_default=text("0"))
    unit_kinds: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # null: every device
    severity: Mapped[str] = mapped_column(server_default="notice")  # notice, warning, urgent
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AreaState(Base):
    """The state of the hysteresis of one device at one rule; `state` is geo.fences' own value as JSON."""

    __tablename__ = "area_state"
    __table_args__ = (Index("ix_area_state_busy", "device_id", postgresql_where=text("NOT idle")),)

    rule_id: Mapped[int] = mapped_column(ForeignKey("area_rule.id"), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    at: Mapped[datetime]  # of the newest fix taken in
    idle: Mapped[bool]  # a fix far outside would teach it nothing
    state: Mapped[dict[str, Any]]


class AreaVersion(Base):
    """One row: the last transaction that changed an area or a rule. A trigger writes it, the watchers compare it."""

    __tablename__ = "area_version"

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    changed_xid: Mapped[Changed]
