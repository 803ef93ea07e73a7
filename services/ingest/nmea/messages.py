"""The sentences of NMEA 0183 that say where, when and how well, each in the standard's order (versions 2.0 to 4.11).

Sources: the tables of pynmeagps and go-nmea, Unicore's reference for BDSGGA and the H sentences; not the standard's own
text. Talkers: GB BeiDou (since 4.10), BD BeiDou on Chinese receivers, GN several systems, GP, GL, GA; BDS before GGA.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import IntEnum
from typing import Annotated, Any, Final

from geo.fix import Systems
from services.ingest import sentence_fields as kinds
from services.ingest.sentence_fields import DATE, DECIMAL, LATITUDE, LONGITUDE, TEXT, TIME
from services.ingest.sentences import RefusedError, Sentence, close_sentence

MODES: Final = "ADEFMNPRS"
"""Autonomous, differential, estimated, RTK float, manual, not valid, precise, RTK fixed, simulator."""

NAVIGATIONAL: Final = "SCUV"
"""Status of navigation since 4.10: safe, caution, unsafe, not valid."""


class FixQuality(IntEnum):
    """GGA: how the position was found."""

    NONE = 0
    SINGLE = 1
    DIFFERENTIAL = 2
    PRECISE = 3
    RTK_FIXED = 4
    RTK_FLOAT = 5
    ESTIMATED = 6
    MANUAL = 7
    SIMULATED = 8


_METRES = kinds.marked(DECIMAL, "M")
_COUNT = kinds.integer(2, 0, 999)
_PRN = kinds.integer(2, 1, 999)


@dataclass(frozen=True, slots=True)
class Rmc:
    """RMC: recommended minimum. The only one, with ZDA, that knows the date."""

    at: Annotated[time | None, TIME]
    status: Annotated[str, kinds.letters("AV")]  # A valid, V warning
    lat_deg: Annotated[float | None, LATITUDE]
    lon_deg: Annotated[float | None, LONGITUDE]
    speed_mps: Annotated[float | None, kinds.scaled(kinds.KNOT_MPS)]
    course_deg: Annotated[float | None, DECIMAL]
    day: Annotated[date | None, DATE]
    variation_deg: Annotated[float | None, kinds.signed(DECIMAL, "E", "W")]
    mode: Annotated[str, kinds.letters(MODES)] = ""  # since 2.3
    navigational: Annotated[str, kinds.letters(NAVIGATIONAL)] = ""  # since 4.10


@dataclass(frozen=True, slots=True)
class Gga:
    """GGA: the position with its quality and height."""

    at: Annotated[time | None, TIME]
    lat_deg: Annotated[float | None, LATITUDE]
    lon_deg: Annotated[float | None, LONGITUDE]
    quality: Annotated[int | None, kinds.integer(1, min(FixQuality), max(FixQuality))]
    satellites: Annotated[int | None, _COUNT]
    hdop: Annotated[float | None, DECIMAL]
    altitude_m: Annotated[float | None, _METRES]  # above mean sea level
    separation_m: Annotated[float | None, _METRES]  # of the geoid above the ellipsoid
    age_s: Annotated[float | None, DECIMAL]  # of the corrections
    station: Annotated[str, TEXT]


@dataclass(frozen=True, slots=True)
class Gns:
    """GNS: as GGA for several systems, a letter of mode for each: GPS, GLONASS, Galileo, BeiDou, QZSS, NavIC."""

    at: Annotated[time | None, TIME]
    lat_deg: Annotated[float | None, LATITUDE]
    lon_deg: Annotated[float | None, LONGITUDE]
    modes: Annotated[str, kinds.letters(MODES, 6)]
    satellites: Annotated[int | None, _COUNT]
    hdop: Annotated[float | None, DECIMAL]
    altitude_m: Annotated[float | None, DECIMAL]
    separation_m: Annotated[float | None, DECIMAL]
    age_s: Annotated[float | None, DECIMAL]
    station: Annotated[str, TEXT]
    navigational: Annotated[str, kinds.letters(NAVIGATIONAL)] = ""


@dataclass(frozen=True, slots=True)
class Gsa:
    """GSA: which satellites the position was found with. Since 4.10 one for each system, which it names."""

    selection: Annotated[str, kinds.letters("AM")]
    dimensions: Annotated[int | None, kinds.integer(1, 1, 3)]  # 1: no fix
    satellites: Annotated[tuple[int, ...], kinds.slots(_PRN, 12)]
    pdop: Annotated[float | None, DECIMAL]
    hdop: Annotated[float | None, DECIMAL]
    vdop: Annotated[float | None, DECIMAL]
    system: Annotated[str, kinds.letters("0123456789ABCDEF")] = ""


@dataclass(frozen=True, slots=True)
class Satellite:
    """One satellite in view, as GSV shows it."""

    prn: Annotated[int | None, _PRN]
    elevation_deg: Annotated[int | None, kinds.integer(2, -90, 90)]
    azimuth_deg: Annotated[int | None, kinds.integer(3, 0, 360)]
    snr_db: Annotated[int | None, kinds.integer(2, 0, 99)]


@dataclass(frozen=True, slots=True)
class Gsv:
    """GSV: satellites in view, four a sentence. The signal of BeiDou: 1 B1I, 3 B1C, 5 B2a, 8 B3I, B B2I."""

    total: Annotated[int | None, kinds.integer(1, 1, 99)]
    number: Annotated[int | None, kinds.integer(1, 1, 99)]
    in_view: Annotated[int | None, _COUNT]
    satellites: Annotated[tuple[Satellite, ...], kinds.groups(Satellite, 4, 4)] = ()
    signal: Annotated[str, kinds.letters("0123456789ABCDEF")] = ""  # since 4.10


@dataclass(frozen=True, slots=True)
class Gll:
    """GLL: a position and its time."""

    lat_deg: Annotated[float | None, LATITUDE]
    lon_deg: Annotated[float | None, LONGITUDE]
    at: Annotated[time | None, TIME]
    status: Annotated[str, kinds.letters("AV")]
    mode: Annotated[str, kinds.letters(MODES)] = ""


@dataclass(frozen=True, slots=True)
class Vtg:
    """VTG: course and speed over ground; the speed stands there twice."""

    course_deg: Annotated[float | None, kinds.marked(DECIMAL, "T")]
    magnetic_deg: Annotated[float | None, kinds.marked(DECIMAL, "M")]
    speed_mps: Annotated[float | None, kinds.marked(kinds.scaled(kinds.KNOT_MPS), "N")]
    speed_kmh_mps: Annotated[float | None, kinds.marked(kinds.scaled(kinds.KMH_MPS), "K")]  # km/h on the wire
    mode: Annotated[str, kinds.letters(MODES)] = ""


@dataclass(frozen=True, slots=True)
class Zda:
    """ZDA: time and date, and the local zone (which changes nothing: the time is UTC)."""

    at: Annotated[time | None, TIME]
    day: Annotated[int | None, kinds.integer(2, 1, 31)]
    month: Annotated[int | None, kinds.integer(2, 1, 12)]
    year: Annotated[int | None, kinds.integer(4, 1980, 2100)]
    zone_h: Annotated[int | None, kinds.integer(2, -13, 14)]
    zone_min: Annotated[int | None, kinds.integer(2, -59, 59)]


Message = Rmc | Gga | Gns | Gsa | Gsv | Gll | Vtg | Zda
TABLE: Final[dict[str, type[Any]]] = {
    "RMC": Rmc, "GGA": Gga, "GNS": Gns, "GSA": Gsa, "GSV": Gsv, "GLL": Gll, "VTG": Vtg, "ZDA": Zda,
}  # fmt: skip

SYSTEMS: Final = {
    "GP": Systems.GPS, "GB": Systems.BEIDOU, "BD": Systems.BEIDOU, "BDS": Systems.BEIDOU,
    "GL": Systems.GLONASS, "GA": Systems.GALILEO,
}  # fmt: skip
"""What a talker of one system says by its name."""

SYSTEM_IDS: Final = {"1": Systems.GPS, "2": Systems.GLONASS, "3": Systems.GALILEO, "4": Systems.BEIDOU}
"""GSA since 4.10; 5 QZSS and 6 NavIC are not told apart by a fix."""

_NUMBERS: Final = (
    (range(1, 33), Systems.GPS), (range(65, 97), Systems.GLONASS), (range(301, 337), Systems.GALILEO),
    (range(201, 264), Systems.BEIDOU), (range(401, 464), Systems.BEIDOU),
)  # fmt: skip
"""Satellites of GNGSA before 4.10, by the numbers that receivers give them (u-blox M8, Quectel)."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A sentence as its table reads it: who talks, and of which antenna ("H" is a Unicore receiver's second one)."""

    talker: str
    message: Message
    antenna: str = ""

    @property
    def at(self) -> time | None:
        """The time of day it holds, UTC."""
        return getattr(self.message, "at", None)


def kind_of(address: str) -> tuple[str, str, str] | None:
    """Return talker, type and antenna of an address; None if it is no sentence of the table."""
    talker = "BDS" if address.startswith("BDSG") else address[:2]
    kind, antenna = address[len(talker) :][:3], address[len(talker) + 3 :]
    return (talker, kind, antenna) if kind in TABLE and antenna in ("", "H") else None


def read(sentence: Sentence) -> Talk | None:
    """Read a sentence by its table; None if it is another one.

    Raises:
        RefusedError: fields or field.
    """
    found = kind_of(sentence.address)
    if found is None:
        return None
    talker, kind, antenna = found
    return Talk(talker, kinds.read_table(TABLE[kind], sentence.fields), antenna)


def write(talk: Talk) -> bytes:
    """Write a sentence with its checksum: the reverse of `read`."""
    kind = next(name for name, form in TABLE.items() if isinstance(talk.message, form))
    return close_sentence(talk.talker + kind + talk.antenna, kinds.write_table(talk.message))


def systems_of(gsa: Gsa, talker: str) -> Systems:
    """Return the systems whose satellites a GSA lists: by its system, else its talker, else their numbers."""
    if not gsa.satellites:
        return Systems(0)
    if gsa.system:
        return SYSTEM_IDS.get(gsa.system, Systems(0))
    if talker in SYSTEMS:
        return SYSTEMS[talker]
    found = Systems(0)
    for numbers, system in _NUMBERS:
        if any(prn in numbers for prn in gsa.satellites):
            found |= system
    return found


def date_of(zda: Zda) -> date | None:
    """Return the date a ZDA gives.

    Raises:
        RefusedError: there is no such day.
    """
    if zda.year is None or zda.month is None or zda.day is None:
        return None
    try:
        return datetime(zda.year, zda.month, zda.day, tzinfo=UTC).date()
    except ValueError:
        raise RefusedError(
            "field", "{year}-{month}-{day} is no date", year=zda.year, month=zda.month, day=zda.day
        ) from None
