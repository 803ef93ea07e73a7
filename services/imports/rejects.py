"""Where bad rows go: a CSV file that exists only if there are any."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from services.errors import InvalidError
from services.ingest import files
from services.sheets import Sheet


class RejectFileError(InvalidError):
    """The bad rows can't be written where they should go."""


class RejectFile(AbstractContextManager["RejectFile"]):
    """One file of bad rows: line, reason, and the row's own columns. `keep` bytes of an earlier run stay in it."""

    def __init__(self, path: Path, source: Path, columns: Sequence[str], *, keep: int = 0) -> None:
        if path.resolve() == source.resolve():
            raise RejectFileError("The reject file would overwrite the file itself.")
        self._path, self._columns = path, ("line", "reason", *columns)
        self._file: IO[str] | None = None
        with self._explained():
            if keep:
                with path.open("r+b") as file:
                    file.truncate(keep)
            else:
                path.unlink(missing_ok=True)
        self.size = keep  # in bytes

    def write(self, bad: Sequence[files.Rejected]) -> int:
        """Write rows and return how many."""
        if bad:
            with self._explained():
                file = self._open()
                sheet = Sheet(file)
                if self.size == 0:
                    sheet.add(self._columns)
                for row in bad:
                    values = {**row.values, "line": row.line, "reason": row.reason}
                    sheet.add(values.get(column, "") for column in self._columns)
                file.flush()
                self.size = self._path.stat().st_size
        return len(bad)

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self._file:
            with self._explained():
                self._file.close()

    def _open(self) -> IO[str]:
        if self._file is None:
            self._file = self._path.open("a", newline="", encoding="utf-8-sig")  # Excel wants the mark
        return self._file

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RejectFileError(f"{self._path} can't be written: {error.strerror or error}.") from error


def for_member(path: Path, member: str) -> Path:
    """Return where the bad rows of one file of a set go: beside those of the set, under its name."""
    name = "-".join(PurePosixPath(member).parts)
    return path.with_name(f"{path.stem}.{name}{path.suffix}") if member else path
