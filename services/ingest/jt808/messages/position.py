"""Positions (JT/T 808-2013 and -2019, 8.18 and 8.49): the messages a terminal exists for."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from typing import Annotated

from geo import fix
from services.ingest.jt808.fields import TLV, counted_by, only_if, sized
from services.ingest.jt808.kinds import I16, REST, TIME, U8, U16, U32, scaled, signed_by


class Status(IntFlag):
    """Bits of the status word that the platform reads; bits 13 to 31 are reserved in 2011."""

    ACC = 1 << 0
    POSITIONED = 1 << 1
    SOUTH = 1 << 2
    WEST = 1 << 3
    OUT_OF_SERVICE = 1 << 4
    ENCRYPTED = 1 << 5  # the secrecy plug-in has been over the coordinates
    GPS = 1 << 18
    BEIDOU = 1 << 19
    GLONASS = 1 << 20
    GALILEO = 1 << 21


SOS = 1 << 0
"""Alarm bit 0: the emergency button; the terminal clears it once the platform has acknowledged."""

CATCH_UP = 1
"""Kind of a batch: 盲区补报, positions kept while the link was down."""

FIRST_SYSTEM = 18
"""Status bit of GPS; BeiDou, GLONASS and Galileo follow, in the order of `geo.fix.Systems`."""

_POSITIONED = int(Status.POSITIONED)  # a flag of an enum costs ten times as much to look at
_SYSTEMS = tuple(fix.Systems(bits) for bits in range(16))


@dataclass(frozen=True, slots=True)
class LocationReport:
    """0x0200 位置信息汇报: where the terminal is.

    Degrees are signed (north and east positive), in CGCS2000 unless the status says encrypted. `tail` is what follows
    the last whole item: a dialect or damage that the position itself does not suffer from.
    """

    alarm: Annotated[int, U32]
    status: Annotated[int, U32]
    lat_deg: Annotated[float, signed_by("status", 2, per=1_000_000)]
    lon_deg: Annotated[float, signed_by("status", 3, per=1_000_000)]
    altitude_m: Annotated[int, I16]  # the standard leaves the sign open; nothing on wheels is higher than 32,767 m
    speed_mps: Annotated[float, scaled(U16, per=36)]  # wire: tenths of km/h
    heading_deg: Annotated[int, U16]  # clockwise from north
    at: Annotated[datetime, TIME]
    extras: Annotated[dict[int, bytes], TLV]
    tail: Annotated[bytes, REST] = b""

    @property
    def positioned(self) -> bool:
        """Whether the terminal had a fix when it wrote this."""
        return bool(self.status & _POSITIONED)

    @property
    def systems(self) -> fix.Systems:
        """Satellite systems in the fix; none known from terminals of 2011."""
        return _SYSTEMS[self.status >> FIRST_SYSTEM & 0b1111]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """0x0704 定位数据批量上传: 0x0200 bodies, each read for itself so that a bad one costs no other."""

    count: Annotated[int, U16]
    kind: Annotated[int, U8]  # 0 a normal batch, 1 kept while the link was down
    items: Annotated[tuple[bytes, ...], counted_by("count", sized(U16, REST))]


@dataclass(frozen=True, slots=True)
class QueryPosition:
    """0x8201 位置信息查询."""


@dataclass(frozen=True, slots=True)
class PositionReply:
    """0x0201 位置信息查询应答."""

    answered_serial: Annotated[int, U16]
    report: Annotated[LocationReport, LocationReport]


@dataclass(frozen=True, slots=True)
class VehicleReply(PositionReply):
    """0x0500 车辆控制应答."""


@dataclass(frozen=True, slots=True)
class Track:
    """0x8202 临时位置跟踪控制: report at this interval for so long; interval 0 stops it and nothing follows."""

    interval_s: Annotated[int, U16]
    validity_s: Annotated[int | None, only_if("interval_s", bool, U32)] = None


@dataclass(frozen=True, slots=True)
class ConfirmAlarm:
    """0x8203 人工确认报警信息, 2013; serial 0 means all alarms of these bits."""

    alarm_serial: Annotated[int, U16]
    alarm: Annotated[int, U32]  # bits 0, 3, 20, 21, 22, 27, 28
