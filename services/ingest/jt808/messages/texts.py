"""Texts to the driver and what drivers answer (JT/T 808-2011, -2013, -2019, chapter 8)."""

from dataclasses import dataclass
from typing import Annotated

from services.ingest.jt808.kinds import STRING, U8, U16


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


@dataclass(frozen=True, slots=True)
class EventReport:
    """0x0301 事件报告; gone from the standard in 2019, not from the roads."""

    event_id: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Answer:
    """0x0302 提问应答; likewise."""

    answered_serial: Annotated[int, U16]
    answer_id: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class InfoOrder:
    """0x0303 信息点播/取消; likewise."""

    kind: Annotated[int, U8]
    ordered: Annotated[int, U8]
