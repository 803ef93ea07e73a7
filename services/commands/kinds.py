"""The table of commands: who may give it, the message it becomes, what answers it. A command more is a line more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services import access
from services.commands import fences, parameters
from services.errors import InvalidError
from services.ingest.jt808 import messages, plain
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import control, position, texts

MAX_TEXT_BYTES: Final = 1024
RESTART: Final = 4  # 终端复位
URGENT, DISPLAY, SPEAK = 1 << 0, 1 << 2, 1 << 3  # flags of 0x8300, 2011 and 2013
URGENT_2019, NOTICE_2019 = 2, 3  # bits 0 and 1 of 0x8300 of 2019
GENERAL_REPLY: Final = 0x0001

Said = Mapping[str, Any]


class NotSpokenError(InvalidError):
    """The edition of the standard that the terminal speaks has no such message."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of command; `answered_by` is the message that answers it, beside or after the general reply."""

    act: access.Act
    build: Callable[[Said, Version], Any]
    answered_by: int = GENERAL_REPLY


def _text(said: Said, version: Version) -> Any:
    if len(said["text"].encode("gbk", "replace")) > MAX_TEXT_BYTES:
        raise InvalidError(
            "A text takes {most} bytes of GBK at most: half as many Chinese characters.", most=MAX_TEXT_BYTES
        )
    shown = DISPLAY | (SPEAK if said.get("read_out") else 0)
    if version is Version.V2019:
        return texts.Text2019(shown | (URGENT_2019 if said.get("urgent") else NOTICE_2019), 1, said["text"])
    return texts.Text(shown | (URGENT if said.get("urgent") else 0), said["text"])


def _track(said: Said, _version: Version) -> Any:
    interval_s = said["interval_s"]
    return position.Track(interval_s, said.get("validity_s", 600) if interval_s else None)


def _set_parameters(said: Said, version: Version) -> Any:
    items = parameters.to_wire(said["values"])
    if version is Version.V2011:
        return control.SetParameters2011(len(items), len(items), items)
    return control.SetParameters(items)


def _query_parameters(said: Said, _version: Version) -> Any:
    names = said.get("names")
    return control.QuerySomeParameters(parameters.ids(names)) if names else control.QueryParameters()


_COMMAND, _CONFIGURE = access.Act.COMMAND_DEVICE, access.Act.CONFIGURE_DEVICE

KINDS: Final[Mapping[str, Kind]] = {
    "position_now": Kind(_COMMAND, lambda _said, _version: position.QueryPosition(), 0x0201),
    "track": Kind(_COMMAND, _track),
    "text": Kind(_COMMAND, _text),
    "query_attributes": Kind(_COMMAND, lambda _said, _version: control.QueryAttributes(), 0x0107),
    "query_parameters": Kind(_COMMAND, _query_parameters, 0x0104),
    "query_areas": Kind(_COMMAND, fences.query_areas, 0x0608),
    "set_parameters": Kind(_CONFIGURE, _set_parameters),
    "restart": Kind(_CONFIGURE, lambda _said, _version: control.Control(RESTART, "")),
    "set_area": Kind(_CONFIGURE, fences.set_area),
    "delete_areas": Kind(_CONFIGURE, fences.delete_areas),
}


def build(kind: str, said: Said, version: Version) -> Any:
    """Return the message of a command in an edition of the standard, sure to be one that can be written.

    Raises:
        NotSpokenError: the edition has no such message.
        InvalidError: a value does not fit it.
    """
    message = KINDS[kind].build(said, version)
    message_id = messages.IDS[type(message)]
    if (message_id, version) not in messages.CLASSES:
        raise NotSpokenError(
            "JT/T 808-{version} has no message 0x{message_id} for this command.",
            version=version,
            message_id=f"{message_id:04X}",
        )
    messages.encode(message, phone="0", serial=0, version=version)
    return message


def read_answer(message: Any) -> dict[str, Any]:
    """Return what a terminal answered as JSON holds it."""
    match message:
        case control.Parameters() | control.Parameters2011():
            return {"parameters": parameters.from_wire(message.items)}
        case _:
            return {name: value for name, value in plain.plain(message).items() if name != "answered_serial"}
