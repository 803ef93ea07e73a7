"""Messages that open, keep and close a terminal's session (JT/T 808-2011, -2013, -2019, chapter 8)."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Annotated

from services.ingest.jt808.fields import counted, only_if, sized
from services.ingest.jt808.kinds import REST, STRING, U8, U16, UTC_TIME, text


class Result(IntEnum):
    """Result of a general reply; the last one is the platform's only."""

    OK = 0
    FAILED = 1
    BAD_MESSAGE = 2
    UNSUPPORTED = 3
    ALARM_HANDLED = 4


class Registration(IntEnum):
    """Result of a registration."""

    OK = 0
    VEHICLE_REGISTERED = 1
    NO_SUCH_VEHICLE = 2
    TERMINAL_REGISTERED = 3
    NO_SUCH_TERMINAL = 4


@dataclass(frozen=True, slots=True)
class TerminalReply:
    """0x0001 终端通用应答: the terminal answers a message of the platform."""

    answered_serial: Annotated[int, U16]
    answered_id: Annotated[int, U16]
    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """0x0002 终端心跳: empty by the standard; what some devices append is kept."""

    appended: Annotated[bytes, REST] = b""


@dataclass(frozen=True, slots=True)
class Unregister:
    """0x0003 终端注销."""


@dataclass(frozen=True, slots=True)
class Register:
    """0x0100 终端注册, 2013: plate colour 0 means that `plate` is the vehicle's identification number."""

    province: Annotated[int, U16]  # first two digits of the GB/T 2260 code
    city: Annotated[int, U16]  # its last four digits
    maker: Annotated[str, text(5)]
    model: Annotated[str, text(20)]
    terminal_id: Annotated[str, text(7)]
    plate_color: Annotated[int, U8]
    plate: Annotated[str, STRING]


@dataclass(frozen=True, slots=True)
class Register2011(Register):
    """0x0100 of 2011: a shorter model."""

    model: Annotated[str, text(8)]


@dataclass(frozen=True, slots=True)
class Register2019(Register):
    """0x0100 of 2019: longer maker, model and terminal id."""

    maker: Annotated[str, text(11)]
    model: Annotated[str, text(30)]
    terminal_id: Annotated[str, text(30)]


@dataclass(frozen=True, slots=True)
class Authenticate:
    """0x0102 终端鉴权, 2011 and 2013."""

    code: Annotated[str, STRING]


@dataclass(frozen=True, slots=True)
class Authenticate2019:
    """0x0102 of 2019."""

    code: Annotated[str, sized(U8, STRING)]
    imei: Annotated[str, text(15)]
    software: Annotated[str, text(20)]


@dataclass(frozen=True, slots=True)
class PlatformReply:
    """0x8001 平台通用应答: the platform answers a message of the terminal."""

    answered_serial: Annotated[int, U16]
    answered_id: Annotated[int, U16]
    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class RegisterReply:
    """0x8100 终端注册应答: the authentication code comes with result 0 only."""

    answered_serial: Annotated[int, U16]
    result: Annotated[int, U8]
    code: Annotated[str | None, only_if("result", lambda result: result == 0, STRING)] = None


@dataclass(frozen=True, slots=True)
class QueryTime:
    """0x0004 查询服务器时间, 2019."""


@dataclass(frozen=True, slots=True)
class ServerTime:
    """0x8004 查询服务器时间应答, 2019: the one time on the wire that is UTC."""

    at: Annotated[datetime, UTC_TIME]


@dataclass(frozen=True, slots=True)
class Resend:
    """0x8003 补传分包请求, 2013: packets of the message whose packet 1 had this serial number."""

    first_serial: Annotated[int, U16]
    numbers: Annotated[tuple[int, ...], counted(U8, U16)]


@dataclass(frozen=True, slots=True)
class Resend2019(Resend):
    """0x8003 of 2019: room for more packets."""

    numbers: Annotated[tuple[int, ...], counted(U16, U16)]


@dataclass(frozen=True, slots=True)
class TerminalResend(Resend2019):
    """0x0005 终端补传分包请求, 2019: the same, asked by the terminal."""


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """0x8204 链路检测, 2019."""
