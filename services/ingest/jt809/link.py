"""One link between two platforms, without its socket: bytes in, what was said out; serial numbers and silence kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt809 import messages
from services.ingest.jt809.framing import V2011, V2019, Cipher, Edition, Frame, Splitter, close_frame, open_frame

IDLE = timedelta(minutes=1)
"""The client of a link that has sent nothing for this long sends a link test."""

SILENCE = timedelta(minutes=3)
"""A link on which nothing was heard for this long is dropped."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was heard, and the bytes it came in."""

    frame: Frame
    message: Any
    piece: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A frame that can't be read yet: set the link's edition and cipher, by its access code, then `Link.unseal` it."""

    frame: Frame
    piece: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that were not accepted: the reason as one word, a sentence, the bytes. They close nothing."""

    reason: str
    detail: str
    piece: bytes


Event = Said | Sealed | Refused


class Link:
    """The state of one connection."""

    __slots__ = ("_serial", "_splitter", "access_code", "cipher", "edition", "heard_at", "key", "spoke_at")

    def __init__(
        self,
        access_code: int,
        now: datetime,
        *,
        edition: Edition | None = V2011,
        cipher: Cipher | None = None,
        key: int = 1,
    ) -> None:
        """Begin; `key` starts the cipher of what is sent, if there is one. Without an edition every frame is sealed."""
        self.access_code, self.edition, self.cipher, self.key = access_code, edition, cipher, key
        self.heard_at = self.spoke_at = now
        self._splitter = Splitter()
        self._serial = 0

    def receive(self, data: bytes, now: datetime) -> Iterator[Event]:
        """What is said with these bytes; whatever they are, nothing is raised.

        Frames are read as the iterator is driven, so that a cipher set in between is used for the next one.
        """
        self.heard_at = now
        for piece in self._splitter.feed(data):
            yield self._hear(piece)

    def unseal(self, sealed: Sealed) -> Event:
        """Read a sealed frame with the cipher that is known now."""
        return self._hear(sealed.piece)

    def send(self, message: Any, now: datetime) -> bytes:
        """The frame to write. Raises InvalidError when a value does not fit its field."""
        edition = self.edition or V2011
        message_id, body = messages.encode(message, edition)
        frame = Frame(
            message_id,
            self._serial,
            self.access_code,
            body,
            encrypted=self.cipher is not None,
            key=self.key if self.cipher else 0,
            sent_at=now if edition is V2019 else None,
        )
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        self.spoke_at = now
        return close_frame(frame, edition, self.cipher)

    def _hear(self, piece: bytes) -> Event:
        try:
            frame = open_frame(piece, self.edition or V2011, self.cipher)
            if frame.sealed or self.edition is None:
                return Sealed(frame, piece)
            return Said(frame, messages.decode(frame, self.edition), piece)
        except RefusedError as error:
            return Refused(error.reason, error.detail, piece)
