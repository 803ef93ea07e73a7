"""Devices that report, units that are dispatched, identities that wait for acceptance."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Double, ForeignKey, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Base, Changed, Key


class Device(Base):
    """A positioning terminal that an administrator has accepted. A device is never a person."""

    __tablename__ = "device"

    id: Mapped[Key]
    phone: Mapped[str] = mapped_column(unique=True)  # the number in the JT/T 808 header, without leading zeros
    terminal_id: Mapped[str | None]
    imei: Mapped[str | None]
    plate: Mapped[str | None]
    plate_color: Mapped[int | None] = mapped_column(SmallInteger)  # JT/T 415: 1 blue, 2 yellow, 3 black, 4 white
    protocol: Mapped[str | None]  # "2011", "2013", "2019": what it last spoke
    auth_code_hash: Mapped[bytes | None]  # SHA-256 of the code given at registration
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)  # SHA-256 of the token a phone app shows
    clock_skew_s: Mapped[float | None] = mapped_column(Double)  # how far its clock is behind ours; null: not known
    clock_measured_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class PendingDevice(Base):
    """An identity that knocked and is not known: it waits for an administrator."""

    __tablename__ = "pending_device"

    phone: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)  # by which addresses name it, not by its phone
    terminal_id: Mapped[str | None]
    maker: Mapped[str | None]
    model: Mapped[str | None]
    plate: Mapped[str | None]
    plate_color: Mapped[int | None] = mapped_column(SmallInteger)
    protocol: Mapped[str | None]
    remote: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    first_seen: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_seen: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Unit(Base):
    """A police unit (警力单元): a car, a motorcycle, a foot patrol; which device it carries stands in `Carriage`."""

    __tablename__ = "unit"

    id: Mapped[Key]
    call_sign: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # car, motorcycle, foot, van, drone_team, command
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    division: Mapped[str | None]  # GB/T 2260 code of the county-level division it serves
    state: Mapped[str] = mapped_column(server_default="free")  # free, reserved, that of its assignment, off_duty
    changed_xid: Mapped[Changed]


class Carriage(Base):
    """A unit carried a device (配备) for a time: nothing on a side of `during` is as long as both are known.

    No unit carries two devices at once, no device is carried by two units.
    """

    __tablename__ = "carriage"
    __table_args__ = (
        ExcludeConstraint(("unit_id", "="), ("during", "&&"), name="ex_carriage_unit_id"),
        ExcludeConstraint(("device_id", "="), ("during", "&&"), name="ex_carriage_device_id"),
        Index("uq_carriage_unit_id_open", "unit_id", unique=True, postgresql_where=text("upper_inf(during)")),
        Index("uq_carriage_device_id_open", "device_id", unique=True, postgresql_where=text("upper_inf(during)")),
    )

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)


# row security: no people, no places; read by who may see devices, written by gateways alone
class Gateway(Base):
    """A gateway process that lives; one not seen for half a minute holds nothing any more."""

    __tablename__ = "gateway"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    id: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


# row security: as device; written by gateways alone
class GatewaySession(Base):
    """Which gateway's socket a device is on. `changed_xid` is also the number of the claim: the last one holds."""

    __tablename__ = "gateway_session"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    gateway_id: Mapped[str]
    remote: Mapped[str]  # host:port it speaks from
    protocol: Mapped[str | None]
    since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    changed_xid: Mapped[Changed] = mapped_column(index=True)
