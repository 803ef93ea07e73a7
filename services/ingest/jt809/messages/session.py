"""Messages that keep the links: login, logout, tests, notices (JT/T 809-2011 4.6), and counts of what came."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Annotated

from services.ingest.jt808.fields import counted, sized
from services.ingest.jt808.kinds import REST, U8, U16, U32, text
from services.ingest.jt809.messages.kinds import PLATFORM_SIZE, SECONDS


class Refusal(IntEnum):
    """Result of a login (0x1002)."""

    NONE = 0
    ADDRESS = 1
    ACCESS_CODE = 2
    UNKNOWN_USER = 3
    PASSWORD = 4
    BUSY = 5
    OTHER = 6


@dataclass(frozen=True, slots=True)
class Login:
    """0x1001 主链路登录请求, 2011; the upper platform calls back to this address and port."""

    user_id: Annotated[int, U32]
    password: Annotated[str, text(8)]
    down_host: Annotated[str, text(32)]
    down_port: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class Login2019:
    """0x1001 in 2019: with the access code once more."""

    user_id: Annotated[int, U32]
    password: Annotated[str, text(8)]
    access_code: Annotated[int, U32]
    down_host: Annotated[str, text(32)]
    down_port: Annotated[int, U16]


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """0x1002 主链路登录应答; the code comes back in 0x9001."""

    result: Annotated[int, U8]
    verify_code: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class Logout:
    """0x1003 主链路注销请求."""

    user_id: Annotated[int, U32]
    password: Annotated[str, text(8)]


@dataclass(frozen=True, slots=True)
class LogoutAnswer:
    """0x1004 主链路注销应答."""


@dataclass(frozen=True, slots=True)
class LinkTest:
    """0x1005 主链路连接保持请求."""


@dataclass(frozen=True, slots=True)
class LinkTestAnswer:
    """0x1006 主链路连接保持应答."""


@dataclass(frozen=True, slots=True)
class MainLinkLost:
    """0x1007 主链路断开通知, sent over the sub link."""

    reason: Annotated[int, U8]  # 0 broken, 1 other


@dataclass(frozen=True, slots=True)
class LowerCloses:
    """0x1008 下级平台主动关闭主从链路通知."""

    reason: Annotated[int, U8]  # 0 gateway restarts, 1 other


@dataclass(frozen=True, slots=True)
class SubLogin:
    """0x9001 从链路连接请求."""

    verify_code: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class SubLoginAnswer:
    """0x9002 从链路连接应答: 0 accepted, 1 wrong code, 2 out of resources, 3 other."""

    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class SubLogout:
    """0x9003 从链路注销请求."""

    verify_code: Annotated[int, U32]


@dataclass(frozen=True, slots=True)
class SubLogoutAnswer:
    """0x9004 从链路注销应答."""


@dataclass(frozen=True, slots=True)
class SubLinkTest:
    """0x9005 从链路连接保持请求."""


@dataclass(frozen=True, slots=True)
class SubLinkTestAnswer:
    """0x9006 从链路连接保持应答."""


@dataclass(frozen=True, slots=True)
class SubLinkLost:
    """0x9007 从链路断开通知, sent over the main link."""

    reason: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class UpperCloses:
    """0x9008 上级平台主动关闭主从链路通知."""

    reason: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class ReceivedCount:
    """0x9101 接收车辆定位信息数量通知: positions received between two moments."""

    count: Annotated[int, U32]
    start: Annotated[datetime, SECONDS]
    end: Annotated[datetime, SECONDS]


@dataclass(frozen=True, slots=True)
class Span:
    """Which messages of a platform are meant: the content of 0x9102."""

    platform_id: Annotated[str, text(PLATFORM_SIZE)]
    start: Annotated[datetime, SECONDS]
    end: Annotated[datetime, SECONDS]


@dataclass(frozen=True, slots=True)
class Resend:
    """0x9102 in 2019 [seen in an implementation]: a business type and the span that is asked for."""

    sub_id: Annotated[int, U16]
    span: Annotated[Span, sized(U32, Span)]


@dataclass(frozen=True, slots=True)
class Numbered:
    """One message in 0x9103: its type, its serial, its time."""

    sub_id: Annotated[int, U16]
    serial: Annotated[int, U32]
    at: Annotated[datetime, SECONDS]


@dataclass(frozen=True, slots=True)
class NumberedList:
    """The content of 0x9103."""

    items: Annotated[tuple[Numbered, ...], counted(U8, Numbered)]


@dataclass(frozen=True, slots=True)
class SerialNotice:
    """0x9103 in 2019 [seen in an implementation]: which messages there were."""

    sub_id: Annotated[int, U16]
    numbered: Annotated[NumberedList, sized(U32, NumberedList)]


@dataclass(frozen=True, slots=True)
class Unread:
    """A message, or the data of a sub message, that the tables do not know."""

    data: Annotated[bytes, REST]
