"""Media that a terminal of 2011 uploads in packets of its own count (0x0801 of 2011), beside those of the header.

Each piece is a message with a serial number of its own and is answered as one. Pieces are kept in memory only, so what
tells the terminal that the whole is safe is 0x8800, which goes out after the commit.
"""

from dataclasses import dataclass, field, replace

from services.ingest.jt808.framing import MAX_BODY
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages.media import MediaData2011
from services.ingest.jt808.parts import MAX_BYTES, MAX_NUMBERS


@dataclass(frozen=True, slots=True)
class Piece:
    """What is left to say of a piece that was put with the others: of which medium, and which others have not come.

    `missing` is None while the terminal is still sending: only its last piece ends that.
    """

    id: int
    missing: tuple[int, ...] | None


@dataclass(slots=True)
class _Upload:
    """One medium in the making."""

    total: int
    data: dict[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(map(len, self.data.values()))

    def missing(self) -> tuple[int, ...]:
        """The pieces that have not come, as many as one request names."""
        return tuple(number for number in range(1, self.total + 1) if number not in self.data)[:MAX_NUMBERS]


class Pieces:
    """The unfinished media of one terminal, by their number; the newest are kept when they grow too large."""

    __slots__ = ("_uploads",)

    def __init__(self) -> None:
        self._uploads: dict[int, _Upload] = {}

    def add(self, piece: MediaData2011) -> MediaData2011 | Piece:
        """The whole medium if this was the last missing piece, else what is to be said of the piece.

        Raises:
            RefusedError: "body" for an impossible piece number, "length" for more than `MAX_BYTES`.
        """
        if not 1 <= piece.packet <= piece.packets:
            raise RefusedError("body", "piece {number} of {total}", number=piece.packet, total=piece.packets)
        if piece.packets * MAX_BODY > MAX_BYTES:
            raise RefusedError(
                "length", "{total} pieces can be more than {most} bytes", total=piece.packets, most=MAX_BYTES
            )
        upload = self._uploads.pop(piece.id, None)
        if upload is None or upload.total != piece.packets:
            upload = _Upload(piece.packets)
        upload.data[piece.packet] = piece.data
        if len(upload.data) == piece.packets:
            data = b"".join(upload.data[number] for number in range(1, piece.packets + 1))
            return replace(piece, packet=piece.packets, data=data)
        self._uploads[piece.id] = upload  # the newest stands last
        while sum(each.size for each in self._uploads.values()) > MAX_BYTES:
            del self._uploads[next(iter(self._uploads))]
        return Piece(piece.id, upload.missing() if piece.packet == piece.packets else None)
