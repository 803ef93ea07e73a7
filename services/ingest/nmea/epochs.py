"""From sentences to epochs: what a receiver says about one moment is spread over several sentences.

    RMC 07:23:53 ─┐                            VTG, GSA and GSV carry no time: they belong to the epoch they follow.
    VTG           ├─ one epoch, emitted when   A sentence whose address was there already begins a new one, and so does
    GGA 07:23:53  │  another time comes, or    another time. What comes for a moment after it was emitted is dropped,
    GSA, GSA, GSV ┘  when nothing comes        for the same moment is one fix.

Only RMC and ZDA know the date. A time alone is put on the day that the time before it leads to, and past midnight on
the next one; with nothing before it, on the day that was given, or on the one nearest to the clock of who receives it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias

from geo.fix import Systems
from services.ingest.nmea import messages
from services.ingest.nmea.messages import FixQuality, Gga, Gll, Gns, Gsa, Gsv, Rmc, Talk, Vtg, Zda
from services.ingest.sentences import Refused, RefusedError, Sentence, Splitter

BACKWARD: Final = timedelta(minutes=10)
"""Times without a date may go back so far, as out of order; further back it is the next day."""

MOST_SENTENCES: Final = 64
"""Of one moment; more are not kept."""

_DAY: Final = timedelta(days=1)
_QUALITIES: Final = {
    "A": FixQuality.SINGLE, "D": FixQuality.DIFFERENTIAL, "P": FixQuality.PRECISE, "R": FixQuality.RTK_FIXED,
    "F": FixQuality.RTK_FLOAT, "E": FixQuality.ESTIMATED, "M": FixQuality.MANUAL, "S": FixQuality.SIMULATED,
    "N": FixQuality.NONE,
}  # fmt: skip
"""What a letter of mode says in GGA's numbers."""

_BEST_FIRST: Final = "RFPDAESMN"
_GNS_SYSTEMS: Final = (Systems.GPS, Systems.GLONASS, Systems.GALILEO, Systems.BEIDOU)
_PLACED: Final = (Gga, Gns, Rmc, Gll)
"""Sentences that hold a position, the one that says most first."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a receiver said about one moment, in degrees of its own datum, SI units and UTC."""

    at: datetime
    lon_deg: float | None
    lat_deg: float | None
    altitude_m: float | None  # above mean sea level
    speed_mps: float | None
    course_deg: float | None
    quality: FixQuality
    systems: Systems
    satellites: int | None
    hdop: float | None
    raw: bytes  # the sentences it was made of, without those that only list satellites in view
    line: int  # that the last of them stands in


@dataclass(frozen=True, slots=True)
class Other:
    """An intact sentence that is none of the table's: somebody else may know it."""

    sentence: Sentence


Event: TypeAlias = Epoch | Other | Refused


@dataclass(slots=True)
class _Burst:
    """The sentences about one moment, while they come."""

    at: time
    talks: dict[str, Talk] = field(default_factory=dict)  # by address
    gsas: list[Talk] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    line: int = 0


class Receiver:
    """One stream of sentences; bytes in, events out. No sockets, no clock."""

    def __init__(self, *, day: date | None = None, unchecked: bool = False) -> None:
        """Begin. `day` is that of the first time without a date; `unchecked` lets sentences without checksum pass."""
        self._splitter = Splitter(unchecked=unchecked)
        self._day = day
        self._burst: _Burst | None = None
        self._told: _Burst | None = None  # the one emitted last
        self._last: datetime | None = None
        self._now: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether an epoch is open that `flush` would emit."""
        return self._burst is not None

    def receive(self, data: bytes, now: datetime | None = None) -> list[Event]:
        """Return what was said with these bytes; `now` (none in files) dates times that nothing else dates."""
        self._now = now
        return [event for heard in self._splitter.feed(data) for event in self._hear(heard)]

    def flush(self, now: datetime | None = None) -> list[Event]:
        """Emit the open epoch: the stream has ended, or paused for longer than one moment's sentences take."""
        self._now = now or self._now
        return list(self._emit())

    def end(self) -> list[Event]:
        """Return what a file still holds at its end."""
        return [event for heard in self._splitter.flush() for event in self._hear(heard)] + self.flush()

    def _hear(self, heard: Sentence | Refused) -> Iterator[Event]:
        if isinstance(heard, Refused):
            yield heard
            return
        try:
            talk = messages.read(heard)
            if talk and isinstance(talk.message, Zda):
                messages.date_of(talk.message)
        except RefusedError as error:
            yield Refused(error.reason, error.detail, heard.raw, self._splitter.line)
            return
        if talk is None:
            yield Other(heard)
        elif not talk.antenna and not isinstance(talk.message, Gsv):
            yield from self._take(heard, talk)

    def _take(self, heard: Sentence, talk: Talk) -> Iterator[Event]:
        """Put a sentence where it belongs, emitting the epoch before it if this one begins another."""
        if talk.at is None:
            if self._burst and isinstance(talk.message, Gsa | Vtg):
                self._add(self._burst, heard, talk)
            return
        burst, told = self._burst, self._told
        if burst is None or burst.at != talk.at or self._differs(burst, heard, talk):
            yield from self._emit()
            if told and burst is None and told.at == talk.at and not self._differs(told, heard, talk):
                return
            self._burst = burst = _Burst(talk.at)
        self._add(burst, heard, talk)

    def _add(self, burst: _Burst, heard: Sentence, talk: Talk) -> None:
        if heard.raw in burst.raws or len(burst.raws) >= MOST_SENTENCES:
            return
        burst.raws.append(heard.raw)
        burst.talks.setdefault(heard.address, talk)
        burst.line = self._splitter.line
        if isinstance(talk.message, Gsa):
            burst.gsas.append(talk)

    @staticmethod
    def _differs(burst: _Burst, heard: Sentence, talk: Talk) -> bool:
        """Whether the same address says something else: a second position within the same second."""
        return burst.talks.get(heard.address, talk) != talk

    def _emit(self) -> Iterator[Event]:
        """Close the open epoch."""
        burst, self._burst = self._burst, None
        if burst is None:
            return
        self._told = burst
        at = self._date(burst)
        if at is None:
            yield Refused("date", "no sentence before it tells the date", b"\r\n".join(burst.raws), burst.line)
            return
        self._last = at
        if any(isinstance(talk.message, _PLACED) for talk in burst.talks.values()):
            yield _epoch(burst, at)

    def _date(self, burst: _Burst) -> datetime | None:
        """Return the moment of an epoch."""
        for talk in burst.talks.values():
            message = talk.message
            day = message.day if isinstance(message, Rmc) else None
            if isinstance(message, Zda):
                day = messages.date_of(message)
            if day:
                return datetime.combine(day, burst.at, UTC)
        if self._last:
            at = datetime.combine(self._last.date(), burst.at, UTC)
            return at if at >= self._last - BACKWARD else at + _DAY
        if self._day:
            return datetime.combine(self._day, burst.at, UTC)
        if self._now is None:
            return None
        at = datetime.combine(self._now.date(), burst.at, UTC)
        return min((at - _DAY, at, at + _DAY), key=lambda moment: abs(moment - self._now))  # type: ignore[operator]


def _epoch(burst: _Burst, at: datetime) -> Epoch:
    """Make one value of the sentences about a moment; of several talkers the one of several systems is believed."""
    talks = sorted(burst.talks.values(), key=lambda talk: talk.talker != "GN")
    by_form = {form: next((talk for talk in talks if isinstance(talk.message, form)), None) for form in _PLACED}
    placed = [talk for talk in by_form.values() if talk]
    best = next((talk for talk in placed if _place(talk) is not None), placed[0])
    full = next((talk.message for talk in placed if isinstance(talk.message, Gga | Gns)), None)
    lon_deg, lat_deg = _place(best) or (None, None)
    speed_mps, course_deg = _motion(talks)
    return Epoch(
        at, lon_deg, lat_deg, full.altitude_m if full else None, speed_mps, course_deg, _quality(placed),
        _systems(burst, best), full.satellites if full else None, full.hdop if full else None,
        b"\r\n".join(burst.raws), burst.line,
    )  # fmt: skip


def _place(talk: Talk) -> tuple[float, float] | None:
    message = talk.message
    if isinstance(message, _PLACED) and message.lon_deg is not None and message.lat_deg is not None:
        return message.lon_deg, message.lat_deg
    return None


def _motion(talks: list[Talk]) -> tuple[float | None, float | None]:
    """Return speed and course: from RMC, what it lacks from VTG."""
    speed_mps = course_deg = None
    for form in (Rmc, Vtg):
        for talk in talks:
            if isinstance(message := talk.message, form):
                said = message.speed_kmh_mps if isinstance(message, Vtg) and message.speed_mps is None else None
                speed_mps = speed_mps if speed_mps is not None else message.speed_mps if said is None else said
                course_deg = course_deg if course_deg is not None else message.course_deg
    return speed_mps, course_deg


def _quality(placed: list[Talk]) -> FixQuality:
    """Return the quality: none if any sentence warns, else GGA's, else what the letters say, else single."""
    said = list[FixQuality]()
    for message in (talk.message for talk in placed):
        if isinstance(message, Rmc | Gll) and message.status == "V":
            return FixQuality.NONE
        if isinstance(message, Gga):
            said.append(FixQuality(message.quality or 0))
        elif isinstance(message, Gns):
            said.append(_QUALITIES[min(message.modes or "N", key=_BEST_FIRST.index)])
        elif isinstance(message, Rmc | Gll):
            said.append(_QUALITIES[message.mode or "A"])
    return said[0] if FixQuality.NONE not in said else FixQuality.NONE


def _systems(burst: _Burst, best: Talk) -> Systems:
    """Return the systems used: as GSA lists satellites, else as GNS has letters, else as the talker is called."""
    found = Systems(0)
    for talk in burst.gsas:
        if isinstance(talk.message, Gsa):
            found |= messages.systems_of(talk.message, talk.talker)
    if found:
        return found
    for talk in burst.talks.values():
        if isinstance(talk.message, Gns):
            for mode, system in zip(talk.message.modes, _GNS_SYSTEMS, strict=False):
                found |= system if mode != "N" else Systems(0)
    return found or messages.SYSTEMS.get(best.talker, Systems(0))
