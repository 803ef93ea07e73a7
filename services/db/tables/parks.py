"""Industrial parks (园区), their enterprises, and the incidents in them: places, never persons."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key
from services.db.types import geography


class Park(Base):
    """An industrial park."""

    __tablename__ = "park"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    shape: Mapped[Any] = mapped_column(geography("MULTIPOLYGON"))
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class Enterprise(Base):
    """An enterprise in a park."""

    __tablename__ = "enterprise"
    __table_args__ = (UniqueConstraint("park_id", "name"),)

    id: Mapped[Key]
    park_id: Mapped[int] = mapped_column(ForeignKey("park.id"))
    name: Mapped[str]
    industry: Mapped[str] = mapped_column(server_default="")
    place: Mapped[Any] = mapped_column(geography("POINT"))


class Incident(Base):
    """Something that happened at a place and a time, and who noticed it: or looking more looks like more crime."""

    __tablename__ = "incident"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: Mapped[Key]
    source: Mapped[str]
    external_id: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    place: Mapped[Any] = mapped_column(geography("POINT"))
    detection_origin: Mapped[str]  # citizen, enterprise, sensor, inspection, patrol
