"""The table of all messages, and the way from a frame to a message and back."""

from typing import Any

from services.errors import InvalidError
from services.ingest.jt808 import fields
from services.ingest.jt808.framing import V2011, V2013, V2019, Frame, Version, make_frame
from services.ingest.jt808.kinds import RefusedError
from services.ingest.jt808.messages import areas, control, media, position, session, texts

ALL = (V2011, V2013, V2019)

OLD, NEW, SINCE_2013 = (V2011, V2013), (V2019,), (V2013, V2019)

TABLE: tuple[tuple[int, tuple[Version, ...], type], ...] = (
    # terminal to platform
    (0x0001, ALL, session.TerminalReply),
    (0x0002, ALL, session.Heartbeat),
    (0x0003, ALL, session.Unregister),
    (0x0004, NEW, session.QueryTime),
    (0x0005, NEW, session.TerminalResend),
    (0x0100, (V2011,), session.Register2011),
    (0x0100, (V2013,), session.Register),
    (0x0100, NEW, session.Register2019),
    (0x0102, OLD, session.Authenticate),
    (0x0102, NEW, session.Authenticate2019),
    (0x0104, (V2011,), control.Parameters2011),
    (0x0104, SINCE_2013, control.Parameters),
    (0x0107, OLD, control.Attributes),
    (0x0107, NEW, control.Attributes2019),
    (0x0108, ALL, control.UpgradeResult),
    (0x0200, ALL, position.LocationReport),
    (0x0201, ALL, position.PositionReply),
    (0x0301, ALL, texts.EventReport),
    (0x0302, ALL, texts.Answer),
    (0x0303, ALL, texts.InfoOrder),
    (0x0500, ALL, position.VehicleReply),
    (0x0608, NEW, areas.Areas),
    (0x0700, ALL, media.RecorderData),
    (0x0701, ALL, media.Waybill),
    (0x0702, SINCE_2013, media.DriverCard),
    (0x0704, SINCE_2013, position.BatchReport),
    (0x0705, ALL, media.CanData),
    (0x0800, ALL, media.MediaEvent),
    (0x0801, (V2011,), media.MediaData2011),
    (0x0801, SINCE_2013, media.MediaData),
    (0x0900, ALL, media.PassThrough),
    (0x0901, ALL, media.Compressed),
    (0x0A00, ALL, media.TerminalKey),
    # platform to terminal
    (0x8001, ALL, session.PlatformReply),
    (0x8003, OLD, session.Resend),
    (0x8003, NEW, session.Resend2019),
    (0x8004, NEW, session.ServerTime),
    (0x8100, ALL, session.RegisterReply),
    (0x8103, (V2011,), control.SetParameters2011),
    (0x8103, SINCE_2013, control.SetParameters),
    (0x8104, ALL, control.QueryParameters),
    (0x8105, ALL, control.Control),
    (0x8106, ALL, control.QuerySomeParameters),
    (0x8107, ALL, control.QueryAttributes),
    (0x8201, ALL, position.QueryPosition),
    (0x8202, ALL, position.Track),
    (0x8203, ALL, position.ConfirmAlarm),
    (0x8204, NEW, session.LinkCheck),
    (0x8300, OLD, texts.Text),
    (0x8300, NEW, texts.Text2019),
    (0x8500, OLD, control.ControlVehicle),
    (0x8500, NEW, control.ControlVehicle2019),
    (0x8600, OLD, areas.SetCircles),
    (0x8600, NEW, areas.SetCircles2019),
    (0x8601, ALL, areas.DeleteCircles),
    (0x8602, OLD, areas.SetRectangles),
    (0x8602, NEW, areas.SetRectangles2019),
    (0x8603, ALL, areas.DeleteRectangles),
    (0x8604, OLD, areas.SetPolygon),
    (0x8604, NEW, areas.SetPolygon2019),
    (0x8605, ALL, areas.DeletePolygons),
    (0x8606, OLD, areas.SetRoute),
    (0x8606, NEW, areas.SetRoute2019),
    (0x8607, ALL, areas.DeleteRoutes),
    (0x8608, NEW, areas.QueryAreas),
    (0x8702, ALL, media.QueryDriver),
    (0x8800, ALL, media.MediaReply),
    (0x8801, ALL, media.Shoot),
    (0x8802, ALL, media.SearchMedia),
    (0x8803, ALL, media.UploadMedia),
    (0x8804, ALL, media.Record),
    (0x8805, ALL, media.UploadOne),
    (0x8900, ALL, media.PassDown),
    (0x8A00, ALL, media.PlatformKey),
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
        raise RefusedError(
            "unsupported",
            "packet {number} of {total}: put the packets together first",
            number=frame.part[1],
            total=frame.part[0],
        )
    message = CLASSES.get((frame.message_id, version_of(frame, known)))
    if message is None:
        raise RefusedError("unsupported", "message 0x{message_id} is not known", message_id=f"{frame.message_id:04x}")
    return fields.read(message, frame.body)


def encode(message: Any, *, phone: str, serial: int, version: Version = V2013, protocol: int = 1) -> Frame:
    """A message as a frame of the given edition, either direction.

    Raises:
        InvalidError: the edition has another form of this message, or a value does not fit its field.
    """
    message_id = IDS[type(message)]
    if CLASSES.get((message_id, version)) is not type(message):
        raise InvalidError(
            "{message} is not how {version} writes message 0x{message_id}",
            message=type(message).__name__,
            version=version,
            message_id=f"{message_id:04x}",
        )
    return make_frame(message_id, version, phone, serial & 0xFFFF, fields.write(message), None, protocol)
