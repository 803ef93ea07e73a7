"""One file of tracks, or all of a set, chunk by chunk: read, stored, noted."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from geo import quality
from geo.fix import Fix, Source
from services import access, tracks
from services.db.engine import writing
from services.imports import objects
from services.imports.checkpoint import Checkpoint, Imported
from services.imports.rejects import RejectFile, for_member
from services.ingest import files, rows
from services.settings import Settings


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
    resume: bool = False,
    progress: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Store the positions of a file; what was stored before adds nothing.

    An object is known by the phone or plate of its device or by the call sign of its unit. Unknown ones are rejected,
    or, if asked for, become devices and off-duty units of that name. `progress` is told after every few thousand rows,
    which by then are committed, and noted in a checkpoint beside the reject file: with `resume`, an import that was
    interrupted goes on there. The reject file holds line, reason and the row's own columns; it exists only if needed,
    and each file of a set has its own.

    Raises:
        InvalidError: the file can't be read, lacks columns, its reference system is unknown, or the checkpoint is of
            another file.
    """
    await access.grant(mandate, access.Act.IMPORT_TRACKS, path.name)
    if create_devices:
        await access.grant(mandate, access.Act.MANAGE_DEVICES, path.name)
    checkpoint = Checkpoint.begin(rejects.with_suffix(".checkpoint"), path, options, resume=resume)
    digest = await asyncio.to_thread(_digest, path)
    job = _Job(engine, settings, path, options, now, rejects, checkpoint, digest, create_devices=create_devices)
    names = rows.members(path, options.kind)
    for name in names[checkpoint.members :]:
        try:
            await job.run(name, progress)
        except (rows.FileError, files.ColumnsError) as error:
            if not name:
                raise
            checkpoint.told.failed.append(f"{name}: {error}")
        checkpoint.next_member()
    checkpoint.remove()
    return checkpoint.told


@dataclass(slots=True)
class _Job:
    """An import under way."""

    engine: AsyncEngine
    settings: Settings
    path: Path
    options: files.Options
    now: datetime
    rejects: Path
    checkpoint: Checkpoint
    digest: str  # SHA-256 of the file, hex
    create_devices: bool = field(kw_only=True)
    member: str = ""  # of a set: the file that is being read
    known: dict[str, objects.Meaning] = field(default_factory=dict)

    async def run(self, name: str, progress: Callable[[Imported], None]) -> None:
        """Import one file of the set, from where the checkpoint stands."""
        at, self.member = self.checkpoint, name
        bad_path = for_member(self.rejects, name)
        with (
            files.opened(self.path, self.options, member=name, skip=at.rows) as opened,
            RejectFile(bad_path, self.path, opened.columns, keep=at.reject_bytes) as bad,
        ):
            while chunk := await asyncio.to_thread(next, opened.chunks, None):
                await self._take(chunk, bad)
                at.rows += chunk.rows
                at.reject_bytes = bad.size
                at.save()
                progress(at.told)

    async def _take(self, chunk: files.Chunk, bad: RejectFile) -> None:
        """Store the good rows of a chunk, write out the bad ones, count them."""
        told = self.checkpoint.told
        await self._know({position.object_id for position in chunk.positions})
        fixes, strangers = list[Fix](), list[files.Rejected]()
        for position in chunk.positions:
            meant = self.known.get(position.object_id)
            device_id = meant.device_at(position.at) if meant else None
            if device_id is None:
                strangers.append(_stranger(position, known=meant is not None))
            else:
                fixes.append(self._fix(position, device_id))
        await self._store(fixes)
        told.rejected += bad.write(sorted([*chunk.rejected, *strangers], key=lambda row: row.line))
        told.zoneless, told.done = told.zoneless + chunk.zoneless, chunk.done

    async def _know(self, names: set[str]) -> None:
        """Look up the names that are new, and make devices of strangers if that was asked for."""
        new = names - self.known.keys()
        if not new:
            return
        async with writing(self.engine) as db:
            found = await objects.find(db, new)
            created = await objects.create(db, new - found.keys()) if self.create_devices else []
            self.known |= found | await objects.find(db, created)
        self.checkpoint.told.created += created

    async def _store(self, fixes: Sequence[Fix]) -> None:
        told = self.checkpoint.told
        stored = await tracks.store_many(self.engine, fixes) if fixes else 0
        told.stored += stored
        told.repeated += len(fixes) - stored
        told.flagged += sum(fix.flags != 0 for fix in fixes)

    def _fix(self, position: files.Position, device_id: int) -> Fix:
        """Make a fix of a position, with the doubts that it raises on its own."""
        flags = quality.judge(
            lon_deg=position.lon_deg,
            lat_deg=position.lat_deg,
            at=position.at,
            now=self.now,
            future_tolerance=timedelta(seconds=self.settings.future_tolerance_s),
            past_tolerance=timedelta(days=self.settings.past_tolerance_days),
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
            status=position.status,
            systems=position.systems,
            flags=flags | position.flags,
            source=Source.FILE,
            raw=self._reference(position.line),
        )

    def _reference(self, line: int) -> bytes:
        """Say where in which file a position stands: the file itself is kept by who imported it."""
        where = {"file": self.path.name, "sha256": self.digest, "line": line}
        return json.dumps(where | ({"member": self.member} if self.member else {}), ensure_ascii=False).encode()


def _stranger(position: files.Position, *, known: bool) -> files.Rejected:
    name = position.object_id
    reason = f"unit {name!r} carried no device then" if known else f"no device or unit is known as {name!r}"
    return files.Rejected(position.line, reason, position.values)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
