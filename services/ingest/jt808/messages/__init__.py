"""The table of all messages, and the way from a frame to a message and back."""

from typing import Any

from services.errors import InvalidError
from services.ingest.jt808 import fields
from services.ingest.jt808.framing import V2011, V2013, V2019, Frame, Version
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import control, position, session

ALL = (V2011, V2013, V2019)

TABLE: tuple[tuple[int, tuple[Version, ...], type], ...] = (
    # terminal to platform
    (0x0001, ALL, session.TerminalReply),
    (0x0002, ALL, session.Heartbeat),
    (0x0003, ALL, session.Unregister),
    (0x0100, (V2011,), session.Register2011),
    (0x0100, (V2013,), session.Register),
    (0x0100, (V2019,), session.Register2019),
    (0x0102, (V2011, V2013), session.Authenticate),
    (0x0102, (V2019,), session.Authenticate2019),
    (0x0200, ALL, position.LocationReport),
    (0x0704, (V2013, V2019), position.BatchReport),
    # platform to terminal
    (0x8001, ALL, session.PlatformReply),
    (0x8100, ALL, session.RegisterReply),
    (0x8103, (V2011,), control.SetParameters2011),
    (0x8103, (V2013, V2019), control.SetParameters),
    (0x8201, ALL, position.QueryPosition),
    (0x8300, (V2011, V2013), control.Text),
    (0x8300, (V2019,), control.Text2019),
)
"""Message id, the editions it stands in, and its class. A message more is a class and a line more."""

FROM_PLATFORM = 0x8000
"""Bit of a message id that tells the direction."""

CLASSES = {(message_id, version): message for message_id, versions, message in TABLE for version in versions}
IDS = {message: message_id for message_id, _, message in TABLE}
"""Classes that serve two ids do not exist: the id follows from the class."""

_REGISTER = 0x0100
_REGISTER_2013_SIZE = 37
_REGISTER_2011_COLOR, _REGISTER_2013_COLOR = 24, 36
_COLORS = (*range(1, 6), 9)
"""Plate colours of JT/T 415: blue, yellow, black, white, green, other."""


def version_of(frame: Frame, known: Version | None = None) -> Version:
    """The edition a frame is written in.

    2019 shows in the header. 2011 and 2013 differ in the body of a registration only: it is of 2011 when it is too
    short for 2013, or when a plate colour stands where 2011 has it and none where 2013 has it. For any other message
    it is what is `known` of the terminal, else 2013.
    """
    if frame.version is V2019:
        return V2019
    if frame.message_id == _REGISTER:
        body = frame.body
        short = len(body) < _REGISTER_2013_SIZE
        return (
            V2011
            if short or (_colored(body, _REGISTER_2011_COLOR) and not _colored(body, _REGISTER_2013_COLOR))
            else V2013
        )
    return V2011 if known is V2011 else V2013


def _colored(body: bytes, offset: int) -> bool:
    """Whether the byte is a plate colour or, as 0, the mark of a vehicle without plate."""
    return body[offset] in _COLORS or (body[offset] == 0 and body[offset + 1 :].isalnum())


def knows(frame: Frame, known: Version | None = None) -> bool:
    """Whether the table has this message in this edition."""
    return (frame.message_id, version_of(frame, known)) in CLASSES


def decode(frame: Frame, known: Version | None = None) -> Any:
    """The message in a frame.

    Raises:
        RefusedError: "unsupported" for an id that is not in the table or one packet of several, "body" for a body
            that is not what the table says.
    """
    if frame.part:
        raise RefusedError("unsupported", "packet {1} of {0}: put the packets together first".format(*frame.part))
    message = CLASSES.get((frame.message_id, version_of(frame, known)))
    if message is None:
        raise RefusedError("unsupported", f"message 0x{frame.message_id:04x} is not known")
    return fields.read(message, frame.body)


def encode(message: Any, *, phone: str, serial: int, version: Version = V2013, protocol: int = 1) -> Frame:
    """A message as a frame of the given edition, either direction.

    Raises:
        InvalidError: the edition has another form of this message, or a value does not fit its field.
    """
    message_id = IDS[type(message)]
    if CLASSES.get((message_id, version)) is not type(message):
        raise InvalidError(f"{type(message).__name__} is not how {version} writes message 0x{message_id:04x}")
    return Frame(message_id, version, phone, serial & 0xFFFF, fields.write(message), protocol=protocol)
