"""The raw frames of fixes: what each was read from, kept by the transaction that stores it.

One row of `frame_batch` for a batch, found by the `received_at` that its fixes bear too:

    zlib( count U32 | device ids I64 … | payload hashes I64 … | starts U32 … | ends U32 … | the frames, each once )

and SHA-256 over the bytes before compression. A whole batch packs to a fraction of what its frames would take alone,
and one row more costs the pipeline next to nothing (docs/adr/0016).
"""

import asyncio
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import psycopg
from sqlalchemy import select

from geo.fix import Fix
from services.db.engine import ReadSession
from services.db.tables.tracks import FrameBatch

_KEEP: Final = "INSERT INTO frame_batch (received_at, digest, fixes, content) VALUES (now(), %b, %b, %b)"
_LEVEL: Final = 1
_COUNT: Final = struct.Struct("<I")

Key = tuple[int, int]
"""A device's id and a payload's hash."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame as it came, the SHA-256 under which its batch was kept, and whether the batch still has it."""

    raw: bytes
    digest: bytes
    intact: bool


async def keep(cursor: psycopg.AsyncCursor[Any], fixes: Sequence[Fix]) -> None:
    """Keep what fixes were read from, in the transaction that stores them; `now()` is their `received_at`."""
    told = [fix for fix in fixes if fix.raw]
    if told:
        plain = pack(told)
        await cursor.execute(_KEEP, (sha256(plain).digest(), len(told), zlib.compress(plain, _LEVEL)))


async def find(db: ReadSession, wanted: Mapping[datetime, Iterable[Key]]) -> dict[Key, Kept]:
    """Return the frames of fixes, given by the time their batch was received; what was not kept is left out."""
    columns = (FrameBatch.received_at, FrameBatch.digest, FrameBatch.content)
    rows = await db.execute(select(*columns).where(FrameBatch.received_at.in_(wanted)))
    return await asyncio.to_thread(_open, [(at, digest, content) for at, digest, content in rows], wanted)


def _open(rows: Iterable[tuple[datetime, bytes, bytes]], wanted: Mapping[datetime, Iterable[Key]]) -> dict[Key, Kept]:
    found = dict[Key, Kept]()
    for received_at, digest, content in rows:
        plain = zlib.decompress(content)
        intact, frames = sha256(plain).digest() == digest, unpack(plain)
        found |= {key: Kept(frames[key], digest, intact) for key in wanted[received_at] if key in frames}
    return found


def pack(fixes: Sequence[Fix]) -> bytes:
    """Return the frames of fixes with the index that finds them; a frame that several in a row share is there once."""
    frames, starts, ends = list[bytes](), list[int](), list[int]()
    start = end = 0
    last = b""
    for fix in fixes:
        raw = fix.raw
        if raw is not last and raw != last:
            start, end, last = end, end + len(raw), raw
            frames.append(raw)
        starts.append(start)
        ends.append(end)
    count = len(fixes)
    index = struct.pack(
        f"<I{count}q{count}q{count}I{count}I",
        count, *[fix.device_id for fix in fixes], *[fix.payload_hash for fix in fixes], *starts, *ends,
    )  # fmt: skip
    return b"".join([index, *frames])


def unpack(plain: bytes) -> dict[Key, bytes]:
    """Return the frames that `pack` packed, by device and payload hash."""
    (count,) = _COUNT.unpack_from(plain)
    columns = struct.Struct(f"<{count}q{count}q{count}I{count}I")
    numbers = columns.unpack_from(plain, _COUNT.size)
    frames = plain[_COUNT.size + columns.size :]
    devices, hashes, starts, ends = (numbers[column * count : (column + 1) * count] for column in range(4))
    return {
        (device, payload): frames[start:end]
        for device, payload, start, end in zip(devices, hashes, starts, ends, strict=True)
    }
