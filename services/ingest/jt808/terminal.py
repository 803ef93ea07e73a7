"""The platform's side of one connection with a terminal, without the connection.

    bytes → Splitter → open_frame → gate → Assembly → messages.decode → Event        Event, result → reply → bytes

Nothing but registration, authentication, heartbeat and unregistering passes the gate before the door has called
`authenticated`; after it, only frames of the phone that was authenticated (JT/T 808 5.1, 5.2).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from services.errors import Saying
from services.ingest.jt808 import fields, making, messages
from services.ingest.jt808.events import (
    Authenticating,
    Event,
    Heartbeat,
    Media,
    Other,
    Positions,
    Refused,
    Registering,
    Unregistering,
    make_positions,
)
from services.ingest.jt808.framing import FLAG, Frame, Splitter, Version, close_frame, identity, open_frame
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import media, position, session
from services.ingest.jt808.parts import Assembly, first_packet, split
from services.ingest.jt808.pieces import Pieces

BEFORE_AUTHENTICATION = frozenset({0x0002, 0x0003, 0x0100, 0x0102})
"""Messages that pass the gate at any time."""

ANSWERS = frozenset({0x0001, 0x0005, 0x0104, 0x0107, 0x0201, 0x0302, 0x0500, 0x0608, 0x0700, 0x0802, 0x0805, 0x0A00})
"""Messages that answer one of the platform's, or ask for its packets, and get no general reply."""


_MEDIUM = 0x0801
_PLACE = slice(8, 36)
"""Where the position stands in 0x0801."""

_PACKETED = (Positions, Media, Other)
_make_reply = making.constructor(session.PlatformReply)


class Terminal:
    """One connection's conversation. `receive` says what came, `reply` and `send` say what to write back."""

    __slots__ = ("_assembly", "_authenticating", "_phone", "_pieces", "_protocol", "_serial", "_splitter", "_version")

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._assembly = Assembly()
        self._pieces: Pieces | None = None  # from the first piece on
        self._serial = 0
        self._version = Version.V2013
        self._protocol = 1
        self._authenticating: str | None = None
        self._phone: str | None = None

    @property
    def phone(self) -> str | None:
        """Identity of the terminal, once authenticated."""
        return self._phone

    @property
    def version(self) -> Version:
        """The edition of the standard that the terminal speaks, as far as it has shown."""
        return self._version

    def receive(self, data: bytes, now: datetime) -> Iterator[Event]:
        """What the terminal says with these bytes; whatever they are, nothing is raised.

        The frames are read as the iterator is driven: handle each event, and call `authenticated` where due, before
        asking for the next, so that what follows an authentication in the same bytes is judged by its outcome.
        """
        contents = self._splitter.feed(data)
        return self._said_in(contents, now)

    def authenticated(self, known: Version | None = None) -> None:
        """Open the gate for the phone that authenticated last.

        `known` is the edition it registered with, if the door remembers: the headers of 2011 and 2013 are the same.
        """
        self._phone = self._authenticating
        if known is not None and self._version is not Version.V2019:
            self._version = known

    def reply(self, event: Event, result: session.Result = session.Result.OK) -> bytes:
        """The general reply 0x8001 to write back, one a packet; empty if there is nothing that can be answered."""
        if event.phone is None or event.serial is None or event.message_id is None or event.message_id in ANSWERS:
            return b""
        if not isinstance(event, _PACKETED) or event.packets == 1:
            return self._frame(_make_reply(event.serial, event.message_id, result), event.phone)
        serials = [(event.serial + packet) & 0xFFFF for packet in range(event.packets)]
        return b"".join(self._frame(_make_reply(serial, event.message_id, result), event.phone) for serial in serials)

    def reply_registered(self, event: Registering, result: session.Registration, code: str | None = None) -> bytes:
        """The answer 0x8100 to a registration; result 0 takes a code, the others take none."""
        return self._frame(session.RegisterReply(event.serial, result, code), event.phone)

    def send(self, message: Any) -> bytes:
        """A message of the platform's own; its serial number is `next_serial` as it was before the call."""
        return b"".join(self.packets(message))

    def packets(self, message: Any) -> list[bytes]:
        """A message of the platform's own as the frames to write; their serial numbers count up from `next_serial`."""
        frames = split(self._encode(message, self._phone or self._authenticating or "0"))
        self._serial = (self._serial + len(frames)) & 0xFFFF
        return [close_frame(frame) for frame in frames]

    def ask_again(self, now: datetime) -> bytes:
        """What to write to get packets again that were lost (0x8003); empty if none are missed at the moment."""
        form = session.Resend2019 if self._version is Version.V2019 else session.Resend
        return b"".join(
            self._frame(form(first, numbers), identity(frame.phone))
            for frame, first, numbers in self._assembly.ask_again(now)
        )

    @property
    def next_serial(self) -> int:
        """Serial number of the message that is written next."""
        return self._serial

    def _frame(self, message: Any, phone: str) -> bytes:
        frame = self._encode(message, phone)
        self._serial = (self._serial + 1) & 0xFFFF
        return close_frame(frame)

    def _encode(self, message: Any, phone: str) -> Frame:
        return messages.encode(
            message, phone=phone, serial=self._serial, version=self._version, protocol=self._protocol
        )

    def _said_in(self, contents: list[bytes], now: datetime) -> Iterator[Event]:
        """The events of these frames, after those of messages that will never be whole."""
        for lost in self._assembly.give_up(now):
            yield _refused(RefusedError("incomplete", lost.detail), lost.raw, lost.frame)
        for content in contents:
            yield from self._events(content, now)

    def _events(self, content: bytes, now: datetime) -> Sequence[Event]:
        """What one frame says: one event, but for a batch with bad reports and a packet that others must follow."""
        frame, raw, packets = None, FLAG + content + FLAG, 1
        try:
            frame = open_frame(content)
            phone = self._pass_gate(frame)
            if frame.part:
                packets = frame.part[0]
                whole = self._assembly.add(frame, content, now)
                if whole is None:
                    return ()
                frame, raw = whole
            message = self._read(frame)
        except RefusedError as error:
            return (_refused(error, raw, frame),)
        if isinstance(message, position.LocationReport):
            reports = ((message, frame.body),)
            return (make_positions(phone, frame.serial, frame.message_id, reports, False, packets, None, raw),)
        if isinstance(message, position.PositionReply):
            reports = ((message.report, frame.body[2:]),)
            answered = message.answered_serial
            return (make_positions(phone, frame.serial, frame.message_id, reports, False, packets, answered, raw),)
        if isinstance(message, position.BatchReport):
            return _batch(message, raw, frame, phone, packets)
        if isinstance(message, media.MediaEvent):
            event: Event = _medium(message, raw, frame, phone, packets)
        else:
            event = self._said(message, frame, phone, packets)
        return (event,)

    def _read(self, frame: Frame) -> Any:
        """The message of a frame that passed the gate, if it is one that terminals send."""
        self._version, self._protocol = messages.version_of(frame, self._version), frame.protocol
        message = messages.decode(frame, self._version)
        if frame.message_id & messages.FROM_PLATFORM:
            raise RefusedError(
                "unsupported", "message 0x{message_id} is the platform's to send", message_id=f"{frame.message_id:04x}"
            )
        if frame.message_id == _MEDIUM and isinstance(message, media.MediaData2011):
            self._pieces = self._pieces or Pieces()
            return self._pieces.add(message)
        return message

    def _pass_gate(self, frame: Frame) -> str:
        """The identity of the sender, if it may say this now."""
        phone = identity(frame.phone)
        if phone != self._phone and frame.message_id not in BEFORE_AUTHENTICATION:
            said = {"message_id": f"{frame.message_id:04x}", "phone": phone}
            if self._phone is None:
                raise RefusedError(
                    "unauthenticated", "message 0x{message_id} of {phone}, but nobody is signed in", **said
                )
            raise RefusedError(
                "unauthenticated",
                "message 0x{message_id} of {phone}, but {other} is signed in",
                **said,
                other=self._phone,
            )
        return phone

    def _said(self, message: Any, frame: Frame, phone: str, packets: int) -> Event:
        """The event of a message that is no position."""
        match message:
            case session.Register():
                return Registering(phone, self._version, frame.serial, message)
            case session.Authenticate():
                self._authenticating = phone
                return Authenticating(phone, self._version, frame.serial, message.code, "", "")
            case session.Authenticate2019():
                self._authenticating = phone
                return Authenticating(phone, self._version, frame.serial, message.code, message.imei, message.software)
            case session.Heartbeat():
                return Heartbeat(phone, frame.serial)
            case session.Unregister():
                return Unregistering(phone, frame.serial)
        return Other(phone, frame.serial, frame.message_id, message, packets)


def _batch(batch: position.BatchReport, raw: bytes, frame: Frame, phone: str, packets: int) -> Sequence[Event]:
    """The reports of a batch that can be read, then a refusal for each that can't.

    The terminal gets one answer: the refusals carry no serial number to answer to unless nothing was readable.
    """
    reports, faults = [], []
    for number, item in enumerate(batch.items, 1):
        try:
            reports.append((fields.read(position.LocationReport, item), item))
        except RefusedError as error:
            detail = Saying("report {number} of {total}: {what}", number=number, total=batch.count, what=error.detail)
            faults.append(detail)
    late = batch.kind == position.CATCH_UP
    serial = None if reports else frame.serial
    refusals = [Refused("body", detail, raw, phone, serial, frame.message_id) for detail in faults]
    if refusals and not reports:
        return refusals
    accepted = Positions(phone, frame.serial, frame.message_id, tuple(reports), late, packets, None, raw)
    return (accepted, *refusals)


def _medium(message: media.MediaEvent, raw: bytes, frame: Frame, phone: str, packets: int) -> Media:
    """The event of a medium, with the place where it was taken."""
    if not isinstance(message, media.MediaData):
        return Media(phone, frame.serial, frame.message_id, message, packets)
    reports = ((message.report, frame.body[_PLACE]),)
    return Media(phone, frame.serial, frame.message_id, message, packets, reports, first_packet(raw))


def _refused(error: RefusedError, raw: bytes, frame: Frame | None) -> Refused:
    """The refusal of a frame, with what its header said if it was intact."""
    if frame is None:
        return Refused(error.reason, error.detail, raw)
    return Refused(error.reason, error.detail, raw, identity(frame.phone), frame.serial, frame.message_id)
