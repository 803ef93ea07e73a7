"""Messages that come in several packets (JT/T 808 4.4.3): each is kept until all are there, within a limit.

Packets of one message have consecutive serial numbers, so (message id, serial of packet 1, packets) names the message.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.errors import Saying
from services.ingest.jt808.framing import FLAG, MAX_BODY, Frame, open_frame
from services.ingest.jt808.kinds import RefusedError

MAX_BYTES = 1 << 20
"""Most bytes of unfinished messages that one terminal may keep us holding."""

PATIENCE = timedelta(seconds=120)
"""An unfinished message that gets no packet for this long is given up."""

ASK_AFTER = timedelta(seconds=5)
"""An unfinished message that gets no packet for this long has lost some: they are asked for again."""

MAX_ASKED = 3
"""How often packets are asked for before the message is left to `PATIENCE`."""

MAX_NUMBERS = 255
"""Packets that one request names at most: their count is a BYTE before 2019."""

Key = tuple[int, int, int]


@dataclass(slots=True)
class _Unfinished:
    """A message in the making: bodies by packet number, and the packets as they came."""

    frame: Frame
    total: int
    touched: datetime
    asked: int = 0
    bodies: dict[int, bytes] = field(default_factory=dict)
    contents: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(map(len, self.contents)) + sum(map(len, self.bodies.values()))

    @property
    def raw(self) -> bytes:
        """The packets as a stream, flags shared."""
        return FLAG + FLAG.join(self.contents) + FLAG


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message that never became whole."""

    frame: Frame
    detail: str
    raw: bytes


class Assembly:
    """The unfinished messages of one terminal."""

    __slots__ = ("_unfinished",)

    def __init__(self) -> None:
        self._unfinished: dict[Key, _Unfinished] = {}

    def add(self, frame: Frame, content: bytes, now: datetime) -> tuple[Frame, bytes] | None:
        """The whole message and its packets if this was the last missing one; its serial is that of packet 1.

        Raises RefusedError "header" for an impossible packet number, "length" for a message beyond `MAX_BYTES`.
        """
        total, number = frame.part or (1, 1)
        if not 1 <= number <= total:
            raise RefusedError("header", "packet {number} of {total}", number=number, total=total)
        if total * MAX_BODY > MAX_BYTES:
            raise RefusedError("length", "{total} packets can be more than {most} bytes", total=total, most=MAX_BYTES)
        first = (frame.serial - number + 1) & 0xFFFF
        key = (frame.message_id, first, total)
        message = self._unfinished.setdefault(key, _Unfinished(frame, total, now))
        message.touched = now
        if number not in message.bodies:
            message.bodies[number] = frame.body
            message.contents.append(content)
            message.asked = 0
        if len(message.bodies) < total:
            return None
        del self._unfinished[key]
        body = b"".join(message.bodies[each] for each in range(1, total + 1))
        whole = Frame(frame.message_id, frame.version, frame.phone, first, body, None, frame.protocol)
        return whole, message.raw

    def ask_again(self, now: datetime) -> Iterator[tuple[Frame, int, tuple[int, ...]]]:
        """What to ask for again (0x8003): a packet that came, the serial of packet 1, the numbers missing."""
        for (_, first, _), message in self._unfinished.items():
            if message.asked < MAX_ASKED and now - message.touched > ASK_AFTER * (message.asked + 1):
                message.asked += 1
                yield message.frame, first, tuple(_missing_numbers(message)[:MAX_NUMBERS])

    def give_up(self, now: datetime) -> Iterator[GivenUp]:
        """Drop what waited too long and, oldest first, what is too much to hold."""
        held = sum(message.size for message in self._unfinished.values())
        for key, message in sorted(self._unfinished.items(), key=lambda pair: pair[1].touched):
            if held <= MAX_BYTES and now - message.touched <= PATIENCE:
                return
            del self._unfinished[key]
            held -= message.size
            yield GivenUp(message.frame, _missing(message), message.raw)


def _missing(message: _Unfinished) -> str:
    """Which packets never came."""
    numbers = _missing_numbers(message)
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")  # noqa: PLR2004
    return Saying("of {total} packets these never came: {shown}", total=message.total, shown=shown)


def _missing_numbers(message: _Unfinished) -> list[int]:
    return [each for each in range(1, message.total + 1) if each not in message.bodies]


def first_packet(raw: bytes) -> bytes:
    """Of the packets of one message, as they came in whichever order, the one that its body begins in."""
    contents = [content for content in raw.split(FLAG) if content]
    first = min(contents, key=lambda content: (open_frame(content).part or (1, 1))[1])
    return FLAG + first + FLAG


def split(frame: Frame) -> list[Frame]:
    """A frame as the packets to send it in: itself if its body fits one, else parts with consecutive serial numbers."""
    pieces = [frame.body[start : start + MAX_BODY] for start in range(0, len(frame.body), MAX_BODY)]
    if len(pieces) <= 1:
        return [frame]
    return [
        replace(frame, serial=(frame.serial + number) & 0xFFFF, body=piece, part=(len(pieces), number + 1))
        for number, piece in enumerate(pieces)
    ]
