"""How far an import got, in a file beside the rejects: whoever was interrupted goes on from there."""

import dataclasses
import json
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Self

from services.errors import InvalidError
from services.ingest import files

_VERSION: Final = 1


class CheckpointError(InvalidError):
    """There is a checkpoint, but not of this file and these options."""


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
    failed: list[str] = field(default_factory=list)  # files of a set that could not be read, or not to their end


@dataclass(slots=True)
class Checkpoint:
    """Files of the set that are finished, rows of the next that are committed, bytes of its reject file, and counts."""

    path: Path
    source: dict[str, Any]
    members: int = 0
    rows: int = 0
    reject_bytes: int = 0
    told: Imported = field(default_factory=Imported)

    @classmethod
    def begin(cls, path: Path, source: Path, options: files.Options, *, resume: bool) -> Self:
        """Begin anew, or where an interrupted import of this very file stopped, if there was one.

        Raises:
            CheckpointError: the checkpoint is of another file, of other options, or broken.
        """
        about = _about(source, options)
        try:
            if not resume:
                path.unlink(missing_ok=True)
            if not path.exists():
                return cls(path, about)
            kept = json.loads(path.read_bytes())
            if kept["version"] != _VERSION or kept["source"] != about:
                raise CheckpointError(f"{path.name} is of another file or of other options: import without --resume.")
            told = Imported(**kept["told"])
            return cls(path, about, kept["members"], kept["rows"], kept["reject_bytes"], told)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path.name} can't be used ({error}): import without --resume.") from error

    def save(self) -> None:
        """Write it, at once or not at all."""
        kept = {
            "version": _VERSION, "source": self.source, "members": self.members, "rows": self.rows,
            "reject_bytes": self.reject_bytes, "told": dataclasses.asdict(self.told),
        }  # fmt: skip
        draft = self.path.with_name(self.path.name + ".new")
        try:
            draft.write_text(json.dumps(kept))
            draft.replace(self.path)
        except OSError as error:
            raise CheckpointError(f"{self.path} can't be written: {error.strerror or error}.") from error

    def next_member(self) -> None:
        """Note that a file of the set is finished."""
        self.members, self.rows, self.reject_bytes = self.members + 1, 0, 0
        self.save()

    def remove(self) -> None:
        """Forget it: the import is finished."""
        self.path.unlink(missing_ok=True)


def _about(source: Path, options: files.Options) -> dict[str, Any]:
    """Return what must not have changed."""
    try:
        state = source.stat()
    except OSError as error:
        raise CheckpointError(f"{source.name} can't be read: {error.strerror or error}.") from error
    said = dataclasses.replace(options, columns=dict(sorted(options.columns.items())))
    digest = blake2b(repr(said).encode(), digest_size=16).hexdigest()
    return {"name": source.name, "size": state.st_size, "mtime_ns": state.st_mtime_ns, "options": digest}
