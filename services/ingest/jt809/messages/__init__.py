"""The tables of all messages, and the way from a frame to a message and back.

A message is either plain, or encloses a sub message:
    vehicle groups    plate BYTE[21] | colour BYTE | sub type WORD | length DWORD | data
    other groups                                     sub type WORD | length DWORD | data
Some answers of 2019 name what they answer before the length:
                      sub type | type answered WORD | its serial DWORD | length | data
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.errors import InvalidError
from services.ingest.jt808 import fields
from services.ingest.jt808.kinds import RefusedError, fit, malformed, read_text, write_text
from services.ingest.jt809.framing import V2011, V2019, Edition, Frame
from services.ingest.jt809.messages import platform, session, vehicle
from services.ingest.jt809.messages.kinds import PLATE_SIZE
from services.ingest.jt809.messages.session import Unread

ALL, OLD, NEW = (V2011, V2019), (V2011,), (V2019,)
Row = tuple[int, tuple[Edition, ...], type]

PLAIN: tuple[Row, ...] = (
    (0x1001, OLD, session.Login),
    (0x1001, NEW, session.Login2019),
    (0x1002, ALL, session.LoginAnswer),
    (0x1003, ALL, session.Logout),
    (0x1004, ALL, session.LogoutAnswer),
    (0x1005, ALL, session.LinkTest),
    (0x1006, ALL, session.LinkTestAnswer),
    (0x1007, ALL, session.MainLinkLost),
    (0x1008, ALL, session.LowerCloses),
    (0x9001, ALL, session.SubLogin),
    (0x9002, ALL, session.SubLoginAnswer),
    (0x9003, ALL, session.SubLogout),
    (0x9004, ALL, session.SubLogoutAnswer),
    (0x9005, ALL, session.SubLinkTest),
    (0x9006, ALL, session.SubLinkTestAnswer),
    (0x9007, ALL, session.SubLinkLost),
    (0x9008, ALL, session.UpperCloses),
    (0x9101, ALL, session.ReceivedCount),
    (0x9102, NEW, session.Resend),
    (0x9103, NEW, session.SerialNotice),
)
"""Message id, the editions it stands in, its class."""

ENCLOSED: tuple[Row, ...] = (
    (0x1201, OLD, vehicle.Registration),
    (0x1201, ALL, vehicle.RegistrationLong),
    (0x1201, NEW, vehicle.Registration2019),
    (0x1202, OLD, vehicle.Position),
    (0x1202, NEW, vehicle.Position2019),
    (0x1203, OLD, vehicle.CatchUp),
    (0x1203, NEW, vehicle.CatchUp2019),
    (0x1205, ALL, vehicle.StartAnswer),
    (0x1206, ALL, vehicle.EndAnswer),
    (0x1207, ALL, vehicle.RequestExchange),
    (0x1208, ALL, vehicle.CancelExchange),
    (0x1209, ALL, vehicle.RequestMissing),
    (0x120A, ALL, vehicle.DriverAnswer),
    (0x120B, OLD, vehicle.WaybillAnswer),
    (0x120B, NEW, vehicle.WaybillAnswer2019),
    (0x120C, ALL, vehicle.DriverReport),
    (0x120C, NEW, vehicle.DriverReport2019),
    (0x120D, ALL, vehicle.WaybillReport),
    (0x1301, OLD, platform.PostAnswer),
    (0x1301, NEW, platform.PostAnswer2019),
    (0x1302, OLD, platform.MessageAnswer),
    (0x1402, OLD, platform.AlarmReport),
    (0x1402, ALL, platform.AlarmReport2019),
    (0x1502, OLD, platform.Photo),
    (0x1503, OLD, platform.TextAnswer),
    (0x1504, OLD, platform.Recorder),
    (0x1504, NEW, platform.Recorder2019),
    (0x1601, OLD, platform.StaticAnswer),
    (0x1601, NEW, platform.StaticAnswer2019),
    (0x1602, NEW, platform.RouteReport),
    (0x9201, NEW, vehicle.RegistrationAnswer2019),
    (0x9202, OLD, vehicle.PositionDown),
    (0x9202, NEW, vehicle.PositionDown2019),
    (0x9203, OLD, vehicle.HistoryDown),
    (0x9203, NEW, vehicle.HistoryDown2019),
    (0x9204, ALL, vehicle.StaticDown),
    (0x9205, ALL, vehicle.StartExchange),
    (0x9206, ALL, vehicle.EndExchange),
    (0x9207, ALL, vehicle.RequestAnswer),
    (0x9208, ALL, vehicle.CancelAnswer),
    (0x9209, ALL, vehicle.MissingAnswer),
    (0x920A, ALL, vehicle.AskDriver),
    (0x920B, ALL, vehicle.AskWaybill),
    (0x9301, OLD, platform.PostInquiry),
    (0x9301, ALL, platform.PostInquiryWide),
    (0x9301, NEW, platform.PostInquiry2019),
    (0x9302, ALL, platform.PlatformMessage),
    (0x9401, OLD, platform.Supervise),
    (0x9402, OLD, platform.AlarmForecast),
    (0x9402, NEW, platform.AlarmForecast2019),
    (0x9403, OLD, platform.AlarmNotice),
    (0x9403, NEW, platform.AlarmNotice2019),
    (0x9501, ALL, platform.ListenIn),
    (0x9503, ALL, platform.TextDown),
    (0x9504, OLD, platform.AskRecorder),
    (0x9505, OLD, platform.Connect),
    (0x9601, ALL, platform.AskStatic),
)
"""Sub type, the editions, its class. Where implementations write one type in several widths, each has its line: the
body is of the first that reads it to its end."""

_VEHICLE_GROUPS = {0x12, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B}
_OTHER_GROUPS = {0x13}
_VEHICLE_OUTSIDE_UNTIL_2011 = {0x14}
_UPPER = 0x80
_SUB, _ANSWERED = struct.Struct(">HI"), struct.Struct(">HHII")

Classes = dict[tuple[int, Edition], list[type]]


def _by_edition(rows: tuple[Row, ...]) -> Classes:
    found: Classes = {}
    for number, editions, form in rows:
        for edition in editions:
            found.setdefault((number, edition), []).append(form)
    return found


_PLAIN, _ENCLOSED = _by_edition(PLAIN), _by_edition(ENCLOSED)
_IDS = {form: message_id for message_id, _, form in PLAIN}
_SUB_IDS = {form: sub_id for sub_id, _, form in ENCLOSED}


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A sub message: whom it is about, its type, what it says (`Unread` if no table knows it).

    `plate` and `color` (JT/T 415: 1 blue, 2 yellow, 3 black, 4 white, 5 green, 9 other) are None in groups that name no
    vehicle; `answered` is (type, serial) of the message that it answers, where 2019 says so.
    """

    sub_id: int
    said: Any
    plate: str | None = None
    color: int | None = None
    answered: tuple[int, int] | None = None


def about(plate: str, color: int, said: Any) -> Enclosed:
    """A sub message about a vehicle, of the type that goes with its class."""
    return Enclosed(_SUB_IDS[type(said)], said, plate, color)


def decode(frame: Frame, edition: Edition = V2011) -> Any:
    """The message in a frame; `Unread` if the tables don't know it.

    Raises:
        RefusedError: "encrypted" if nobody could read it, "body" for a body that is not what the table says.
    """
    if frame.sealed:
        raise RefusedError("encrypted", "the body is encrypted and the platforms' cipher is not known here")
    if _is_group(frame.message_id):
        return _open(frame.message_id, frame.body, edition)
    return _read(_PLAIN.get((frame.message_id, edition)), frame.body)


def encode(message: Any, edition: Edition = V2011) -> tuple[int, bytes]:
    """Message id and body.

    Raises:
        InvalidError: the edition has another form of this message, or a value does not fit its field.
    """
    if isinstance(message, Enclosed):
        return _close(message, edition)
    form = type(message)
    if form not in _IDS or form not in _PLAIN.get((_IDS[form], edition), ()):
        raise InvalidError("{message} is no message of {edition} by itself", message=form.__name__, edition=edition)
    return _IDS[form], fields.write(message)


def _is_group(message_id: int) -> bool:
    group = message_id >> 8 & ~_UPPER
    return not message_id & 0xFF and group in _VEHICLE_GROUPS | _OTHER_GROUPS | _VEHICLE_OUTSIDE_UNTIL_2011


def _names_vehicle(message_id: int, edition: Edition) -> bool:
    group = message_id >> 8 & ~_UPPER
    return group in _VEHICLE_GROUPS or (edition is V2011 and group in _VEHICLE_OUTSIDE_UNTIL_2011)


def read_sub(sub_id: int, data: bytes, edition: Edition = V2011) -> Any:
    """The data of a sub message, read; `Unread` if the tables don't know its type. Raises RefusedError."""
    return _read(_ENCLOSED.get((sub_id, edition)), data)


def _read(forms: list[type] | None, body: bytes) -> Any:
    """What the first of the classes says that reads the body to its end."""
    if not forms:
        return Unread(body)
    for form in forms[:-1]:
        try:
            return fields.read(form, body)
        except RefusedError:
            continue
    return fields.read(forms[-1], body)


def _open(message_id: int, body: bytes, edition: Edition) -> Enclosed:
    """Read what stands around a sub message, then the sub message."""
    for plate, color, pos in _heads(message_id, body, edition):
        if len(body) - pos < _SUB.size:
            raise malformed(
                "{left} bytes left, a sub message takes {wanted} at least", left=len(body) - pos, wanted=_SUB.size
            )
        sub_id, length = _SUB.unpack_from(body, pos)
        if pos + _SUB.size + length == len(body):
            return Enclosed(sub_id, read_sub(sub_id, body[pos + _SUB.size :], edition), plate, color)
        if edition is V2019 and len(body) - pos >= _ANSWERED.size:
            _, answered_id, serial, length = _ANSWERED.unpack_from(body, pos)
            data = body[pos + _ANSWERED.size :]
            if length == len(data):
                return Enclosed(sub_id, read_sub(sub_id, data, edition), plate, color, (answered_id, serial))
    raise malformed("the sub message does not fill its {size} bytes", size=len(body))


def _heads(message_id: int, body: bytes, edition: Edition) -> Iterator[tuple[str | None, int | None, int]]:
    """The vehicle and where the sub message begins; some platforms leave the vehicle out, so that comes next."""
    if _names_vehicle(message_id, edition) and len(body) > PLATE_SIZE:
        with suppress(RefusedError):  # no plate in GBK: then it was left out
            yield read_text(body[:PLATE_SIZE]), body[PLATE_SIZE], PLATE_SIZE + 1
    yield None, None, 0


def _close(message: Enclosed, edition: Edition) -> tuple[int, bytes]:
    """Write a sub message and what stands around it."""
    form = type(message.said)
    if form is not Unread and form not in _ENCLOSED.get((message.sub_id, edition), ()):
        raise InvalidError(
            "{message} is not how {edition} writes sub message 0x{sub_id}",
            message=form.__name__,
            edition=edition,
            sub_id=f"{message.sub_id:04x}",
        )
    data = fields.write(message.said)
    if message.answered:
        data = _ANSWERED.pack(message.sub_id, *message.answered, len(data)) + data
    else:
        data = _SUB.pack(message.sub_id, len(data)) + data
    if message.plate is not None:
        plate = fit(write_text(message.plate).ljust(PLATE_SIZE, b"\0"), PLATE_SIZE)
        data = plate + bytes((message.color or 0,)) + data
    return message.sub_id & 0xFF00, data
