"""What platforms say to each other beside positions.

0x1300 and 0x9300 inquiries, 0x1400 and 0x9400 alarms, 0x1500 and 0x9500 supervision of vehicles, 0x1600 and 0x9600
static data: forms of the standard of 2011, and of 2019 as implementations write them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from services.ingest.jt808.fields import sized
from services.ingest.jt808.kinds import REST, STRING, TIME, U8, U16, U32, bcd, text
from services.ingest.jt808.messages.areas import SetRoute
from services.ingest.jt809.messages.kinds import LONG_STRING, PLATE_SIZE, PLATFORM_SIZE, SECONDS, number
from services.ingest.jt809.messages.vehicle import Position

# -- 0x1300, 0x9300 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """0x1301 平台查岗应答, 2011."""

    object_kind: Annotated[int, U8]
    object_id: Annotated[str, text(12)]
    info_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class PostAnswer2019:
    """0x1301 in 2019: who answers, and what."""

    object_kind: Annotated[int, U8]
    responder: Annotated[str, text(16)]
    responder_phone: Annotated[str, text(20)]
    object_id: Annotated[str, text(20)]
    answered_id: Annotated[int, U16]
    answered_serial: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """0x1302 下发平台间报文应答, 2011."""

    info_id: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class PostInquiry:
    """0x9301 平台查岗请求, 2011."""

    object_kind: Annotated[int, U8]
    object_id: Annotated[str, text(12)]
    info_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class PostInquiryWide:
    """0x9301 with an object of 20 bytes."""

    object_kind: Annotated[int, U8]
    object_id: Annotated[str, text(20)]
    info_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class PostInquiry2019:
    """0x9301 in 2019: with the time to answer."""

    object_kind: Annotated[int, U8]
    object_id: Annotated[str, text(20)]
    answer_within: Annotated[int, U8]  # unit as the two platforms agree
    info_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class PlatformMessage:
    """0x9302 下发平台间报文请求."""

    object_kind: Annotated[int, U8]
    object_id: Annotated[str, text(12)]
    info_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


# -- 0x1400, 0x9400 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlarmReport:
    """0x1402 上报报警信息, 2011; the vehicle stands around it."""

    origin: Annotated[int, U8]  # 1 terminal, 2 company, 3 authority, 9 other
    alarm: Annotated[int, U16]
    at: Annotated[datetime, SECONDS]
    info_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class AlarmReport2019:
    """0x1402 in 2019; the vehicle stands inside."""

    source_platform: Annotated[str, text(PLATFORM_SIZE)]
    alarm: Annotated[int, U16]
    at: Annotated[datetime, SECONDS]
    start: Annotated[datetime, SECONDS]
    end: Annotated[datetime, SECONDS]
    plate: Annotated[str, text(PLATE_SIZE)]
    color: Annotated[int, U8]
    target_platform: Annotated[str, text(PLATFORM_SIZE)]
    route_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class Supervise:
    """0x9401 报警督办请求."""

    origin: Annotated[int, U8]
    alarm: Annotated[int, U16]
    at: Annotated[datetime, SECONDS]
    supervision_id: Annotated[str, bcd(4)]
    until: Annotated[datetime, SECONDS]
    urgent: Annotated[int, U8]  # 0 urgent, 1 usual
    supervisor: Annotated[str, text(16)]
    phone: Annotated[str, text(20)]
    mail: Annotated[str, text(32)]


@dataclass(frozen=True, slots=True)
class AlarmNotice:
    """0x9403 实时交换报警信息, 2011."""

    origin: Annotated[int, U8]
    alarm: Annotated[int, U16]
    at: Annotated[datetime, SECONDS]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class AlarmForecast:
    """0x9402 报警预警, 2011."""

    origin: Annotated[int, U8]
    alarm: Annotated[int, U16]
    at: Annotated[datetime, SECONDS]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class AlarmForecast2019:
    """0x9402 in 2019: platform ids are numbers here, digits in 0x1402."""

    source_platform: Annotated[int, number(PLATFORM_SIZE)]
    alarm: Annotated[int, U16]
    at: Annotated[datetime, SECONDS]
    start: Annotated[datetime, SECONDS]
    end: Annotated[datetime, SECONDS]
    plate: Annotated[str, text(PLATE_SIZE)]
    color: Annotated[int, U8]
    target_platform: Annotated[int, number(PLATFORM_SIZE)]
    route_id: Annotated[int, U32]
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class AlarmNotice2019(AlarmForecast2019):
    """0x9403 in 2019."""


# -- 0x1500, 0x9500 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Photo:
    """0x1502 车辆拍照应答."""

    result: Annotated[int, U8]
    position: Annotated[Position, Position]
    lens: Annotated[int, U8]
    photo_bytes: Annotated[int, U32]
    size: Annotated[int, U8]
    form: Annotated[int, U8]  # 1 JPEG, 2 GIF, 3 TIFF, 4 PNG
    photo: Annotated[bytes, REST]


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """0x1503 下发车辆报文应答."""

    message_id: Annotated[int, U32]
    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Recorder:
    """0x1504 上报车辆行驶记录应答, 2011."""

    data: Annotated[bytes, sized(U32, REST)]


@dataclass(frozen=True, slots=True)
class Recorder2019:
    """0x1504 in 2019: with what it answers and the command of the recorder."""

    answered_id: Annotated[int, U16]
    answered_serial: Annotated[int, U32]
    command: Annotated[int, U8]
    data: Annotated[bytes, sized(U32, REST)]


@dataclass(frozen=True, slots=True)
class ListenIn:
    """0x9501 车辆单向监听请求: the number to call back."""

    phone: Annotated[str, text(20)]


@dataclass(frozen=True, slots=True)
class TextDown:
    """0x9503 下发车辆报文请求."""

    message_id: Annotated[int, U32]
    urgent: Annotated[int, U8]  # 0 urgent, 1 usual
    content: Annotated[str, LONG_STRING]


@dataclass(frozen=True, slots=True)
class AskRecorder:
    """0x9504 上报车辆行驶记录请求."""

    command: Annotated[int, U8]
    start: Annotated[datetime, TIME]
    end: Annotated[datetime, TIME]
    most: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class Connect:
    """0x9505 车辆应急接入监管平台请求."""

    code: Annotated[str, bcd(10)]
    access_point: Annotated[str, text(20)]
    user: Annotated[str, text(49)]
    password: Annotated[str, text(22)]
    host: Annotated[str, text(32)]
    tcp_port: Annotated[int, U16]
    udp_port: Annotated[int, U16]
    until: Annotated[datetime, SECONDS]


# -- 0x1600, 0x9600 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaticAnswer:
    """0x1601 补报车辆静态信息应答, 2011."""

    content: Annotated[str, STRING]


@dataclass(frozen=True, slots=True)
class StaticAnswer2019:
    """0x1601 in 2019: with the message it answers."""

    answered_id: Annotated[int, U16]
    answered_serial: Annotated[int, U32]
    content: Annotated[str, STRING]


@dataclass(frozen=True, slots=True)
class AskStatic:
    """0x9601 补报车辆静态信息请求."""


@dataclass(frozen=True, slots=True)
class RouteReport(SetRoute):
    """0x1602 [seen in an implementation]: a route in the form of JT/T 808-2011 0x8606."""
