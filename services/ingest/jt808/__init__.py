"""JT/T 808 (道路运输车辆卫星定位系统终端通讯协议): bytes in, values out, no sockets.

    kinds     what a field can be             framing   flags, escaping, check, header
    fields    codecs compiled from tables     messages  the tables, and the list of them
    terminal  one connection's conversation   positions from a report to a fix
    build     messages as a terminal writes them

To speak as a terminal: `frame(build.position(…), phone=…, serial=…, version=…)` gives the bytes to send, and
`read(splitter.feed(data)[0])` an answer of the platform.
"""

from typing import Any

from services.ingest.jt808 import build, messages
from services.ingest.jt808.framing import Frame, Splitter, Version, close_frame, open_frame


def frame(message: Any, *, phone: str, serial: int, version: Version = Version.V2013) -> bytes:
    """A message as the bytes to send, flags included. Raises InvalidError when a value does not fit."""
    return close_frame(messages.encode(message, phone=phone, serial=serial, version=version))


def read(content: bytes, known: Version | None = None) -> tuple[Frame, Any]:
    """A frame and its message from what stood between two flags. Raises RefusedError."""
    opened = open_frame(content)
    return opened, messages.decode(opened, known)


__all__ = ["Frame", "Splitter", "Version", "build", "frame", "read"]
