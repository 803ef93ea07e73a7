"""Tracks from files into the memory of movement: the good rows are stored, the bad ones are written out with why."""

import asyncio
import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from geo import quality
from geo.fix import Fix, Source
from services import access, tracks
from services.db.engine import WriteSession, writing
from services.db.tables.fleet import Device, Unit
from services.errors import InvalidError
from services.ingest import files
from services.settings import Settings

IMPORTED: Final = "file:"
"""What the phone of a device begins with that is known from files only: no terminal can register under it."""


class RejectFileError(InvalidError):
    """The bad rows can't be written where they should go."""


@dataclass(slots=True)
class Imported:
    """What has come of a file so far."""

    done: float = 0.0  # of the file, 0 to 1
    stored: int = 0
    repeated: int = 0  # had been stored before
    flagged: int = 0  # stored, but doubtful on their own
    zoneless: int = 0  # times without a zone
    rejected: int = 0
    created: list[str] = field(default_factory=list)  # objects that became devices and units


async def import_tracks(
    mandate: access.Mandate,
    engine: AsyncEngine,
    settings: Settings,
    path: Path,
    options: files.Options,
    *,
    now: datetime,
    rejects: Path,
    create_devices: bool = False,
    progress: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Store the positions of a file; what was stored before adds nothing.

    An object is known by the phone or plate of its device or by the call sign of its unit. Unknown ones are rejected,
    or, if asked for, become devices and off-duty units of that name. `progress` is told after every few thousand rows,
    which by then are committed. The reject file holds line, reason and the row's own columns; it exists only if needed.

    Raises:
        InvalidError: the file can't be read, lacks columns, or its reference system is unknown.
    """
    await access.grant(mandate, access.Act.IMPORT_TRACKS, path.name)
    if create_devices:
        await access.grant(mandate, access.Act.MANAGE_DEVICES, path.name)
    told, known = Imported(), dict[str, int]()
    with files.opened(path, options) as tracks_file, _RejectFile(rejects, path, tracks_file.columns) as bad:
        while chunk := await asyncio.to_thread(next, tracks_file.chunks, None):
            names = {position.object_id for position in chunk.positions} - known.keys()
            async with writing(engine) as db:
                known |= await _devices(db, names)
                if create_devices:
                    created = await _create(db, names - known.keys())
                    told.created += created
                    known |= created
            fixes = [_fix(at, known[at.object_id], now, settings) for at in chunk.positions if at.object_id in known]
            await _store(engine, fixes, told)
            strangers = [_stranger(at) for at in chunk.positions if at.object_id not in known]
            told.rejected += bad.write(sorted([*chunk.rejected, *strangers], key=lambda row: row.line))
            told.zoneless, told.done = told.zoneless + chunk.zoneless, chunk.done
            progress(told)
    return told


async def _store(engine: AsyncEngine, fixes: Sequence[Fix], told: Imported) -> None:
    """Store fixes and count them."""
    stored = await tracks.store_many(engine, fixes) if fixes else 0
    told.stored += stored
    told.repeated += len(fixes) - stored
    told.flagged += sum(fix.flags != 0 for fix in fixes)


def _fix(position: files.Position, device_id: int, now: datetime, settings: Settings) -> Fix:
    """Make a fix of a position, with the doubts that it raises on its own."""
    flags = quality.judge(
        lon_deg=position.lon_deg,
        lat_deg=position.lat_deg,
        at=position.at,
        now=now,
        future_tolerance=timedelta(seconds=settings.future_tolerance_s),
        past_tolerance=timedelta(days=settings.past_tolerance_days),
    )
    return Fix(
        device_id,
        position.at,
        position.lon_deg,
        position.lat_deg,
        position.key,
        altitude_m=position.altitude_m,
        speed_mps=position.speed_mps,
        heading_deg=position.heading_deg,
        accuracy_m=position.accuracy_m,
        flags=flags,
        source=Source.FILE,
    )


def _stranger(position: files.Position) -> files.Rejected:
    reason = f"no device or unit is known as {position.object_id!r}"
    return files.Rejected(position.line, reason, position.values)


async def _devices(db: WriteSession, names: Iterable[str]) -> dict[str, int]:
    """Return the devices known by these names: a phone before a plate before a call sign."""
    wanted = set(names)
    phones = {phone: name for name in wanted for phone in (name, name.lstrip("0"), IMPORTED + name)}
    found = select(Device.id, Device.phone, Device.plate, Unit.call_sign).outerjoin(Unit, Unit.device_id == Device.id)
    rows = await db.execute(
        found.where(or_(Device.phone.in_(phones), Device.plate.in_(wanted), Unit.call_sign.in_(wanted)))
    )
    ranked = [dict[str, int](), dict[str, int](), dict[str, int]()]
    for device_id, phone, plate, call_sign in rows:
        for rank, name in enumerate((phones.get(phone), plate, call_sign)):
            if name in wanted:
                ranked[rank].setdefault(name, device_id)
    return ranked[2] | ranked[1] | ranked[0]


async def _create(db: WriteSession, names: Iterable[str]) -> dict[str, int]:
    """Make a device and an off-duty unit for each name."""
    created = {}
    for name in sorted(names):
        device = insert(Device).values(phone=IMPORTED + name).returning(Device.id)
        created[name] = (await db.execute(device)).scalar_one()
        unit = insert(Unit).values(call_sign=name, kind="car", state="off_duty", device_id=created[name])
        await db.execute(unit.on_conflict_do_update(index_elements=[Unit.call_sign], set_={"device_id": created[name]}))
    return created


class _RejectFile(AbstractContextManager["_RejectFile"]):
    """Where bad rows go: a CSV file that exists only if there are any."""

    def __init__(self, path: Path, source: Path, columns: Sequence[str]) -> None:
        if path.resolve() == source.resolve():
            raise RejectFileError("The reject file would overwrite the file itself.")
        self._path, self._columns = path, ("line", "reason", *columns)
        self._file: IO[str] | None = None
        with self._explained():
            path.unlink(missing_ok=True)

    def write(self, bad: Sequence[files.Rejected]) -> int:
        """Write rows and return how many."""
        if bad:
            with self._explained():
                self._open().writerows({**row.values, "line": row.line, "reason": row.reason} for row in bad)
        return len(bad)

    def __exit__(self, *_: object) -> None:
        if self._file:
            with self._explained():
                self._file.close()

    def _open(self) -> "csv.DictWriter[str]":
        fresh = self._file is None
        if self._file is None:
            self._file = self._path.open("w", newline="", encoding="utf-8-sig")  # Excel wants the mark
        writer = csv.DictWriter(self._file, self._columns, extrasaction="ignore")
        if fresh:
            writer.writeheader()
        return writer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RejectFileError(f"{self._path} can't be written: {error.strerror or error}.") from error
