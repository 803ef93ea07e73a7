"""A stream with any damage yields every undamaged frame after it: for each codec that a socket or a file feeds."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import fuzz
from geo.fix import Fix
from services.ingest import jt808, rdss, sentences
from services.ingest.jt808 import build, events
from services.ingest.jt808.framing import Version
from services.ingest.jt808.terminal import Terminal
from services.ingest.jt809 import link, messages, positions
from services.ingest.jt809.framing import Edition
from services.ingest.nmea import messages as nmea_messages

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
PHONE = "13912345678"
DAMAGE = st.tuples(st.integers(0, 10_000), st.integers(0, 60), st.binary(max_size=60))
"""Where, how many bytes go, what comes in their place."""


def hurt(frames: Sequence[bytes], which: int, damage: tuple[int, int, bytes]) -> bytes:
    """The stream with one frame damaged, its neighbours whole."""
    where, gone, instead = damage
    frame = frames[which]
    where %= len(frame) + 1
    broken = frame[:where] + instead + frame[where + gone :]
    return b"".join((*frames[:which], broken, *frames[which + 1 :]))


def a_report(number: int) -> Any:
    return build.position(NOW + timedelta(seconds=number), 113.1 + number * 1e-5, 27.8, altitude_m=number)


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.sampled_from(Version), st.integers(1, 6), st.data(), DAMAGE, st.integers(1, 400))
def test_jt808(version: Version, count: int, data: st.DataObject, damage: Any, size: int) -> None:
    said = [jt808.frame(a_report(number), phone=PHONE, serial=number, version=version) for number in range(count)]
    which = data.draw(st.integers(0, count - 1))
    terminal = Terminal()
    heard = list[int]()
    sign_in = jt808.frame(build.authenticate(version, "code"), phone=PHONE, serial=0, version=version)
    for piece in [sign_in, *in_pieces(hurt(said, which, damage), size)]:
        for event in terminal.receive(piece, NOW):
            if isinstance(event, events.Authenticating):
                terminal.authenticated(version)
            elif isinstance(event, events.Positions):
                heard += [report.altitude_m for report, _ in event.reports]
    after = list(range(which + 1, count))
    assert heard[len(heard) - len(after) :] == after
    assert heard[:which] == list(range(which))


@given(st.sampled_from(Edition), st.integers(1, 6), st.data(), DAMAGE, st.integers(1, 400))
def test_jt809(edition: Edition, count: int, data: st.DataObject, damage: Any, size: int) -> None:
    speaker, hearer = link.Link(1, NOW, edition=edition), link.Link(1, NOW, edition=edition)
    fixes = [Fix(7, NOW + timedelta(seconds=number), 113.1, 27.8, 0, altitude_m=number) for number in range(count)]
    said = [
        speaker.send(messages.about("湘B12345", 1, positions.from_fix(fix, edition)), NOW) for fix in fixes
    ]  # fmt: skip
    which = data.draw(st.integers(0, count - 1))
    heard = list[int]()
    for piece in in_pieces(hurt(said, which, damage), size):
        heard += [event.frame.serial for event in hearer.receive(piece, NOW) if isinstance(event, link.Said)]
    after = list(range(which + 1, count))
    assert heard[len(heard) - len(after) :] == after
    assert heard[:which] == list(range(which))


def a_sentence(number: int) -> bytes:
    return sentences.close_sentence("GNVTG", (f"{number}.0", "T", "", "M", "10.1", "N", "18.7", "K", "A"))


def a_short_message(number: int) -> bytes:
    return sentences.close_sentence("BDTXR", ("1", f"{number:07d}", "2", "", "A4C4E3BAC3"))


@pytest.mark.parametrize(
    ("write", "read"),
    [(a_sentence, nmea_messages.read), (a_short_message, rdss.read)],
    ids=["nmea", "rdss"],
)
@given(count=st.integers(1, 6), data=st.data(), damage=DAMAGE, size=st.integers(1, 400))
def test_sentences(
    write: Callable[[int], bytes], read: Callable[[Any], Any], count: int, data: st.DataObject, damage: Any, size: int
) -> None:
    said = [write(number) for number in range(count)]
    which = data.draw(st.integers(0, count - 1))
    splitter = sentences.Splitter()
    heard = list[Any]()
    for piece in in_pieces(hurt(said, which, damage), size):
        for event in splitter.feed(piece):
            with suppress(sentences.RefusedError):  # damage that leaves the sum right is found in the fields
                heard += [read(event)] if isinstance(event, sentences.Sentence) else []
    after = [read(sentences.open_sentence(write(number))) for number in range(which + 1, count)]
    assert heard[len(heard) - len(after) :] == after
    assert len(heard) >= which


@pytest.mark.parametrize("codec", fuzz.CODECS)
def test_a_few_thousand_damaged_frames_are_heard_or_refused_with_a_reason(codec: str) -> None:
    report = fuzz.run(codec, 3000, seed=42)
    assert report["frames"] >= 3000
    assert report["accepted"] > 0
    assert any(name.startswith("refused: ") for name in report)
