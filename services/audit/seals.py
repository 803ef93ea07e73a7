"""Sealing the audit trail: every full hour, or part of one, gets a Merkle root, signed, outside the database.

Who can write to the database can make the chain anew. He can't make the seals anew without the key, and can't take
back what was handed on to a second host or a printer. One line of the file, JSON, seals an hour, or as many minutes as
it says from a moment on:

    {"kind":"hour","hour":…,"minutes":60,"entries":n,"first_id":…,"last_id":…,"last_hash":hex,"root":hex,
     "previous":SHA-256 of the line before, hex,"key":SHA-256 of the public key, hex,"signature":base64}

`root` is the Merkle tree hash of RFC 6962, section 2.1, over the hashes of the hour's entries in their order; the
signature (Ed25519) covers the line without itself. `{"kind":"cut","before":…}` says that retention destroyed what was
older; `{"kind":"key","next":hex}` that the lines after it are signed with another key, so that whoever holds the first
public key can follow. A time without entries has no line.
"""

import asyncio
import base64
import fcntl
import json
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, text

from services.audit.trail import Entry, Ledger
from services.db.engine import ReadSession, reading
from services.db.tables.audit import AuditEntry
from services.errors import UnavailableError
from services.settings import Settings

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_HOOK_TIMEOUT_S = 60
_NEXT = ".next"


class SealError(UnavailableError):
    """The trail can't be sealed: the key, the file or the command is at fault."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Where the seals stand, the key that makes them, and the command they are handed on to."""

    file: Path
    key: Ed25519PrivateKey
    hook: str | None = None
    period: timedelta = timedelta(hours=1)

    @classmethod
    def of(cls, settings: Settings) -> "Sealer":
        """Return the sealer of the settings; its key is made on first use, readable by its owner only."""
        folder = settings.data_dir / "audit"
        folder.mkdir(parents=True, exist_ok=True)
        file, key = settings.audit_roots or folder / "roots.jsonl", folder / "seal.key"
        _take_over(key, file)
        return cls(file, _key(key), settings.audit_hook, timedelta(minutes=settings.audit_seal_minutes))

    async def seal(self, ledger: Ledger, now: datetime) -> int:
        """Seal every full period that has no seal yet, hand the new seals on, and return how many there are.

        An entry of its own first moves the chain past the last full period: nothing can come into it any more.

        Raises:
            SealError: the file ends in something that is no seal, or the command failed.
        """
        end = now.astimezone(UTC) - (now - _EPOCH) % self.period
        said = Entry(None, "seal_audit", f"hour:{end.isoformat()}", "operation", None, "allowed", "local")
        await ledger.append(said, at=now)
        with self._alone():
            async with reading(ledger.engine) as db:
                until = self.sealed_until()
                starts = await _periods(db, self.period, until, end)
                for start in starts:
                    seal = await _seal(db, max(start, until or start), start + self.period)
                    await asyncio.to_thread(self._write, seal)
            await self._hand_on()
        return len(starts)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from sealing at the same time.

        Raises:
            SealError: one does.
        """
        with self.file.open("ab") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SealError("Another process seals the trail at this moment.") from error
            yield

    def cut(self, before: datetime) -> None:
        """Say, signed, that the entries before a moment were destroyed because their time was over."""
        with self._alone():
            self._write({"kind": "cut", "before": before.astimezone(UTC).isoformat()})

    def renew_key(self, settings: Settings) -> "Sealer":
        """Say, signed with the present key, which one follows, and return a sealer that has it."""
        key = Ed25519PrivateKey.generate()
        file = settings.data_dir / "audit" / "seal.key"
        with self._alone():
            file.with_suffix(_NEXT).unlink(missing_ok=True)
            _keep(file.with_suffix(_NEXT), key)
            self._write({"kind": "key", "next": key.public_key().public_bytes_raw().hex()})
        return Sealer.of(settings)

    def sealed_until(self) -> datetime | None:
        """Return the end of the last period that is sealed, or None when none is."""
        seals = [line for line in self._lines() if line["kind"] == "hour"]
        return datetime.fromisoformat(seals[-1]["hour"]) + timedelta(minutes=seals[-1]["minutes"]) if seals else None

    def _lines(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in self.file.read_bytes().splitlines()] if self.file.exists() else []
        except ValueError as error:
            raise SealError(
                f"{self.file} holds a line that is no seal. Compare it with the copies handed on."
            ) from error

    def _write(self, seal: dict[str, Any]) -> None:
        lines = self.file.read_bytes().splitlines() if self.file.exists() else []
        public = self.key.public_key().public_bytes_raw()
        seal |= {"previous": sha256(lines[-1] if lines else b"").hexdigest(), "key": sha256(public).hexdigest()}
        signature = self.key.sign(_canonical(seal))
        line = _canonical(seal | {"signature": base64.b64encode(signature).decode()})
        with self.file.open("ab") as out:
            out.write(line + b"\n")
            out.flush()
            os.fsync(out.fileno())

    async def _hand_on(self) -> None:
        """Give the command, on its standard input, the seals it has not had yet."""
        if self.hook is None:
            return
        lines, mark = self.file.read_bytes().splitlines(keepends=True), self.file.with_suffix(".handed")
        had = int(mark.read_text()) if mark.exists() else 0
        if had == len(lines):
            return
        process = await asyncio.create_subprocess_exec(
            *shlex.split(self.hook), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(_HOOK_TIMEOUT_S):
                await process.communicate(b"".join(lines[had:]))
        except TimeoutError:
            process.kill()
            await process.wait()
        if process.returncode:
            raise SealError(f"The command that seals are handed on to ended with {process.returncode}; it runs again.")
        mark.write_text(str(len(lines)))


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of leaves (RFC 6962, section 2.1)."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1  # the largest power of two below their number
    return sha256(b"\x01" + tree_hash(leaves[:half]) + tree_hash(leaves[half:])).digest()


async def _periods(db: ReadSession, period: timedelta, start: datetime | None, end: datetime) -> list[datetime]:
    """Return when the periods begin that have entries from `start` on and are over at `end`."""
    begins = func.date_bin(period, AuditEntry.at, _EPOCH)
    found = select(begins).where(AuditEntry.at < end).group_by(text("1")).order_by(text("1"))
    return list((await db.execute(found.where(AuditEntry.at >= start) if start else found)).scalars())


async def _seal(db: ReadSession, start: datetime, end: datetime) -> dict[str, Any]:
    within = select(AuditEntry.id, AuditEntry.hash).where(AuditEntry.at >= start, AuditEntry.at < end)
    entries = (await db.execute(within.order_by(AuditEntry.id))).all()
    root = await asyncio.to_thread(tree_hash, [entry.hash for entry in entries])
    return {
        "kind": "hour", "hour": start.astimezone(UTC).isoformat(), "minutes": (end - start) // timedelta(minutes=1),
        "entries": len(entries),
        "first_id": entries[0].id, "last_id": entries[-1].id, "last_hash": entries[-1].hash.hex(), "root": root.hex(),
    }  # fmt: skip


def _canonical(seal: dict[str, Any]) -> bytes:
    return json.dumps(seal, sort_keys=True, separators=(",", ":")).encode()


def _keep(file: Path, key: Ed25519PrivateKey) -> None:
    """Write a private key for its owner's eyes only."""
    raw = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:  # noqa: PTH123 -- the mode
        out.write(key.private_bytes(*raw))


def _take_over(file: Path, seals: Path) -> None:
    """Put a key that the seals announced last in the place of the one before; one never announced is thrown away."""
    waiting = file.with_suffix(_NEXT)
    if not waiting.exists():
        return
    public = _key(waiting).public_key().public_bytes_raw().hex().encode()
    lines = seals.read_bytes().splitlines() if seals.exists() else []
    if lines and b'"next":"%b"' % public in lines[-1]:
        waiting.replace(file)
    else:
        waiting.unlink()


def _key(file: Path) -> Ed25519PrivateKey:
    """Return the private key in a file; it is made with its public half beside it when there is none."""
    if not file.exists():
        key = Ed25519PrivateKey.generate()
        _keep(file, key)
        public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        file.with_suffix(".pub").write_bytes(key.public_key().public_bytes(*public))
    kept = serialization.load_pem_private_key(file.read_bytes(), None)
    if not isinstance(kept, Ed25519PrivateKey):
        raise SealError(f"{file} holds no Ed25519 key.")
    return kept
