"""Fixes by day, the newest position of each device, the outbox of the watchers, the quarantine of frames."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, REAL, BigInteger, Integer, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Changed, Key
from services.db.types import geography


class Fix(Base):
    """One position report. Partitioned by day of `at`; a replay of the same payload adds nothing."""

    __tablename__ = "fix"
    __table_args__ = ({"postgresql_partition_by": "RANGE (at)"},)

    device_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    payload_hash: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    received_at: Mapped[datetime]  # one value for all fixes of a batch: the outbox finds its batch by it
    place: Mapped[Any] = mapped_column(geography("POINT", index=False))
    altitude_m: Mapped[float | None] = mapped_column(REAL)
    speed_mps: Mapped[float | None] = mapped_column(REAL)
    heading_deg: Mapped[float | None] = mapped_column(REAL)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    alarm: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[int] = mapped_column(BigInteger)
    systems: Mapped[int] = mapped_column(SmallInteger)
    flags: Mapped[int] = mapped_column(Integer)
    source: Mapped[int] = mapped_column(SmallInteger)


# row security: as fix (raw positions of devices); read by who may see frames, written by the ingest alone
class FrameBatch(Base):
    """What the fixes of one batch were read from, packed (see services.frames). Partitioned by day of `received_at`."""

    __tablename__ = "frame_batch"
    __table_args__ = ({"postgresql_partition_by": "RANGE (received_at)"},)

    received_at: Mapped[datetime] = mapped_column(primary_key=True)  # that of its fixes
    digest: Mapped[bytes] = mapped_column(primary_key=True)  # SHA-256 over the content before compression
    fixes: Mapped[int] = mapped_column(Integer)  # how many had their frame here
    content: Mapped[bytes]
    digest_left: Mapped[bytes | None]  # SHA-256 as `digest`, of what was left when frames were erased; null: all is
    erased_by: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))  # destruction.id


class NewestFix(Base):
    """The newest trustworthy position of a device, by event time: an older fix moves nobody."""

    __tablename__ = "newest_fix"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    device_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    place: Mapped[Any] = mapped_column(geography("POINT", index=False))
    altitude_m: Mapped[float | None] = mapped_column(REAL)
    speed_mps: Mapped[float | None] = mapped_column(REAL)
    heading_deg: Mapped[float | None] = mapped_column(REAL)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    alarm: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[int] = mapped_column(BigInteger)
    systems: Mapped[int] = mapped_column(SmallInteger)
    flags: Mapped[int] = mapped_column(Integer)
    changed_xid: Mapped[Changed]


class Outbox(Base):
    """A stored batch that some watchers have not handled yet; what is left here is run again."""

    __tablename__ = "outbox"

    id: Mapped[Key]
    received_at: Mapped[datetime]
    device_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    overtaken: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))  # see services.tracks.Stored
    pending: Mapped[list[str]] = mapped_column(ARRAY(Text))  # names of the watchers that still have to see it


class Quarantine(Base):
    """A frame that could not be accepted, with the reason; it never closed the connection."""

    __tablename__ = "quarantine"

    id: Mapped[Key]
    at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
    remote: Mapped[str | None]
    phone: Mapped[str | None]
    reason: Mapped[str]
    detail: Mapped[str]
    told: Mapped[dict[str, Any] | None]  # the pattern of the detail and its values, for pages in another language
    frame: Mapped[bytes]
