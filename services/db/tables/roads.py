"""Road networks: directed times over straight edges between nodes."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Key
from services.db.types import SRID


class RoadNetwork(Base):
    """An imported network, known by its name."""

    __tablename__ = "road_network"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    attribution: Mapped[str] = mapped_column(server_default="")
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    imported_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class RoadNode(Base):
    """A vertex; ids are the source's own."""

    __tablename__ = "road_node"

    network_id: Mapped[int] = mapped_column(ForeignKey("road_network.id", ondelete="CASCADE"), primary_key=True)
    node_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    lon_deg: Mapped[float]
    lat_deg: Mapped[float]


class RoadEdge(Base):
    """A straight piece of road. A cost of -1 forbids the direction (the pgRouting convention)."""

    __tablename__ = "road_edge"

    network_id: Mapped[int] = mapped_column(ForeignKey("road_network.id", ondelete="CASCADE"), primary_key=True)
    edge_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    source: Mapped[int] = mapped_column(BigInteger)
    target: Mapped[int] = mapped_column(BigInteger)
    length_m: Mapped[float]
    cost_s: Mapped[float]
    reverse_cost_s: Mapped[float]
    highway: Mapped[str] = mapped_column(server_default="")
    name: Mapped[str] = mapped_column(server_default="")
    shape: Mapped[Any] = mapped_column(Geometry("LINESTRING", srid=SRID, spatial_index=True))  # planar: for tiles only


class RoadClosure(Base):
    """A stretch of road that is closed until it is lifted, or its time is over. A new import keeps it by its shape."""

    __tablename__ = "road_closure"
    __table_args__ = (Index("ix_road_closure_open", "network", postgresql_where=text("lifted_at IS NULL")),)

    id: Mapped[Key]
    network: Mapped[str]  # the network's name
    shape: Mapped[Any] = mapped_column(Geometry("GEOMETRY", srid=SRID, spatial_index=False))  # as it was drawn
    lines: Mapped[Any] = mapped_column(Geometry("MULTILINESTRING", srid=SRID, spatial_index=False))  # what it closed
    reason: Mapped[str]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime]
    until: Mapped[datetime | None]
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    lifted_at: Mapped[datetime | None]
