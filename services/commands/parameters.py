"""Terminal parameters that may be set and read (JT/T 808-2013 table 12, -2019 table 10), by a name with its unit.

The addresses of the platform are not among them: a slip of the hand there loses the device for good.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.errors import InvalidError
from services.ingest.jt808.messages.control import Parameter

_MPS_PER_KMH: Final = 1 / 3.6


class BadParameterError(InvalidError):
    """There is no such parameter, or it can't have this value."""


def _same(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True)
class Known:
    """A parameter: its id, its form on the wire, the least and the most it may be, and its unit on the wire."""

    id: int
    code: str
    least: float
    most: float
    load: Callable[[float], float] = _same
    dump: Callable[[float], float] = _same


TABLE: Final[Mapping[str, Known]] = {
    "heartbeat_s": Known(0x0001, ">I", 5, 3600),
    "tcp_timeout_s": Known(0x0002, ">I", 1, 600),
    "tcp_retries": Known(0x0003, ">I", 0, 100),
    "report_strategy": Known(0x0020, ">I", 0, 2),  # 0 by time, 1 by distance, 2 by both
    "sleep_interval_s": Known(0x0027, ">I", 1, 86_400),
    "alarm_interval_s": Known(0x0028, ">I", 1, 3600),
    "default_interval_s": Known(0x0029, ">I", 1, 86_400),
    "default_distance_m": Known(0x002C, ">I", 1, 100_000),
    "turn_angle_deg": Known(0x0030, ">I", 1, 179),
    "fence_radius_m": Known(0x0031, ">H", 1, 65_535),
    "max_speed_mps": Known(
        0x0055, ">I", 0, 100, lambda kmh: round(kmh * _MPS_PER_KMH, 2), lambda mps: mps / _MPS_PER_KMH
    ),
    "overspeed_s": Known(0x0056, ">I", 0, 3600),
    "gnss_systems": Known(0x0090, ">B", 1, 15),  # bit 0 GPS, 1 BeiDou, 2 GLONASS, 3 Galileo
}

_NAMES = {known.id: name for name, known in TABLE.items()}


def to_wire(values: Mapping[str, float]) -> tuple[Parameter, ...]:
    """Return parameters as 0x8103 sets them.

    Raises:
        BadParameterError: a name is not in the table, or its value is out of range.
    """
    return tuple(_write(name, value) for name, value in values.items())


def _write(name: str, value: float) -> Parameter:
    known = TABLE.get(name)
    if known is None:
        raise BadParameterError(
            "There is no parameter {name}; those that may be set: {known}.", name=name, known=", ".join(TABLE)
        )
    if not known.least <= value <= known.most:
        raise BadParameterError(
            "{name} is {least} to {most}.", name=name, least=f"{known.least:g}", most=f"{known.most:g}"
        )
    return Parameter(known.id, struct.pack(known.code, round(known.dump(value))))


def ids(names: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers by which 0x8106 asks for parameters.

    Raises:
        BadParameterError: a name is not in the table.
    """
    wanted = list(names)
    if unknown := [name for name in wanted if name not in TABLE]:
        raise BadParameterError(
            "There is no parameter {name}; those known: {known}.", name=unknown[0], known=", ".join(TABLE)
        )
    return tuple(TABLE[name].id for name in wanted)


def from_wire(items: Iterable[Parameter]) -> dict[str, Any]:
    """Return parameters by name; what the table does not know by its number, in hex."""
    return dict(_read(item) for item in items)


def _read(item: Parameter) -> tuple[str, Any]:
    name = _NAMES.get(item.id)
    if name is not None and len(item.value) == struct.calcsize(TABLE[name].code):
        return name, TABLE[name].load(struct.unpack(TABLE[name].code, item.value)[0])
    return f"0x{item.id:04x}", item.value.hex()
