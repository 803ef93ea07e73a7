"""The raw frames of fixes: what each was read from, kept by the transaction that stores it.

One row of `frame_batch` for a batch, found by the `received_at` that its fixes bear too:

    zlib( count U32 | device ids I64 … | payload hashes I64 … | starts U32 … | ends U32 … | the frames, each once )

and SHA-256 over the bytes before compression. A whole batch packs to a fraction of what its frames would take alone,
and one row more costs the pipeline next to nothing (docs/adr/0016). Frames of one device can be erased: the batch is
packed anew without them, keeps the SHA-256 it was stored under, and names the record of destruction.
"""

import asyncio
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

import psycopg
from sqlalchemy import select, text

from geo.fix import Fix
from services.db.engine import ReadSession, WriteSession
from services.db.tables.tracks import FrameBatch
from services.errors import ConflictError

_KEEP: Final = "INSERT INTO frame_batch (received_at, digest, fixes, content) VALUES (now(), %b, %b, %b)"
_LEAVE: Final = text("""
UPDATE frame_batch batch
SET content = left_over.content, digest_left = left_over.digest_left, erased_by = array_append(erased_by, :record)
FROM unnest(
    CAST(:times AS timestamptz[]), CAST(:digests AS bytea[]), CAST(:contents AS bytea[]), CAST(:digests_left AS bytea[])
) AS left_over (received_at, digest, content, digest_left)
WHERE batch.received_at = left_over.received_at AND batch.digest = left_over.digest
""")
_LEVEL: Final = 1
_AT_A_TIME: Final = 50  # batches that are held in memory when they are packed anew: 20 MB of full ones
_COUNT: Final = struct.Struct("<I")

Key = tuple[int, int]
"""A device's id and a payload's hash."""


class DamagedError(ConflictError):
    """A batch of frames is not what was kept."""


class Told(Protocol):
    """What has a frame: a fix, or an entry of a batch."""

    @property
    def device_id(self) -> int:
        """Whose it is."""

    @property
    def payload_hash(self) -> int:
        """Which of the device's it is."""

    @property
    def raw(self) -> bytes:
        """The frame."""


class Entry(NamedTuple):
    """A line of a batch's index, with its frame."""

    device_id: int
    payload_hash: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame as it came, the SHA-256 under which its batch was kept, and whether the batch is as it was left.

    `erased_by`: the records of destruction by which frames of the batch were erased; `raw` None: this one, too.
    """

    raw: bytes | None
    digest: bytes
    intact: bool
    erased_by: list[int]


async def keep(cursor: psycopg.AsyncCursor[Any], fixes: Sequence[Fix]) -> None:
    """Keep what fixes were read from, in the transaction that stores them; `now()` is their `received_at`."""
    told = [fix for fix in fixes if fix.raw]
    if told:
        plain = pack(told)
        await cursor.execute(_KEEP, (sha256(plain).digest(), len(told), zlib.compress(plain, _LEVEL)))


async def find(db: ReadSession, wanted: Mapping[datetime, Iterable[Key]]) -> dict[Key, Kept]:
    """Return the frames of fixes, given by the time their batch was received; what was not kept is left out."""
    rows = (await db.execute(select(FrameBatch).where(FrameBatch.received_at.in_(wanted)))).scalars().all()
    return await asyncio.to_thread(_open, rows, wanted)


async def erase(db: WriteSession, wanted: Mapping[datetime, AbstractSet[Key]], record: int) -> int:
    """Take frames out of their batches for good, and return how many batches were packed anew.

    A frame that holds several fixes of a device goes with the first of them that does. `record` is the number of the
    destruction, which the batch names from now on. A damaged batch is refused: packed anew it would look whole.

    Raises:
        DamagedError: a batch no longer gives the SHA-256 it was kept under.
    """
    times, changed = sorted(wanted), 0
    for start in range(0, len(times), _AT_A_TIME):
        some = times[start : start + _AT_A_TIME]
        rows = select(FrameBatch).where(FrameBatch.received_at.in_(some)).with_for_update()
        batches = (await db.execute(rows)).scalars().all()
        values = await asyncio.to_thread(_without, batches, wanted)
        await db.execute(_LEAVE, {**values, "record": record})
        changed += len(batches)
        db.expunge_all()
    return changed


def _open(batches: Iterable[FrameBatch], wanted: Mapping[datetime, Iterable[Key]]) -> dict[Key, Kept]:
    found = dict[Key, Kept]()
    for batch in batches:
        plain = zlib.decompress(batch.content)
        intact, frames = _is_intact(batch, plain), {(one.device_id, one.payload_hash): one.raw for one in unpack(plain)}
        found |= {
            key: Kept(frames.get(key), batch.digest, intact, batch.erased_by)
            for key in wanted[batch.received_at]
            if key in frames or batch.erased_by
        }
    return found


def _without(batches: Iterable[FrameBatch], wanted: Mapping[datetime, AbstractSet[Key]]) -> dict[str, list[Any]]:
    """Return, by the names of `_LEAVE`, what is left of batches without the frames of the wanted fixes."""
    left: dict[str, list[Any]] = {"times": [], "digests": [], "contents": [], "digests_left": []}
    for batch in batches:
        plain = zlib.decompress(batch.content)
        if not _is_intact(batch, plain):
            raise DamagedError(
                "The batch of {at} is damaged: have it looked at first.", at=batch.received_at.isoformat()
            )
        entries = unpack(plain)
        gone = {(one.device_id, one.raw) for one in entries if one[:2] in wanted[batch.received_at]}
        plain = pack([one for one in entries if (one.device_id, one.raw) not in gone])
        row = batch.received_at, batch.digest, zlib.compress(plain, _LEVEL), sha256(plain).digest()
        for column, value in zip(left.values(), row, strict=True):
            column.append(value)
    return left


def _is_intact(batch: FrameBatch, plain: bytes) -> bool:
    return sha256(plain).digest() == (batch.digest_left or batch.digest)


def pack(fixes: Sequence[Told]) -> bytes:
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


def unpack(plain: bytes) -> list[Entry]:
    """Return what `pack` packed, in its order."""
    (count,) = _COUNT.unpack_from(plain)
    columns = struct.Struct(f"<{count}q{count}q{count}I{count}I")
    numbers = columns.unpack_from(plain, _COUNT.size)
    frames = plain[_COUNT.size + columns.size :]
    devices, hashes, starts, ends = (numbers[column * count : (column + 1) * count] for column in range(4))
    return [
        Entry(device, payload, frames[start:end])
        for device, payload, start, end in zip(devices, hashes, starts, ends, strict=True)
    ]
