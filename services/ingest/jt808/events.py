"""What a terminal said, one value a frame; `phone` is the identity, without padding zeros."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from services.ingest.jt808.framing import Version
from services.ingest.jt808.making import constructor
from services.ingest.jt808.messages.media import MediaEvent
from services.ingest.jt808.messages.position import LocationReport
from services.ingest.jt808.messages.session import Register, Result


@dataclass(frozen=True, slots=True)
class Registering:
    """0x0100: answer with `Terminal.reply_registered`."""

    phone: str
    version: Version
    serial: int
    body: Register
    message_id: ClassVar[int] = 0x0100


@dataclass(frozen=True, slots=True)
class Authenticating:
    """0x0102: call `Terminal.authenticated` if the code is right; `imei` and `software` are empty before 2019."""

    phone: str
    version: Version
    serial: int
    code: str
    imei: str
    software: str
    message_id: ClassVar[int] = 0x0102


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """0x0002."""

    phone: str
    serial: int
    message_id: ClassVar[int] = 0x0002


@dataclass(frozen=True, slots=True)
class Unregistering:
    """0x0003."""

    phone: str
    serial: int
    message_id: ClassVar[int] = 0x0003


@dataclass(frozen=True, slots=True)
class Positions:
    """0x0200, 0x0201, 0x0500, 0x0704: reports with the bytes they were read from.

    `late` ones were kept while the link was down.
    """

    phone: str
    serial: int
    message_id: int
    reports: tuple[tuple[LocationReport, bytes], ...]
    late: bool
    packets: int = 1  # how many packets it came in; their serial numbers count up from `serial`
    answered_serial: int | None = None  # of the platform's message that these answer
    frame: bytes = field(default=b"", compare=False, repr=False)  # as it came, flags included


make_positions = constructor(Positions)


@dataclass(frozen=True, slots=True)
class Media:
    """0x0800, and 0x0801 once it is whole: what was taken, its bytes, and where if the edition says so.

    `frame` is the first of its packets only, which holds the position: the rest of it is the medium itself.
    """

    phone: str
    serial: int
    message_id: int
    body: MediaEvent
    packets: int = 1
    reports: tuple[tuple[LocationReport, bytes], ...] = ()
    frame: bytes = field(default=b"", compare=False, repr=False)
    late: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Other:
    """Any other message of the table, decoded."""

    phone: str
    serial: int
    message_id: int
    body: Any
    packets: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame, or one report of a batch, that was not accepted: why, and the bytes with their flags.

    `reason` is escape, header, checksum, length, encrypted, unauthenticated, unsupported, incomplete (packets
    that never came) or body. The header's fields
    are there if the frame itself was intact.
    """

    reason: str
    detail: str
    frame: bytes
    phone: str | None = None
    serial: int | None = None
    message_id: int | None = None

    @property
    def result(self) -> Result:
        """What to tell the terminal."""
        return _RESULTS.get(self.reason, Result.BAD_MESSAGE)


_RESULTS = {
    "unauthenticated": Result.FAILED,
    "unsupported": Result.UNSUPPORTED,
    "encrypted": Result.UNSUPPORTED,
}

Event = Registering | Authenticating | Heartbeat | Unregistering | Positions | Media | Other | Refused
