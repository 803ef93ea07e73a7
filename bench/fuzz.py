"""Damaged and invented frames for every codec: none may crash, hang or be refused without a reason.

    --frames N    as many frames in all: streams of real frames, damaged anywhere, and frames whose check is right
                  around a damaged body, so that what lies behind the check is reached
    --guided S    S seconds for each codec under atheris, which looks for bytes that reach new code

Prints JSON: frames by what became of them, the slowest stream, the growth of memory.
"""

import argparse
import gc
import json
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FunctionType
from typing import Any

from bench import gateway
from geo.fix import Fix
from services.errors import InvalidError
from services.ingest import jt808, nmea, rdss, sentences
from services.ingest.jt808 import build, events, framing, positions
from services.ingest.jt808 import messages as messages808
from services.ingest.jt808.framing import Version
from services.ingest.jt808.terminal import Terminal
from services.ingest.jt809 import framing as framing809
from services.ingest.jt809 import link
from services.ingest.jt809 import messages as messages809
from services.ingest.jt809 import positions as positions809
from services.ingest.jt809.framing import Cipher, Edition
from services.ingest.jt809.messages import session as session809
from services.ingest.nmea import epochs

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
PHONE = "13912345678"
HANG_S = 10
FRAMES_IN_A_STREAM = 12
MESSAGES = sorted({message_id for message_id, _, _ in messages808.TABLE})
EXTRA_MB = 64  # what a run may grow by
CIPHER = Cipher(30_000_000, 20_000_000, 20_000_000)
IDS_809 = (0x1001, 0x1002, 0x1003, 0x1005, 0x1007, 0x1200, 0x1400, 0x1600, 0x9001, 0x9002, 0x9005, 0x9200, 0x9400)
ADDRESSES = ("GNRMC", "BDGGA", "GBGSA", "GPGSV", "GLGLL", "GAVTG", "GNZDA", "GNGNS", "BDSGGA", "GNRMCH")
CARDS = ("CCICA", "CCRMO", "BDICI", "CCTXA", "CCTCQ", "BDTXR", "BDTCI", "BDFKI")
Heard = Iterable[Any]
TOLERANCES: Any = {"future_tolerance": timedelta(minutes=5), "past_tolerance": timedelta(days=3652)}


class NoReasonError(AssertionError):
    """Something was refused without a word."""


# -- the codecs: bytes in, what was heard out ------------------------------------------------------------------------


def hear_jt808(data: bytes) -> Heard:
    """A connection from its authentication on."""
    terminal = Terminal()
    signing_in = jt808.frame(build.authenticate(Version.V2013, "code"), phone=PHONE, serial=0)
    for event in terminal.receive(signing_in, NOW):
        if isinstance(event, events.Authenticating):
            terminal.authenticated(Version.V2013)
    for event in terminal.receive(data, NOW):
        terminal.reply(event)
        if isinstance(event, events.Positions):
            for report, body in event.reports:
                positions.to_fix(report, 1, body, NOW, version=terminal.version, late=event.late, **TOLERANCES)
        yield event
    yield from terminal.receive(b"", NOW + timedelta(hours=1))  # what never became whole is given up by name


def hear_jt809(data: bytes) -> Heard:
    """A link of each edition, and one with a cipher."""
    edition = (Edition.V2011, Edition.V2019)[data[:1] < b"\x80"] if data else Edition.V2011
    return link.Link(1, NOW, edition=edition, cipher=CIPHER if data[-1:] < b"\x80" else None).receive(data, NOW)


def hear_nmea(data: bytes) -> Heard:
    """A receiver; its epochs become fixes."""
    receiver = nmea.Receiver()
    for event in [*receiver.receive(data, NOW), *receiver.end()]:
        if isinstance(event, epochs.Epoch):
            yield nmea.to_fix(event, 1, NOW, **TOLERANCES)
        else:
            yield event


def hear_rdss(data: bytes) -> Heard:
    """A terminal for short messages: what it received is read to the end."""
    splitter = sentences.Splitter()
    for said in [*splitter.feed(data), *splitter.flush()]:
        if isinstance(said, sentences.Refused):
            yield said
            continue
        try:
            message = rdss.read(said)
            yield rdss.receive(message, NOW) if isinstance(message, rdss.Txr | rdss.Tci) else message
        except sentences.RefusedError as error:
            yield error


CODECS: dict[str, Callable[[bytes], Heard]] = {
    "jt808": hear_jt808, "jt809": hear_jt809, "nmea": hear_nmea, "rdss": hear_rdss,
}  # fmt: skip


REFUSALS = events.Refused, link.Refused, sentences.Refused, sentences.RefusedError


def judge(codec: str, data: bytes, counts: Counter[str]) -> None:
    """Hear bytes; count what was accepted, and what was refused by its reason."""
    for event in CODECS[codec](data):
        if not isinstance(event, REFUSALS):
            counts["accepted"] += 1
        elif event.reason and event.detail:
            counts[f"refused: {event.reason}"] += 1
        else:
            raise NoReasonError(f"{codec}: {event!r}")


# -- frames: real ones, damaged ones, and ones with a right check around anything ------------------------------------


def seeds_jt808(rng: random.Random) -> list[bytes]:
    """Positions, batches and sessions in the three editions, and every message of the table with a body of chance."""
    frames = list[bytes]()
    for serial, version in enumerate(Version):
        here = build.position(NOW, 113.1, 27.8, speed_mps=9.0, extras=((1, b"\0\0\0\7"), (0x31, b"\x0c")))
        said = (
            here, build.batch([here, here], catch_up=True), build.register(version, terminal_id="T1", plate="湘B12345"),
            build.authenticate(version, "code"),
        )  # fmt: skip
        for message in said:
            with suppress(InvalidError):  # 2011 knows no batches
                frames += [jt808.frame(message, phone=PHONE, serial=serial, version=version)] * 6
    return frames + [wrap_jt808(message_id, rng.randbytes(rng.randrange(60)), rng) for message_id in MESSAGES]


def wrap_jt808(message_id: int, body: bytes, rng: random.Random) -> bytes:
    """A frame with a right check around any body; one in eight is a packet of several."""
    frame = framing.Frame(message_id, Version.V2013, PHONE, rng.randrange(0x10000), body[: framing.MAX_BODY])
    if rng.random() < 1 / 8:
        total = rng.randrange(1, 5)
        frame = replace(frame, part=(total, rng.randrange(0, total + 2)))
    return framing.close_frame(frame)


def seeds_jt809(rng: random.Random) -> list[bytes]:
    """Sessions and positions of a vehicle in both editions, and every message id with a body of chance."""
    here = Fix(7, NOW, 113.1, 27.8, 0, speed_mps=9.0, heading_deg=90.0)
    frames = [wrap_jt809(message_id, rng.randbytes(rng.randrange(120)), rng) for message_id in IDS_809]
    for edition in Edition:
        speaker = link.Link(1, NOW, edition=edition)
        for _ in range(8):
            where = positions809.from_fix(here, edition)
            frames.append(speaker.send(messages809.about("湘B12345", 1, where), NOW))
            frames += [speaker.send(session809.LinkTest(), NOW), speaker.send(session809.LoginAnswer(0, 7), NOW)]
    return frames


def wrap_jt809(message_id: int, body: bytes, rng: random.Random) -> bytes:
    """A frame with a right check around any body."""
    edition = rng.choice(list(Edition))
    secret = rng.random() < 1 / 4
    frame = framing809.Frame(message_id, rng.randrange(2**32), 1, body, encrypted=secret, key=7, sent_at=NOW)
    return framing809.close_frame(frame, edition, CIPHER if secret else None)


def wrap_sentence(addresses: Sequence[str], body: bytes, rng: random.Random) -> bytes:
    """A sentence with a right check around any fields."""
    inside = rng.choice(addresses).encode() + b"," + re.sub(rb"[$*\r\n]", b",", body)
    return b"$%b*%02X\r\n" % (inside, sentences.checksum(inside))


SENTENCES = (
    b"GNRMC,040000.00,A,2749.6500,N,11308.0400,E,10.1,87.0,010526,,,A",
    b"BDGGA,040000.00,2749.65,N,11308.04,E,1,12,0.8,60.1,M,-12.0,M,,",
    b"GBGSA,A,3,01,02,03,,,,,,,,,,1.6,0.8,1.3,4",
    b"GPGSV,3,1,11,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45",
    b"GLGLL,2749.65,N,11308.04,E,040000.00,A,A",
    b"GAVTG,87.0,T,,M,10.1,N,18.7,K,A",
    b"GNZDA,040000.00,01,05,2026,08,00",
    b"BDTXR,1,0242407,2,,A4C4E3BAC3",
    b"BDTXR,1,0242407,1,0400,54455354",
    b"BDTCI,0242407,2097151,1,040000,3,0,11308.0400,E,2749.65,N",
    b"BDICI,0242407,0242408,0,0,1,Y,60,3,N,0",
    b"BDFKI,TXA,Y,Y,0,0000",
    b"CCTXA,0242407,1,2,A4C4E3",
    b"CCTCQ,0242407,2,1,3,A4C4E3,0",
)


def seeds_sentences(_: random.Random) -> list[bytes]:
    """Sentences of receivers and of cards."""
    return [b"$%b*%02X\r\n" % (body, sentences.checksum(body)) for body in SENTENCES]


SEEDS = {"jt808": seeds_jt808, "jt809": seeds_jt809, "nmea": seeds_sentences, "rdss": seeds_sentences}


def wrap(codec: str, body: bytes, rng: random.Random) -> bytes:
    """A frame of a codec with a right check around any body."""
    if codec == "jt808":
        return wrap_jt808(rng.choice(MESSAGES), body, rng)
    if codec == "jt809":
        return wrap_jt809(rng.choice(IDS_809), body, rng)
    return wrap_sentence(ADDRESSES if codec == "nmea" else CARDS, body, rng)


TELLING = (b"\x7e", b"\x7d", b"[", b"]", b"$", b"*", b",", b"\xff\xff", b"\0\0")
"""Bytes that mean something to one codec or another."""


def damage(data: bytes, rng: random.Random) -> bytes:
    """Change, take out, put in, repeat or cut off some bytes."""
    where, size = rng.randrange(len(data) + 1), rng.randrange(1, 9)
    match rng.randrange(6):
        case 0:
            return data[:where] + bytes((rng.randrange(256),)) + data[where + 1 :]
        case 1:
            return data[:where] + data[where + size :]
        case 2:
            return data[:where] + rng.randbytes(size) + data[where:]
        case 3:
            return data[:where] + data[max(0, where - size * 8) : where] + data[where:]
        case 4:
            return data[:where]
    return (
        data[:where] + rng.choice((b"\x7e", b"\x7d", b"[", b"]", b"$", b"*", b",", b"\xff\xff", b"\0\0")) + data[where:]
    )


def stream(codec: str, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Frames one after the other: a third as they are, a third damaged, a third damaged under a right check."""
    frames = list[bytes]()
    for _ in range(FRAMES_IN_A_STREAM):
        frame = rng.choice(seeds)
        match rng.randrange(3):
            case 1:
                frame = damage(frame, rng)
            case 2:
                frame = wrap(codec, damage(frame[13:-2], rng), rng)
        frames.append(frame)
    return b"".join(frames)


def run(codec: str, frames: int, seed: int) -> dict[str, Any]:
    """Let a codec hear so many frames."""
    rng, counts = random.Random(f"{codec} {seed}"), Counter[str]()
    seeds = SEEDS[codec](rng)
    slowest_s, began_s, began_mb, streams = 0.0, time.perf_counter(), memory_mb(), 0
    while counts.total() < frames:
        data = stream(codec, seeds, rng)
        signal.setitimer(signal.ITIMER_PROF, HANG_S)  # of processor time; a hang ends the run with SIGPROF
        start_s = time.process_time()
        judge(codec, data, counts)
        slowest_s = max(slowest_s, time.process_time() - start_s)
        streams += 1
    signal.setitimer(signal.ITIMER_PROF, 0)
    grown_mb = memory_mb() - began_mb
    if grown_mb > EXTRA_MB:
        raise MemoryError(f"{codec} grew by {grown_mb:.0f} MB")
    return {
        "codec": codec, "seed": seed, "frames": counts.total(), "streams": streams,
        "seconds": round(time.perf_counter() - began_s, 1), "slowest_stream_ms": round(slowest_s * 1000, 2),
        "grown_mb": round(grown_mb, 1), **dict(sorted(counts.items())),
    }  # fmt: skip


def memory_mb() -> float:
    """The most memory this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- guided by coverage ----------------------------------------------------------------------------------------------


def run_guided(codec: str, seconds: int) -> dict[str, Any]:
    """Let atheris look for `seconds`, in a process of its own: it never returns."""
    command = [sys.executable, "-m", "bench.fuzz", "--inside", codec, "--guided", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    if done.returncode != 0 or executed is None:
        raise SystemExit(done.stderr[-4000:])
    return {
        "codec": codec,
        "seconds": seconds,
        "inputs": int(executed[1]),
        "coverage": int(covered[-1]) if covered else 0,
    }


def fuzz_inside(codec: str, seconds: int) -> None:
    """Hand this process to atheris. The first byte says whether a right check is put around the others."""
    import atheris  # type: ignore[import-untyped]  # noqa: PLC0415 -- of the development tools, and only here

    def try_one(data: bytes) -> None:
        rng, counts = random.Random(data[:2]), Counter[str]()
        judge(codec, wrap(codec, data[2:], rng) if data[:1] < b"\xc0" else data[2:], counts)

    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and (thing.__module__ or "").startswith("services.ingest"):
            atheris.instrument_func(thing)
    limits = [
        f"-max_total_time={seconds}",
        "-print_final_stats=1",
        "-max_len=1500",
        f"-timeout={HANG_S}",
        "-rss_limit_mb=1024",
        f"-artifact_prefix={tempfile.gettempdir()}/",
    ]
    atheris.Setup(["fuzz", *limits], try_one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--guided", type=int, default=0, metavar="S")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--codec", choices=CODECS, action="append")
    parser.add_argument("--inside", choices=CODECS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        fuzz_inside(options.inside, options.guided)
    chosen = options.codec or list(CODECS)
    print(json.dumps({"figure": "fuzz", "machine": gateway.machine()}), flush=True)
    for codec in chosen:
        print(json.dumps(run(codec, options.frames // len(chosen), options.seed)), flush=True)
        if options.guided:
            print(json.dumps(run_guided(codec, options.guided)), flush=True)


if __name__ == "__main__":
    main()
