"""Checking the audit trail with nothing of what writes it: plain SQL, SHA-256 and Ed25519, by the written format.

Finds an edit, a deletion, a reordering and a truncation; a whole chain made anew is found by the signed seals. What
the seals don't cover yet, the running hour or part of it, is held by the chain alone. The format: docs/adr/0065.
"""

import base64
import binascii
import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.errors import InvalidError, Saying

COLUMNS = ("id", "at", "account_id", "act", "target", "purpose", "case_no", "outcome", "rows", "remote")
_SAID = COLUMNS[1:]
_ORDER = "SELECT {} FROM audit ORDER BY id"
_AT_A_TIME = 2000
Row = dict[str, Any]


class UnreadableError(InvalidError):
    """A file of seals, a key or an export is not what it should be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written: edit, gap, order, hour, seal, unsealed; and where."""

    kind: str
    where: str
    sentence: Saying


@dataclass(slots=True)
class Report:
    """What was checked, and what was found."""

    entries: int = 0
    hours: int = 0
    seals: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    def find(self, kind: str, where: object, sentence: Saying) -> None:
        """Add a finding."""
        self.findings.append(Finding(kind, str(where), sentence))


def verify(rows: Iterable[Row], seals: Iterable[bytes] | None, key: Ed25519PublicKey | None) -> Report:
    """Check rows in the order of their ids against each other and, where given, the lines of the seals."""
    report = Report()
    if seals is None or key is None:
        _check_chain(report, rows, {bytes(32)})
        return report
    sealed, cut_at = _read_seals(report, seals, key)
    hours = _check_chain(report, rows, _starts(sealed, cut_at), sealed)
    _check_hours(report, hours, sealed, cut_at)
    return report


def read_database(url: str, options: str | None = None) -> Iterator[Row]:
    """Yield the entries of a database, in order, without keeping them all in memory.

    `options` are libpq's, in the place of the address's: as whom the trail is read.
    """
    names = [*COLUMNS, "previous_hash", "hash"]
    with psycopg.connect(url, options=options) as connection, connection.cursor("audit_verify") as cursor:
        cursor.itersize = _AT_A_TIME
        cursor.execute(_ORDER.format(", ".join(names)))
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            yield row | {"at": _stamp(row["at"])}


def read_export(file: Path) -> Iterator[Row]:
    """Yield the entries of an exported trail.

    Raises:
        UnreadableError: a line is not an entry.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                hashes = {name: bytes.fromhex(row[name]) for name in ("previous_hash", "hash")}
                yield {name: row[name] for name in COLUMNS} | hashes
            except (ValueError, KeyError, TypeError) as error:
                raise UnreadableError(
                    "{file}, line {number}, is not an entry of the trail.", file=str(file), number=number
                ) from error


def write_export(url: str, file: Path) -> int:
    """Write the trail of a database into a file, one JSON object a line; return how many entries there are."""
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for count, row in enumerate(read_database(url), 1):  # noqa: B007 -- the last number is the count
            hashes = {name: bytes(row[name]).hex() for name in ("previous_hash", "hash")}
            out.write(json.dumps(row | hashes, ensure_ascii=False) + "\n")
    return count


def read_key(file: Path) -> Ed25519PublicKey:
    """Return the public key in a PEM file.

    Raises:
        UnreadableError: there is none.
    """
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableError("{file} holds no public key.", file=str(file)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise UnreadableError("{file} holds no Ed25519 key.", file=str(file))
    return key


def read_seals(file: Path) -> list[Row]:
    """Return what the lines of the seals say, unchecked; none when there is no file.

    Raises:
        UnreadableError: a line says nothing.
    """
    try:
        return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []
    except ValueError as error:
        raise UnreadableError("{file} holds a line that is no seal.", file=file.name) from error


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _hash_of(row: Row) -> bytes:
    said = {name: row[name] for name in _SAID if name != "rows" or row["rows"] is not None}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(bytes(row["previous_hash"]) + text.encode()).digest()


def _starts(sealed: dict[str, Row], cut_at: str | None) -> set[bytes]:
    """Return the hashes the first entry may follow: none, or the end of an hour that retention destroyed."""
    gone = [bytes.fromhex(seal["last_hash"]) for hour, seal in sealed.items() if cut_at and hour < cut_at]
    return {bytes(32), *gone}


def _check_chain(
    report: Report, rows: Iterable[Row], starts: set[bytes], sealed: dict[str, Row] | None = None
) -> "_Hours":
    """Check that each entry follows from the one before; return what stands under each seal, and in each hour."""
    hours = _Hours(sealed or {})
    last: Row | None = None
    for row in rows:
        at, entry = row["at"], row["id"]
        ends = starts if last is None else {bytes(last["hash"])}
        if last is None or last["at"][:10] != at[:10]:
            ends = {hashlib.sha256(at[:10].encode() + end).digest() for end in ends}
        if last and at < last["at"]:
            report.find("order", entry, Saying("Entry {entry} is earlier than the one before it.", entry=entry))
        if bytes(row["previous_hash"]) not in ends:
            before = Saying("entry {entry}", entry=last["id"]) if last else Saying("the beginning")
            said = Saying(
                "Between {before} and entry {entry} something is missing or moved.", before=before, entry=entry
            )
            report.find("gap", entry, said)
        if _hash_of(row) != bytes(row["hash"]):
            said = Saying("Entry {entry} does not say what it said when it was written.", entry=entry)
            report.find("edit", entry, said)
        last = row
        hours.add(at, bytes(row["hash"]))
        report.entries += 1
        report.first_at = report.first_at or datetime.fromisoformat(at)
        report.last_at = datetime.fromisoformat(at)
    hours.close()
    report.hours = len({start[:13] for start in hours.found})
    return hours


class _Hours:
    """How many entries stand under each seal, or in each hour without, and the root over them.

    Keeps the hashes of one at a time. The key is when it begins: 2026-05-01T10:20 of a seal, 2026-05-01T10 of an hour.
    """

    def __init__(self, sealed: dict[str, Row]) -> None:
        self.found: dict[str, tuple[int, str]] = {}
        self._hour, self._leaves = "", list[bytes]()
        self._starts = sorted(start[:16] for start in sealed)
        self._ends = {start[:16]: _end(seal)[:16] for start, seal in sealed.items()}

    def add(self, at: str, leaf: bytes) -> None:
        hour = self._of(at[:16])
        if hour != self._hour:
            self.close()
            self._hour = hour
        self._leaves.append(leaf)

    def _of(self, minute: str) -> str:
        place = bisect_right(self._starts, minute) - 1
        start = self._starts[place] if place >= 0 else ""
        return start if start and minute < self._ends[start] else minute[:13]

    def close(self) -> None:
        if self._leaves:
            torn = self._hour in self.found  # entries of another hour stood between: no root fits
            count = self.found.get(self._hour, (0, ""))[0] + len(self._leaves)
            self.found[self._hour] = count, "" if torn else _root(self._leaves).hex()
        self._leaves = []


def _check_hours(report: Report, hours: _Hours, sealed: dict[str, Row], cut_at: str | None) -> None:
    """Compare each sealed hour with what is there, and look for hours that should be sealed and are not."""
    for hour, seal in sealed.items():
        count, root = hours.found.get(hour[:16], (0, ""))
        if cut_at and hour < cut_at:
            continue
        if count != seal["entries"]:
            said = Saying(
                "The time from {start} to {end} was sealed with {entries} entries and has {count}.",
                **_span(seal), entries=seal["entries"], count=count,
            )  # fmt: skip
            report.find("hour", hour, said)
        elif root != seal["root"]:
            said = Saying("The time from {start} to {end} does not hold the entries that were sealed.", **_span(seal))
            report.find("hour", hour, said)
    newest = report.last_at.astimezone(UTC) - timedelta(hours=1) if report.last_at else None
    known = {start[:16] for start in sealed}
    for hour in hours.found:
        if hour not in known and newest and hour < newest.isoformat()[:13]:
            said = Saying("The hour {hour} has no seal: nobody sealed it, or its seal was taken away.", hour=hour)
            report.find("unsealed", hour, said)


def _end(seal: Row) -> str:
    return (datetime.fromisoformat(seal["hour"]) + timedelta(minutes=seal["minutes"])).isoformat()


def _span(seal: Row) -> dict[str, str]:
    return {"start": seal["hour"][:16], "end": _end(seal)[:16]}


def _root(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash (RFC 6962, section 2.1), level by level: an odd last node rises as it is."""
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0] if level else hashlib.sha256().digest()


def _read_seals(report: Report, lines: Iterable[bytes], key: Ed25519PublicKey) -> tuple[dict[str, Row], str | None]:
    """Return the good seals by hour, and up to when retention destroyed; report those that are not good.

    `key` is the first one's; a seal may say which follows.
    """
    sealed: dict[str, Row] = {}
    cut_at, before = None, b""
    for number, line in enumerate((line.rstrip(b"\n") for line in lines), 1):
        seal = _open_seal(line, key)
        if seal is None:
            report.find("seal", number, Saying("Line {line} of the seals is not signed by this key.", line=number))
        else:
            report.seals += 1
            if seal["previous"] != hashlib.sha256(before).hexdigest():
                said = Saying("Before line {line} of the seals something is missing or changed.", line=number)
                report.find("seal", number, said)
            if seal["kind"] == "cut":
                cut_at = max(cut_at or "", seal["before"])
            elif seal["kind"] == "key":
                key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal["next"]))
            elif sealed and seal["hour"] <= max(sealed):
                report.find("seal", number, Saying("Line {line} of the seals is out of order.", line=number))
            else:
                sealed[seal["hour"]] = seal
        before = line
    return sealed, cut_at


def _open_seal(line: bytes, key: Ed25519PublicKey) -> Row | None:
    """Return what a line says if its signature holds."""
    try:
        seal: Row = json.loads(line)
        signature = base64.b64decode(seal.pop("signature"))
        key.verify(signature, json.dumps(seal, sort_keys=True, separators=(",", ":")).encode())
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, InvalidSignature):
        return None
    return seal
