"""What the platform tells or asks a terminal (JT/T 808-2011, -2013, -2019, chapter 8)."""

from dataclasses import dataclass
from typing import Annotated

from services.ingest.jt808.fields import counted, counted_by, sized
from services.ingest.jt808.kinds import REST, STRING, U8, U32


@dataclass(frozen=True, slots=True)
class Parameter:
    """One terminal parameter; the meaning of `value` hangs on `id` (table 12 of 2013)."""

    id: Annotated[int, U32]
    value: Annotated[bytes, sized(U8, REST)]


@dataclass(frozen=True, slots=True)
class SetParameters:
    """0x8103 设置终端参数."""

    items: Annotated[tuple[Parameter, ...], counted(U8, Parameter)]


@dataclass(frozen=True, slots=True)
class SetParameters2011:
    """0x8103 of 2011: the total first, then how many of them are in this packet."""

    count: Annotated[int, U8]
    packet_count: Annotated[int, U8]
    items: Annotated[tuple[Parameter, ...], counted_by("packet_count", Parameter)]


@dataclass(frozen=True, slots=True)
class Text:
    """0x8300 文本信息下发, 2011 and 2013; flags: bit 0 urgent, 2 display, 3 speech, 4 advertising screen."""

    flags: Annotated[int, U8]
    text: Annotated[str, STRING]


@dataclass(frozen=True, slots=True)
class Text2019:
    """0x8300 of 2019; flags: bits 0-1 service 1, urgent 2, notice 3."""

    flags: Annotated[int, U8]
    kind: Annotated[int, U8]  # 1 notice, 2 service
    text: Annotated[str, STRING]
