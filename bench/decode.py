"""Frames a second that the JT/T 808 codec reads on one core, beside the least any reader has to do.

The limit finds the frames, checks the XOR and unpacks the 28 fixed bytes of a position with one `struct` call, and
builds nothing. `read` is frame and message as values; `conversation` is all of it, as the gateway drives it.
"""

import json
import platform
import random
import struct
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from services.ingest import jt808
from services.ingest.jt808 import build, framing
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import session
from services.ingest.jt808.terminal import Terminal

FRAMES, ROUNDS, CHUNK = 20_000, 5, 64 * 1024
PHONE = "13912345678"
START = datetime(2026, 5, 1, tzinfo=UTC)
ITEMS = ((0x01, b"\0\1\2\3"), (0x03, b"\1\0"), (0x30, b"\x1e"), (0x31, b"\x0c"))
_FIXED = struct.Struct(">IIIIHHH6s")


def positions(rng: random.Random) -> list[bytes]:
    """0x0200 with four items, each of another second and place."""
    return [_say(_report(rng, number), number) for number in range(FRAMES)]


def mixed(rng: random.Random) -> list[bytes]:
    """Of a hundred frames: 80 positions, 12 heartbeats, 4 batches of ten, 4 answers, in both headers."""
    makers: list[Callable[[int], object]] = [
        *[lambda number: _report(rng, number)] * 20,
        *[lambda _: session.Heartbeat()] * 3,
        lambda number: build.batch([_report(rng, number + second) for second in range(10)]),
        lambda number: session.TerminalReply(number & 0xFFFF, 0x8201, 0),
    ]
    return [
        _say(rng.choice(makers)(number), number, rng.choice((Version.V2013, Version.V2019))) for number in range(FRAMES)
    ]


def _report(rng: random.Random, number: int) -> object:
    return build.position(
        START + timedelta(seconds=number),
        113 + rng.random(),
        27 + rng.random(),
        speed_mps=rng.uniform(0, 30),
        heading_deg=rng.randrange(360),
        altitude_m=rng.randrange(40, 90),
        extras=ITEMS,
    )


def _say(message: object, number: int, version: Version = Version.V2013) -> bytes:
    return jt808.frame(message, phone=PHONE, serial=number, version=version)


def limit(chunks: Iterable[bytes]) -> int:
    """Split, XOR, unpack: the least there is to do."""
    count, held = 0, b""
    for chunk in chunks:
        *contents, held = (held + chunk).split(b"\x7e")
        for content in contents:
            if content:
                data = framing.unescape(content)
                if not framing.xor(data) and len(data) > 40:
                    _FIXED.unpack_from(data, 12)
                count += 1
    return count


def read(chunks: Iterable[bytes]) -> int:
    """Frame and message as values."""
    splitter = jt808.Splitter()
    return sum(jt808.read(content) is not None for chunk in chunks for content in splitter.feed(chunk))


def conversation(chunks: Iterable[bytes]) -> int:
    """Events, as the gateway gets them."""
    terminal = Terminal()
    list(terminal.receive(_say(build.authenticate(Version.V2013, "k3y"), 0), START))
    terminal.authenticated()
    return sum(type(event).__name__ != "Refused" for chunk in chunks for event in terminal.receive(chunk, START))


def rate(work: Callable[[Iterable[bytes]], int], frames: list[bytes]) -> float:
    """Best frames a second of a few rounds over the same stream, in chunks as a socket gives them."""
    stream = b"".join(frames)
    chunks = [stream[start : start + CHUNK] for start in range(0, len(stream), CHUNK)]
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        if work(chunks) != len(frames):
            raise RuntimeError(f"{work.__name__} did not read every frame")
        best = min(best, time.perf_counter() - began)
    return len(frames) / best


def main() -> None:
    """Print the figures."""
    figures = {}
    for name, make in (("positions", positions), ("mixed", mixed)):
        frames = make(random.Random(808))
        rates = {work.__name__: rate(work, frames) for work in (limit, read, conversation)}
        figures[name] = {
            **{f"{key}_per_s": round(value) for key, value in rates.items()},
            "read_to_limit": round(rates["read"] / rates["limit"], 3),
            "conversation_to_limit": round(rates["conversation"] / rates["limit"], 3),
            "bytes_a_frame": round(sum(map(len, frames)) / len(frames), 1),
        }
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    print(json.dumps({"bench": "decode", "machine": machine, **figures}))


if __name__ == "__main__":
    main()
