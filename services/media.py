"""Photos, sound and films of terminals (多媒体): what each is in the database, the bytes in files named by their hash.

    data_dir/media/ab/ab12…  (SHA-256 in hex)      a file is there before the row that names it is committed,
                                                   and goes when no row names it any more

All that writes or removes files holds one lock of the database: the room is kept exactly, and no file is removed that
somebody is just about to name.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from services import access
from services.db import locks
from services.db.claims import declare_look
from services.db.engine import ReadSession, WriteSession, writing
from services.db.tables.media import Medium as Medium
from services.errors import NotFoundError, UnavailableError
from services.settings import Settings

MAX_PAGE: Final = 200
NO_ROOM: Final = "no_room"
SUFFIXES: Final = {0: "jpg", 1: "tif", 2: "mp3", 3: "wav", 4: "wmv"}
"""By the format that the terminal says (JT/T 808, 0x0801)."""

_MEGABYTE: Final = 1 << 20


class NoMediumError(NotFoundError):
    """The device has no such medium, or its bytes were never kept."""


class DamagedError(UnavailableError):
    """The file is not what was uploaded."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a terminal says of a medium, and its bytes where they came with it."""

    device_id: int
    number: int
    kind: int
    format: int
    event: int
    channel: int
    at: datetime
    fix_at: datetime | None = None
    fix_hash: int | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A medium with its bytes."""

    name: str
    sha256: str
    data: bytes


async def keep(db: WriteSession, settings: Settings, taken: Taken) -> bool:
    """Keep a medium in the caller's transaction, once however often it comes; say whether there was room for its bytes.

    One that is only announced (0x0800), or that there is no room for, is a row without a file until its bytes come.
    """
    refused = digest = None
    same = (Medium.device_id == taken.device_id, Medium.number == taken.number)
    if taken.data is not None:
        await locks.hold(db, "media")
        digest = sha256(taken.data).digest()
        if (await db.execute(select(Medium.id).where(*same, Medium.sha256 == digest))).first():
            return True
        if await _size(db) + len(taken.data) > settings.media_room_mb * _MEGABYTE:
            refused = NO_ROOM
        else:
            await asyncio.to_thread(_write, folder(settings), taken.data)
        await db.execute(delete(Medium).where(*same, Medium.sha256.is_(None)))
    said = {name: getattr(taken, name) for name in Taken.__slots__ if name != "data"}
    row = postgresql.insert(Medium).values(
        **said, refused=refused, sha256=None if refused else digest,
        size=None if taken.data is None else len(taken.data),
    )  # fmt: skip
    await db.execute(row.on_conflict_do_nothing())
    return refused is None


async def list_media(
    mandate: access.Mandate, db: ReadSession, device_id: int, *, before_id: int | None, limit: int
) -> Sequence[Medium]:
    """Return what a device took, newest first, without the bytes and without places."""
    async with access.look(mandate, access.Act.VIEW_DEVICES, f"device:{device_id}") as seen:
        await declare_look(db, [f"device:{device_id}"])
        rows = (
            select(Medium).where(Medium.device_id == device_id).order_by(Medium.id.desc()).limit(min(limit, MAX_PAGE))
        )
        if before_id is not None:
            rows = rows.where(Medium.id < before_id)
        found = (await db.execute(rows)).scalars().all()
        seen.rows = len(found)
        return found


async def read_file(
    mandate: access.Mandate, db: ReadSession, settings: Settings, *, device_id: int, media_id: int
) -> File:
    """Return a medium of a device with its bytes.

    Raises:
        NoMediumError: there is none, or its bytes are not here.
        DamagedError: the file does not give its hash any more.
    """
    async with access.look(mandate, access.Act.VIEW_MEDIA, f"device:{device_id} media:{media_id}") as seen:
        await declare_look(db, [f"device:{device_id}"])
        found = select(Medium).where(Medium.device_id == device_id, Medium.id == media_id, Medium.sha256.is_not(None))
        medium = (await db.execute(found)).scalar_one_or_none()
        ids = {"device_id": device_id, "media_id": media_id}
        if medium is None or medium.sha256 is None:
            raise NoMediumError("Device {device_id} has no medium {media_id} that was kept.", **ids)
        try:
            data = await asyncio.to_thread(path_of(folder(settings), medium.sha256).read_bytes)
        except FileNotFoundError:
            raise NoMediumError("The file of medium {media_id} of device {device_id} is not here.", **ids) from None
        if sha256(data).digest() != medium.sha256:
            raise DamagedError("The file of medium {media_id} is not what was uploaded.", media_id=media_id)
        seen.rows = 1
        name = f"device-{device_id}-media-{medium.number}.{SUFFIXES.get(medium.format, 'bin')}"
        return File(name, medium.sha256.hex(), data)


async def sweep(engine: AsyncEngine, settings: Settings) -> int:
    """Remove the files that no row names: those of rows that retention took, and those whose commit failed."""
    removed = 0
    for shelf in sorted(folder(settings).glob("[0-9a-f][0-9a-f]")):
        async with writing(engine) as db:
            await locks.hold(db, "media")
            names = {path.name: path for path in shelf.iterdir()}
            hashes = [bytes.fromhex(name) for name in names if len(name) == 2 * sha256().digest_size]
            found = select(Medium.sha256).where(Medium.sha256.in_(hashes))
            named = {key.hex() for key in (await db.execute(found)).scalars() if key}
            for name in names.keys() - named:
                names[name].unlink()
                removed += 1
    return removed


def folder(settings: Settings) -> Path:
    """Return where the files are."""
    return settings.data_dir / "media"


def path_of(root: Path, digest: bytes) -> Path:
    """Return where the file of a hash is."""
    return root / digest.hex()[:2] / digest.hex()


def _write(root: Path, data: bytes) -> None:
    """Write a file so that it is whole and on the disk when this returns."""
    path = path_of(root, sha256(data).digest())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    for parent in (path.parent, root):
        _flush_folder(parent)


def _flush_folder(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


async def _size(db: ReadSession) -> int:
    """Return how many bytes are kept; what was uploaded by two devices alike counts twice."""
    kept = select(func.coalesce(func.sum(Medium.size), 0)).where(Medium.sha256.is_not(None))
    return int((await db.execute(kept)).scalar_one() or 0)
