"""Sets of files in one ZIP archive, and KMZ: what is inside, within limits that no honest archive reaches."""

import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from services.ingest.rows.values import FileError

ARCHIVES: Final = (".zip", ".kmz")
MAX_MEMBERS: Final = 10_000
MAX_UNPACKED: Final = 64 << 30
MAX_RATIO: Final = 200
"""Tracks pack to a tenth or so, DEFLATE's best is 1,032: what packs far better than tracks is no tracks, but a bomb."""

_ALWAYS_FINE: Final = 16 << 20
_ENCRYPTED: Final = 0x1


def is_archive(path: Path) -> bool:
    """Whether a file is a set by its name."""
    return path.suffix.lower() in ARCHIVES


def members(path: Path) -> tuple[str, ...]:
    """Return the names of the files in an archive, in the order they stand there.

    Raises:
        FileError: too many, too large, packed too well, encrypted.
        OSError, zipfile.BadZipFile: it can't be read.
    """
    with zipfile.ZipFile(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
    total = sum(info.file_size for info in files)
    if len(files) > MAX_MEMBERS:
        raise FileError(f"The archive holds more than {MAX_MEMBERS:,} files.")
    if total > MAX_UNPACKED or total > max(MAX_RATIO * path.stat().st_size, _ALWAYS_FINE):
        raise FileError(f"The archive would unpack to {total:,} bytes: more than tracks ever do.")
    if any(info.flag_bits & _ENCRYPTED for info in files):
        raise FileError("The archive is encrypted.")
    return tuple(info.filename for info in sorted(files, key=lambda info: info.header_offset))


def open_member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Open one file for reading. It yields as many bytes as the archive declares, and no more."""
    file: BinaryIO = archive.open(name)  # type: ignore[assignment]
    return file


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
