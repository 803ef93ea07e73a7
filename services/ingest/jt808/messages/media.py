"""Photos, sound, films and other data that a terminal carries (JT/T 808-2011, -2013, -2019, chapter 8)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from services.ingest.jt808.fields import counted, counted_by, if_left, only_if, sized, within
from services.ingest.jt808.kinds import REST, STRING, TIME, U8, U16, U32, bcd, raw, text
from services.ingest.jt808.messages.position import LocationReport

_BASIC = within(28, LocationReport)
"""A position without its items."""


@dataclass(frozen=True, slots=True)
class RecorderData:
    """0x0700 行驶记录数据上传: a block of GB/T 19056."""

    answered_serial: Annotated[int, U16]
    command: Annotated[int, U8]
    block: Annotated[bytes, REST]


@dataclass(frozen=True, slots=True)
class Waybill:
    """0x0701 电子运单上报."""

    content: Annotated[bytes, sized(U32, REST)]


@dataclass(frozen=True, slots=True)
class Driver:
    """Who the card belongs to; the number of the identity card comes from 2019 on."""

    name: Annotated[str, sized(U8, STRING)]
    certificate: Annotated[str, text(20)]
    agency: Annotated[str, sized(U8, STRING)]
    expires: Annotated[str, bcd(4)]  # YYYYMMDD
    id_number: Annotated[str | None, if_left(text(20))] = None


@dataclass(frozen=True, slots=True)
class CardRead:
    """How reading the card went: 0 read, 1 no key, 2 locked, 3 taken out, 4 wrong check."""

    result: Annotated[int, U8]
    driver: Annotated[Driver | None, only_if("result", lambda result: result == 0, Driver)] = None


@dataclass(frozen=True, slots=True)
class DriverCard:
    """0x0702 驾驶员身份信息采集上报, 2013: 1 card put in, 2 taken out."""

    status: Annotated[int, U8]
    at: Annotated[datetime, TIME]
    card: Annotated[CardRead | None, if_left(CardRead)] = None


@dataclass(frozen=True, slots=True)
class QueryDriver:
    """0x8702 上报驾驶员身份信息请求, 2013."""


@dataclass(frozen=True, slots=True)
class CanFrame:
    """One frame of the bus; id bit 31 channel, 30 extended, 29 a mean, 0-28 the id."""

    id: Annotated[int, U32]
    data: Annotated[bytes, raw(8)]


@dataclass(frozen=True, slots=True)
class CanData:
    """0x0705 CAN 总线数据上传, 2013; the time of the first frame is hhmmss and four digits of milliseconds, GMT+8."""

    count: Annotated[int, U16]
    first_at: Annotated[str, bcd(5)]
    items: Annotated[tuple[CanFrame, ...], counted_by("count", CanFrame)]


@dataclass(frozen=True, slots=True)
class MediaEvent:
    """0x0800 多媒体事件信息上传; kind 0 image, 1 sound, 2 film; format 0 JPEG, 1 TIF, 2 MP3, 3 WAV, 4 WMV."""

    id: Annotated[int, U32]
    kind: Annotated[int, U8]
    format: Annotated[int, U8]
    event: Annotated[int, U8]
    channel: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class MediaData(MediaEvent):
    """0x0801 多媒体数据上传, 2013: with the place where it was taken."""

    report: Annotated[LocationReport, _BASIC]
    data: Annotated[bytes, REST]


@dataclass(frozen=True, slots=True)
class MediaData2011(MediaEvent):
    """0x0801 of 2011: counts its own packets and says no place."""

    packets: Annotated[int, U32]
    packet: Annotated[int, U32]
    data: Annotated[bytes, REST]


@dataclass(frozen=True, slots=True)
class MediaReply:
    """0x8800 多媒体数据上传应答: the packets to send again; nothing if all came."""

    id: Annotated[int, U32]
    missing: Annotated[tuple[int, ...] | None, if_left(counted(U8, U16))] = None


@dataclass(frozen=True, slots=True)
class Shoot:
    """0x8801 摄像头立即拍摄命令; command 0 stops, 0xFFFF films, else the number of photos."""

    channel: Annotated[int, U8]
    command: Annotated[int, U16]
    interval_s: Annotated[int, U16]
    keep: Annotated[int, U8]
    resolution: Annotated[int, U8]
    quality: Annotated[int, U8]
    brightness: Annotated[int, U8]
    contrast: Annotated[int, U8]
    saturation: Annotated[int, U8]
    chroma: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class SearchMedia:
    """0x8802 存储多媒体数据检索."""

    kind: Annotated[int, U8]
    channel: Annotated[int, U8]
    event: Annotated[int, U8]
    start: Annotated[str, bcd(6)]  # YYMMDDhhmmss in GMT+8; zeros: no limit
    end: Annotated[str, bcd(6)]


@dataclass(frozen=True, slots=True)
class UploadMedia(SearchMedia):
    """0x8803 存储多媒体数据上传命令."""

    delete: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Record:
    """0x8804 录音开始命令; command 1 starts, 0 stops; 0 s: until stopped."""

    command: Annotated[int, U8]
    length_s: Annotated[int, U16]
    keep: Annotated[int, U8]
    rate: Annotated[int, U8]  # 0 8 kHz, 1 11, 2 23, 3 32


@dataclass(frozen=True, slots=True)
class UploadOne:
    """0x8805 单条存储多媒体数据检索上传命令, 2013."""

    id: Annotated[int, U32]
    delete: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class PassThrough:
    """0x0900 数据上行透传."""

    kind: Annotated[int, U8]
    data: Annotated[bytes, REST]


@dataclass(frozen=True, slots=True)
class PassDown(PassThrough):
    """0x8900 数据下行透传."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """0x0901 数据压缩上报: gzip, kept as it came."""

    data: Annotated[bytes, sized(U32, REST)]


@dataclass(frozen=True, slots=True)
class TerminalKey:
    """0x0A00 终端 RSA 公钥."""

    exponent: Annotated[int, U32]
    modulus: Annotated[bytes, raw(128)]


@dataclass(frozen=True, slots=True)
class PlatformKey(TerminalKey):
    """0x8A00 平台 RSA 公钥."""
