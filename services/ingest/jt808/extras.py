"""Additional items of a position (JT/T 808-2013 table 27, -2019 table 27): what the raw bytes of each id mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from services.ingest.jt808 import fields
from services.ingest.jt808.fields import only_if
from services.ingest.jt808.kinds import U8, U16, U32, Fixed, Flowing, RefusedError, raw, scaled


@dataclass(frozen=True, slots=True)
class OverspeedArea:
    """0x11 超速报警附加信息: where the limit holds."""

    area_kind: Annotated[int, U8]  # 0 anywhere, 1 circle, 2 rectangle, 3 polygon, 4 segment
    area_id: Annotated[int | None, only_if("area_kind", bool, U32)] = None


@dataclass(frozen=True, slots=True)
class AreaPassage:
    """0x12 进出区域/路线报警附加信息: an area or route entered or left."""

    area_kind: Annotated[int, U8]
    area_id: Annotated[int, U32]
    left: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class SegmentTime:
    """0x13 路段行驶时间不足/过长报警附加信息: a segment driven too fast or too slow."""

    segment_id: Annotated[int, U32]
    driven_s: Annotated[int, U16]
    too_long: Annotated[int, U8]


def _tenths(kind: Fixed) -> Fixed:
    return scaled(kind, per=10)


_TEMPERATURE = Fixed("H", "(-({v} & 0x7FFF) if {v} & 0x8000 else {v})", "(0x8000 - {v} if {v} < 0 else {v})")
"""A magnitude whose highest bit means minus."""

EXTRAS: dict[int, tuple[str, Fixed | Flowing | type]] = {
    0x01: ("odometer_m", scaled(U32, times=100)),  # wire: tenths of km
    0x02: ("fuel_l", _tenths(U16)),
    0x03: ("recorder_speed_mps", scaled(U16, per=36)),  # wire: tenths of km/h
    0x04: ("event_to_confirm", U16),
    0x05: ("tyre_pressures", raw(30)),  # FF where there is no tyre
    0x06: ("cabin_temperature_c", _TEMPERATURE),
    0x11: ("overspeed_area", OverspeedArea),
    0x12: ("area_passage", AreaPassage),
    0x13: ("segment_time", SegmentTime),
    0x25: ("signals", U32),
    0x2A: ("io", U16),
    0x2B: ("analog", U32),  # AD0 in the low word, AD1 in the high word
    0x30: ("signal_strength", U8),
    0x31: ("satellites", U8),
}
"""Item id, the name and the kind of its value. An item that is not here stays what it is: bytes."""

_READERS = {key: (name, fields.flowing(kind)) for key, (name, kind) in EXTRAS.items()}


def named(items: Mapping[int, bytes]) -> dict[str, Any]:
    """The items that the table knows, by name; an item whose length is not the table's is left out."""
    values = {}
    for key, value in items.items():
        if key in _READERS:
            name, kind = _READERS[key]
            try:
                values[name], pos = kind.read(value, 0, len(value))
            except RefusedError:
                continue
            if pos != len(value):
                del values[name]
    return values
