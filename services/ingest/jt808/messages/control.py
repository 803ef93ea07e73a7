"""What the platform tells or asks a terminal (JT/T 808-2011, -2013, -2019, chapter 8)."""

from dataclasses import dataclass
from typing import Annotated

from services.ingest.jt808.fields import counted, counted_by, sized
from services.ingest.jt808.kinds import REST, STRING, U8, U16, U32, bcd, text


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
class Parameters:
    """0x0104 查询终端参数应答."""

    answered_serial: Annotated[int, U16]
    items: Annotated[tuple[Parameter, ...], counted(U8, Parameter)]


@dataclass(frozen=True, slots=True)
class Parameters2011:
    """0x0104 of 2011: the total first, then how many of them are in this packet."""

    answered_serial: Annotated[int, U16]
    count: Annotated[int, U8]
    packet_count: Annotated[int, U8]
    items: Annotated[tuple[Parameter, ...], counted_by("packet_count", Parameter)]


@dataclass(frozen=True, slots=True)
class QueryParameters:
    """0x8104 查询终端参数: all of them."""


@dataclass(frozen=True, slots=True)
class QuerySomeParameters:
    """0x8106 查询指定终端参数, 2013."""

    ids: Annotated[tuple[int, ...], counted(U8, U32)]


@dataclass(frozen=True, slots=True)
class QueryAttributes:
    """0x8107 查询终端属性, 2013."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """0x0107 查询终端属性应答, 2013."""

    kind: Annotated[int, U16]
    maker: Annotated[str, text(5)]
    model: Annotated[str, text(20)]
    terminal_id: Annotated[str, text(7)]
    iccid: Annotated[str, bcd(10)]
    hardware: Annotated[str, sized(U8, STRING)]
    firmware: Annotated[str, sized(U8, STRING)]
    systems: Annotated[int, U8]  # bit 0 GPS, 1 BeiDou, 2 GLONASS, 3 Galileo
    networks: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Attributes2019(Attributes):
    """0x0107 of 2019: longer model and terminal id."""

    model: Annotated[str, text(30)]
    terminal_id: Annotated[str, text(30)]


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """0x0108 终端升级结果通知, 2013."""

    kind: Annotated[int, U8]  # 0 terminal, 12 card reader, 52 BeiDou module
    result: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class Control:
    """0x8105 终端控制: 1 upgrade, 2 change server, 3 off, 4 reset, 5 factory settings, 6 data off, 7 radio off."""

    command: Annotated[int, U8]
    parameters: Annotated[str, STRING]  # separated by semicolons


@dataclass(frozen=True, slots=True)
class ControlVehicle:
    """0x8500 车辆控制, 2011 and 2013; bit 0: 1 locks the doors, 0 unlocks them."""

    flags: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class VehicleSwitch:
    """One thing to control; id 1 is the doors: 0 lock, 1 open."""

    id: Annotated[int, U16]
    value: Annotated[int, U8]


@dataclass(frozen=True, slots=True)
class ControlVehicle2019:
    """0x8500 of 2019."""

    items: Annotated[tuple[VehicleSwitch, ...], counted(U16, VehicleSwitch)]
