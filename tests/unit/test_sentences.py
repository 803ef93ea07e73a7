"""Lines with checksums: found in any fragmentation, behind any damage; refused with the reason."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidError
from services.ingest.sentences import (
    MAX_SENTENCE,
    Refused,
    RefusedError,
    Sentence,
    Splitter,
    close_sentence,
    open_sentence,
)
from tests.builders import sentences as make

GOOD = close_sentence("GNTXT", ("01", "hello"))
FIELDS = st.lists(st.text(st.characters(codec="gbk", exclude_characters="$*,\r\n")), max_size=8).map(tuple)
NOISE = st.binary(max_size=40) | st.sampled_from(
    [b"$", b"\r\n", b"*", b"$GN", b"x" * (MAX_SENTENCE + 7), GOOD, GOOD[:9]]
)


def feed(data: bytes, cuts: list[int] | None = None) -> list[Sentence | Refused]:
    splitter = Splitter()
    edges = sorted({min(cut, len(data)) for cut in cuts or []} | {0, len(data)})
    parts = [data[start:end] for start, end in pairwise(edges)]
    return [*(heard for part in parts for heard in splitter.feed(part)), *splitter.flush()]


@given(FIELDS)
def test_what_is_written_is_read(fields: tuple[str, ...]) -> None:
    try:
        raw = close_sentence("GNTXT", fields)
    except InvalidError:
        return
    assert open_sentence(raw).fields == fields


@given(st.lists(NOISE, max_size=12).map(b"".join), st.lists(st.integers(0, 20_000), max_size=8))
def test_any_fragmentation_finds_the_same(data: bytes, cuts: list[int]) -> None:
    assert feed(data, cuts) == feed(data)


@given(st.binary(max_size=500))
def test_random_bytes_are_refused_not_raised(data: bytes) -> None:
    assert all(isinstance(heard, Refused | Sentence) for heard in feed(data))


@given(st.lists(NOISE, max_size=8).map(b"".join))
def test_an_intact_sentence_behind_any_damage_is_found(noise: bytes) -> None:
    found = feed(noise + b"\r\n" + make.gga(make.START))
    assert isinstance(found[-1], Sentence)
    assert found[-1].address == "GNGGA"


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_damaged_byte_costs_one_sentence_and_no_other(place: int, byte: int) -> None:
    data = make.gga(make.START) + GOOD[:place] + bytes((byte,)) + GOOD[place + 1 :] + make.rmc(make.START)
    found = [heard.address for heard in feed(data) if isinstance(heard, Sentence)]
    assert found[0] == "GNGGA"
    assert "GNRMC" in found or place >= len(GOOD) - 2


def test_sentences_without_a_line_between_are_parted() -> None:
    found = feed(GOOD.strip() + GOOD.strip())
    assert [type(heard) for heard in found] == [Sentence, Sentence]


def test_a_sentence_cut_off_by_the_next_is_refused_and_the_next_read() -> None:
    cut, whole = feed(GOOD[:10] + GOOD)
    assert (type(cut), type(whole)) == (Refused, Sentence)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"GNTXT,1*00", "start"), (b"$GNTXT,1", "checksum"), (b"$GNTXT,1*00", "checksum"), (b"$GNTXT,1*5", "checksum"),
        (b"$,1*1D", "address"), (b"$" + b"x" * MAX_SENTENCE, "length"),
    ],
)  # fmt: skip
def test_what_is_no_sentence_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        open_sentence(raw)
    assert refused.value.reason == reason


def test_a_missing_checksum_passes_only_if_that_is_said_and_a_wrong_one_never() -> None:
    assert open_sentence(b"$GNTXT,1", unchecked=True).fields == ("1",)
    with pytest.raises(RefusedError):
        open_sentence(b"$GNTXT,1*00", unchecked=True)


@pytest.mark.parametrize("field", ["a*b", "a$b", "a\nb", "a\N{GRINNING FACE}"])
def test_what_would_break_a_sentence_is_not_written(field: str) -> None:
    with pytest.raises(InvalidError):
        close_sentence("GNTXT", (field,))


def test_memory_is_bounded_whatever_comes() -> None:
    splitter = Splitter()
    for _ in range(50):
        refused = list(splitter.feed(b"x" * 100_000))
        assert len(splitter._held) <= MAX_SENTENCE
        assert all(len(each.raw) <= MAX_SENTENCE for each in refused)
