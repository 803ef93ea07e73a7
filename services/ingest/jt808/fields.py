"""Codecs of JT/T 808 bodies, compiled from the messages' tables.

A message is a frozen dataclass whose fields stand in the standard's order, each `Annotated` with its kind:

    @dataclass(frozen=True, slots=True)
    class TerminalReply:
        serial: Annotated[int, U16]
        message_id: Annotated[int, U16]
        result: Annotated[int, U8]

`codec(TerminalReply)` reads that table once and writes a decoder and an encoder for it, as `dataclasses` writes
`__init__`: runs of fixed fields become one `struct` call, so nothing is looked up while bytes flow.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from services.errors import InvalidError, Saying
from services.ingest.jt808.kinds import Fixed, Flowing, Kind, RefusedError, fit, malformed
from services.ingest.jt808.making import setting

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """The two compiled halves of a message's table.

    `read(data, pos, end) -> (message, pos)` and `write(message) -> bytes`.
    """

    read: Callable[[bytes, int, int], tuple[T, int]]
    write: Callable[[T], bytes]


# -- composition ------------------------------------------------------------------------------------------------------


def flowing(kind: Any) -> Flowing:
    """Any kind, or a message class, as something to read at a position."""
    if isinstance(kind, Flowing):
        return kind
    if isinstance(kind, Fixed):
        return _lone(kind)
    table = codec(kind)
    return Flowing(table.read, table.write)


def _lone(kind: Fixed) -> Flowing:
    """A fixed field that stands by itself."""
    layout = struct.Struct(">" + kind.code)
    load, dump = (
        eval(f"lambda v: {side.format(v='v')}", dict(kind.helpers))  # noqa: S307  built from our own tables
        for side in (kind.load, kind.dump)
    )

    def read(data: bytes, pos: int, end: int) -> tuple[Any, int]:
        if pos + layout.size > end:
            raise malformed("{wanted} bytes wanted, {left} left", wanted=layout.size, left=end - pos)
        return load(layout.unpack_from(data, pos)[0]), pos + layout.size

    return Flowing(read, lambda value: layout.pack(dump(value)))


def sized(length: Fixed, kind: Any) -> Flowing:
    """A kind behind its own length in bytes."""
    size, inner = flowing(length), flowing(kind)

    def read(data: bytes, pos: int, end: int) -> tuple[Any, int]:
        count, pos = size.read(data, pos, end)
        if pos + count > end:
            raise malformed("{count} bytes announced, {left} left", count=count, left=end - pos)
        value, stop = inner.read(data, pos, pos + count)
        if stop != pos + count:
            raise malformed("{more} bytes too many in a field of {count}", more=pos + count - stop, count=count)
        return value, stop

    def write(value: Any) -> bytes:
        body = inner.write(value)
        return size.write(len(body)) + body

    return Flowing(read, write)


def counted(count: Fixed, kind: Any) -> Flowing:
    """A list behind the number of its items."""
    number, inner = flowing(count), counted_by("", kind)

    def read(data: bytes, pos: int, end: int, *used: Any) -> tuple[Any, int]:
        total, pos = number.read(data, pos, end)
        return inner.read(data, pos, end, total, *used)

    def write(values: tuple[Any, ...], *used: Any) -> bytes:
        return number.write(len(values)) + inner.write(values, len(values), *used)

    return Flowing(read, write, inner.uses[1:])


def counted_by(name: str, kind: Any) -> Flowing:
    """A list with as many items as the earlier field `name` says."""
    inner = flowing(kind)

    def read(data: bytes, pos: int, end: int, total: int, *used: Any) -> tuple[Any, int]:
        items = []
        for _ in range(total):
            item, pos = inner.read(data, pos, end, *used)
            items.append(item)
        return tuple(items), pos

    def write(values: tuple[Any, ...], total: int, *used: Any) -> bytes:
        if len(values) != total:
            raise InvalidError("{name} says {total}, there are {given}", name=name, total=total, given=len(values))
        return b"".join(inner.write(value, *used) for value in values)

    return Flowing(read, write, (name, *inner.uses))


def within(size: int, kind: Any) -> Flowing:
    """A kind that takes exactly `size` bytes, though by itself it would take what is left."""
    inner = flowing(kind)

    def read(data: bytes, pos: int, end: int) -> tuple[Any, int]:
        if pos + size > end:
            raise malformed("{size} bytes wanted, {left} left", size=size, left=end - pos)
        value, stop = inner.read(data, pos, pos + size)
        if stop != pos + size:
            raise malformed("{more} bytes too many in a field of {size}", more=pos + size - stop, size=size)
        return value, stop

    def write(value: Any) -> bytes:
        return fit(inner.write(value), size)

    return Flowing(read, write)


def chosen_by(name: str, forms: Mapping[int, type]) -> Flowing:
    """A message whose class hangs on the earlier field `name`."""
    kinds = {key: flowing(form) for key, form in forms.items()}

    def read(data: bytes, pos: int, end: int, key: int) -> tuple[Any, int]:
        if key not in kinds:
            raise malformed("{name} is {key}, known are {known}", name=name, key=key, known=", ".join(map(str, kinds)))
        return kinds[key].read(data, pos, end)

    def write(value: Any, key: int) -> bytes:
        if type(value) is not forms.get(key):
            raise InvalidError(
                "a {given} does not go with {name} {key}", given=type(value).__name__, name=name, key=key
            )
        return kinds[key].write(value)

    return Flowing(read, write, (name,))


def if_left(kind: Any) -> Flowing:
    """A field that is there if any bytes are left; else None."""
    inner = flowing(kind)
    return Flowing(
        lambda data, pos, end: inner.read(data, pos, end) if pos < end else (None, pos),
        lambda value: b"" if value is None else inner.write(value),
    )


def only_if(name: str, there: Callable[[int], object], kind: Any) -> Flowing:
    """A field that is there only if `there` says so of the earlier field `name`; else None."""
    inner = flowing(kind)

    def read(data: bytes, pos: int, end: int, value: int, *used: Any) -> tuple[Any, int]:
        return inner.read(data, pos, end, *used) if there(value) else (None, pos)

    def write(item: Any, value: int, *used: Any) -> bytes:
        if bool(there(value)) != (item is not None):
            wanted = "a field that hangs on it" if there(value) else "no field that hangs on it"
            raise InvalidError("{name} is {value}: {wanted}", name=name, value=value, wanted=Saying(wanted))
        return b"" if item is None else inner.write(item, *used)

    return Flowing(read, write, (name, *inner.uses))


def _read_tlv(data: bytes, pos: int, end: int) -> tuple[dict[int, bytes], int]:
    items, last = {}, end - 2
    while pos <= last:
        start = pos + 2
        stop = start + data[pos + 1]
        if stop > end:
            break
        items[data[pos]] = data[start:stop]
        pos = stop
    return items, pos


def _write_tlv(items: Mapping[int, bytes]) -> bytes:
    try:
        return b"".join(bytes((key, len(value))) + value for key, value in items.items())
    except ValueError:
        raise InvalidError("an item's id and its length must each fit one byte") from None


TLV = Flowing(_read_tlv, _write_tlv)
"""Items of id BYTE, length BYTE, value, as long as they fit; of a repeated id the last counts."""


# -- the compiler -----------------------------------------------------------------------------------------------------


def table(message: type) -> tuple[tuple[str, Kind], ...]:
    """The fields of a message with their kinds, in the standard's order."""
    hints = get_type_hints(message, include_extras=True)
    kinds = ((each.name, get_args(hints[each.name])[1]) for each in fields(message))
    return tuple((name, kind if isinstance(kind, Fixed) else flowing(kind)) for name, kind in kinds)


_CODECS: dict[type, Codec[Any]] = {}


def codec(message: type[T]) -> Codec[T]:
    """The codec of a message class, compiled from its table on first use."""
    found = _CODECS.get(message)
    if found is None:
        found = _CODECS[message] = _compile(message)
    return found


def _compile(message: type[T]) -> Codec[T]:
    """Write and compile the two functions of a codec."""
    making, names = setting(message)
    names |= {"_short": _short, "_unfit": _unfit, "_Error": struct.error, "_join": b"".join}
    reading, writing = [], []
    for number, (fixed, run) in enumerate(groupby(table(message), lambda pair: isinstance(pair[1], Fixed))):
        compile_run = _compile_fixed if fixed else _compile_flowing
        lines = compile_run(number, list(run), names)
        reading += lines[0]
        writing += lines[1]
    written = writing[0] if len(writing) == 1 else f"_join([{', '.join(writing)}])"
    source = "\n".join(
        [
            "def read(_data, _pos, _end):",
            *(f"    {line}" for line in reading),
            *(f"    {line}" for line in making),
            "    return _made, _pos",
            "def write(_message):",
            *(f"    {name} = _message.{name}" for name, _ in table(message)),
            "    try:",
            f"        return {written}",
            "    except (_Error, ArithmeticError, AttributeError, TypeError, ValueError) as error:",
            "        raise _unfit(_message, error) from None",
        ]
    )
    exec(compile(source, f"<{message.__name__} of JT/T 808>", "exec"), names)  # noqa: S102  built from our own tables
    return Codec(names["read"], names["write"])


def _compile_fixed(number: int, run: list[tuple[str, Any]], names: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Lines that read a run of fixed fields with one struct, and the expression that writes it."""
    layout = struct.Struct(">" + "".join(kind.code for _, kind in run))
    names |= {f"unpack{number}": layout.unpack_from, f"pack{number}": layout.pack}
    for _, kind in run:
        names |= kind.helpers
    targets = "".join(f"{name}, " for name, _ in run)
    loads = [f"{name} = {kind.load.format(v=name)}" for name, kind in run if kind.load != "{v}"]
    dumps = ", ".join(kind.dump.format(v=name) for name, kind in run)
    reading = [
        f"if _pos + {layout.size} > _end: raise _short(_form, {run[0][0]!r}, {layout.size}, _end - _pos)",
        f"{targets}= unpack{number}(_data, _pos)",
        f"_pos += {layout.size}",
        *loads,
    ]
    return reading, [f"pack{number}({dumps})"]


def _compile_flowing(number: int, run: list[tuple[str, Any]], names: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Lines that read fields of flowing size, and the expressions that write them."""
    reading, writing = [], []
    for place, (name, kind) in enumerate(run):
        reader, writer = f"read{number}_{place}", f"write{number}_{place}"
        names |= {reader: kind.read, writer: kind.write}
        used = "".join(f", {each}" for each in kind.uses)
        reading.append(f"{name}, _pos = {reader}(_data, _pos, _end{used})")
        writing.append(f"{writer}({name}{used})")
    return reading, writing


def _short(message: type, name: str, wanted: int, left: int) -> RefusedError:
    return malformed(
        "{message} wants {wanted} bytes from {name} on, {left} are left",
        message=message.__name__,
        wanted=wanted,
        name=name,
        left=left,
    )


def _unfit(message: object, error: Exception) -> InvalidError:
    return InvalidError(
        "{message} has a value that does not fit its field: {error}", message=type(message).__name__, error=str(error)
    )


def read(message: type[T], body: bytes) -> T:
    """Decode a whole body. Raises RefusedError("body") when it is too short, too long or says the impossible."""
    value, pos = codec(message).read(body, 0, len(body))
    if pos != len(body):
        raise malformed("{left} bytes too many after {message}", left=len(body) - pos, message=message.__name__)
    return value


def write(message: Any) -> bytes:
    """Encode a body. Raises InvalidError when a value does not fit its field."""
    return codec(type(message)).write(message)
