"""The limits of an authorisation, as pure judgement."""

from datetime import UTC, datetime, timedelta

import shapely
from hypothesis import given
from hypothesis import strategies as st

from services.access import cases

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
START, END = NOW - timedelta(days=10), NOW - timedelta(days=5)
AREA = shapely.MultiPolygon([shapely.box(113.0, 27.5, 113.5, 28.0)])


def limits(**more: object) -> cases.Limits:
    values: dict[str, object] = {
        "id": 1, "state": "approved", "approver_holds": True, "expires_at": NOW + timedelta(days=1),
        "sources": frozenset({"tracks"}), "subjects": frozenset({"unit:5"}), "start": START, "end": END,
        "area_wkb": AREA.wkb,
    }  # fmt: skip
    return cases.Limits(**(values | more))  # type: ignore[arg-type]


def query(**more: object) -> cases.Query:
    values: dict[str, object] = {"subject": "unit:5", "source": cases.Source.TRACKS, "start": START, "end": END}
    return cases.Query(**(values | more))  # type: ignore[arg-type]


def broken(known: cases.Limits, asked: cases.Query, now: datetime = NOW) -> str | None:
    found = cases.broken_limit(known, asked, now)
    return found[1] if found else None


def test_a_query_inside_all_limits_passes():
    assert broken(limits(), query()) is None
    assert broken(limits(), query(area=shapely.box(113.1, 27.6, 113.2, 27.7))) is None


def test_the_sentence_names_the_limit_that_is_broken():
    assert "not approved" in broken(limits(state="proposed"), query())
    assert "revoked" in broken(limits(state="revoked"), query())
    assert "no longer holds" in broken(limits(approver_holds=False), query())
    assert "expired" in broken(limits(expires_at=NOW), query())
    assert "source" in broken(limits(sources=frozenset({"calls"})), query())
    assert "subject" in broken(limits(), query(subject="unit:6"))
    assert "time" in broken(limits(), query(end=END + timedelta(microseconds=1)))
    assert "time" in broken(limits(), query(start=START - timedelta(microseconds=1)))
    assert "area" in broken(limits(), query(area=shapely.box(113.4, 27.6, 113.6, 27.7)))


def test_without_subjects_whoever_was_in_the_area_may_be_asked_for():
    assert broken(limits(subjects=frozenset()), query(subject="device:99")) is None


moments = st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
corners = st.floats(112.5, 114.0, allow_nan=False), st.floats(27.0, 28.5, allow_nan=False)


@given(
    st.tuples(moments, moments), st.sampled_from(["unit:5", "unit:6", "device:5"]),
    st.sampled_from(["approved", "proposed"]), moments, st.tuples(*corners, *corners),
)  # fmt: skip
def test_whatever_is_asked_what_passes_lies_inside(span, subject, state, now, corner):
    (start, end), one, other = span, corner[:2], corner[2:]
    box = shapely.box(min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1]))
    known = limits(state=state, approver_holds=state == "approved")
    if cases.broken_limit(known, query(start=start, end=end, subject=subject, area=box), now) is None:
        assert (state, subject) == ("approved", "unit:5")
        assert START <= start < end <= END
        assert now < known.expires_at
        assert AREA.covers(box)
