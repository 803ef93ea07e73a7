"""What is exchanged about one vehicle: 0x1200 upwards, 0x9200 downwards.

Forms of the standard of 2011 (4.5.8), and of 2019 as implementations write them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from services.ingest.jt808.fields import counted, if_left, sized
from services.ingest.jt808.kinds import STRING, U8, U16, U32, scaled, signed_by, text
from services.ingest.jt808.messages.position import LocationReport
from services.ingest.jt809.messages.kinds import DATE, LONG_STRING, PLATFORM_SIZE, SECONDS

MAX_CATCH_UP = 5
"""Positions in one 0x1203 at most."""

_KMH = scaled(U16, times=10, per=36)


@dataclass(frozen=True, slots=True)
class Registration:
    """0x1201 上传车辆注册信息, 2011."""

    platform_id: Annotated[str, text(PLATFORM_SIZE)]
    maker: Annotated[str, text(11)]
    model: Annotated[str, text(8)]
    terminal_id: Annotated[str, text(7)]
    sim: Annotated[str, text(12)]


@dataclass(frozen=True, slots=True)
class RegistrationLong:
    """0x1201 with the model of JT/T 808-2013 in it."""

    platform_id: Annotated[str, text(PLATFORM_SIZE)]
    maker: Annotated[str, text(11)]
    model: Annotated[str, text(20)]
    terminal_id: Annotated[str, text(7)]
    sim: Annotated[str, text(12)]


@dataclass(frozen=True, slots=True)
class Registration2019:
    """0x1201 in 2019."""

    platform_id: Annotated[str, text(PLATFORM_SIZE)]
    maker: Annotated[str, text(11)]
    model: Annotated[str, text(30)]
    imei: Annotated[str, text(15)]
    terminal_id: Annotated[str, text(30)]
    sim: Annotated[str, text(13)]


@dataclass(frozen=True, slots=True)
class Position:
    """0x1202 实时上传车辆定位信息, 2011: 36 bytes, longitude before latitude, speeds in whole km/h.

    The words of state and alarm are those of JT/T 808-2011; south and west stand in the state.
    """

    encrypted: Annotated[int, U8]  # 1: the coordinates went through the secrecy plug-in
    at: Annotated[datetime, DATE]
    lon_deg: Annotated[float, signed_by("state", 3, per=1_000_000)]
    lat_deg: Annotated[float, signed_by("state", 2, per=1_000_000)]
    speed_mps: Annotated[float, _KMH]  # from satellites
    recorder_speed_mps: Annotated[float, _KMH]
    odometer_m: Annotated[int, scaled(U32, times=1000)]
    heading_deg: Annotated[int, U16]
    altitude_m: Annotated[int, U16]
    state: Annotated[int, U32]
    alarm: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class PlatformAlarm:
    """Who has seen an alarm, in a position of 2019: a platform and its alarm word."""

    platform_id: Annotated[str, text(PLATFORM_SIZE)]
    alarm: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class Position2019:
    """0x1202 in 2019: a body of JT/T 808-2019 0x0200, and the alarms of company, city and province platform."""

    encrypted: Annotated[int, U8]
    report: Annotated[LocationReport | None, sized(U32, if_left(LocationReport))]
    company: Annotated[PlatformAlarm, PlatformAlarm]
    city: Annotated[PlatformAlarm, PlatformAlarm]
    province: Annotated[PlatformAlarm, PlatformAlarm]


@dataclass(frozen=True, slots=True)
class CatchUp:
    """0x1203 车辆定位信息自动补报, 2011: 1 to 5 positions in the order of time."""

    positions: Annotated[tuple[Position, ...], counted(U8, Position)]


@dataclass(frozen=True, slots=True)
class CatchUp2019:
    """0x1203 in 2019."""

    positions: Annotated[tuple[Position2019, ...], counted(U8, Position2019)]


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """0x1205 启动车辆定位信息交换应答."""


@dataclass(frozen=True, slots=True)
class EndAnswer:
    """0x1206 结束车辆定位信息交换应答."""


@dataclass(frozen=True, slots=True)
class RequestExchange:
    """0x1207 申请交换指定车辆定位信息请求."""

    start: Annotated[datetime, SECONDS]
    end: Annotated[datetime, SECONDS]


@dataclass(frozen=True, slots=True)
class CancelExchange:
    """0x1208 取消交换指定车辆定位信息请求."""


@dataclass(frozen=True, slots=True)
class RequestMissing:
    """0x1209 补发车辆定位信息请求."""

    start: Annotated[datetime, SECONDS]
    end: Annotated[datetime, SECONDS]


@dataclass(frozen=True, slots=True)
class DriverAnswer:
    """0x120A 上报车辆驾驶员身份识别信息应答."""

    name: Annotated[str, text(16)]
    id_number: Annotated[str, text(20)]
    licence: Annotated[str, text(40)]
    agency: Annotated[str, text(200)]


@dataclass(frozen=True, slots=True)
class WaybillAnswer:
    """0x120B 上报车辆电子运单应答, 2011."""

    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class WaybillAnswer2019:
    """0x120B in 2019: with the message it answers."""

    answered_id: Annotated[int, U16]
    answered_serial: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class DriverReport:
    """0x120C 主动上报驾驶员身份信息."""

    name: Annotated[str, text(16)]
    id_number: Annotated[str, text(20)]
    licence: Annotated[str, text(40)]
    agency: Annotated[str, text(200)]


@dataclass(frozen=True, slots=True)
class DriverReport2019:
    """0x120C in 2019: with the day the licence ends."""

    name: Annotated[str, text(16)]
    id_number: Annotated[str, text(20)]
    licence: Annotated[str, text(40)]
    agency: Annotated[str, text(200)]
    valid_until: Annotated[datetime, SECONDS]


@dataclass(frozen=True, slots=True)
class WaybillReport:
    """0x120D 主动上报车辆电子运单."""

    content: Annotated[str, LONG_STRING]


# -- downwards --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegistrationAnswer2019:
    """0x9201 in 2019: whether a vehicle was registered."""

    answered_id: Annotated[int, U16]
    answered_serial: Annotated[int, U32]
    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class PositionDown(Position):
    """0x9202 交换车辆定位信息, 2011."""


@dataclass(frozen=True, slots=True)
class PositionDown2019(Position2019):
    """0x9202 in 2019."""


@dataclass(frozen=True, slots=True)
class HistoryDown(CatchUp):
    """0x9203 车辆定位信息交换补发, 2011."""


@dataclass(frozen=True, slots=True)
class HistoryDown2019(CatchUp2019):
    """0x9203 in 2019."""


@dataclass(frozen=True, slots=True)
class StaticDown:
    """0x9204 交换车辆静态信息."""

    content: Annotated[str, STRING]


@dataclass(frozen=True, slots=True)
class StartExchange:
    """0x9205 启动车辆定位信息交换请求."""

    reason: Annotated[int, U8]  # 0 enters the area, 1 named by hand, 2 emergency, 3 other


@dataclass(frozen=True, slots=True)
class EndExchange:
    """0x9206 结束车辆定位信息交换请求."""

    reason: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """0x9207 申请交换指定车辆定位信息应答."""

    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """0x9208 取消申请交换指定车辆定位信息应答."""

    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class MissingAnswer:
    """0x9209 补发车辆定位信息应答."""

    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class AskDriver:
    """0x920A 上报车辆驾驶员身份识别信息请求."""


@dataclass(frozen=True, slots=True)
class AskWaybill:
    """0x920B 上报车辆电子运单请求."""
