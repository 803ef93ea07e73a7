"""Arbitrary JT/T 808 messages: one hypothesis strategy a message class of the table."""

import dataclasses
import functools
from datetime import UTC, datetime
from typing import get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from services.ingest.jt808 import build, kinds, messages
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import areas, control, media, position, session

u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
times = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)
phones = st.text("0123456789", min_size=1, max_size=12)


def text(size: int) -> st.SearchStrategy[str]:
    """Text of at most `size` bytes in GBK."""
    return st.text("AZ09-_湘粤测试", max_size=size // 2)


def _reports() -> st.SearchStrategy[position.LocationReport]:
    """Any position; the status word has the signs of its degrees."""
    return st.builds(
        build.position,
        times,
        st.integers(-180_000_000, 180_000_000).map(lambda micro: micro / 1_000_000),
        st.integers(-90_000_000, 90_000_000).map(lambda micro: micro / 1_000_000),
        altitude_m=st.integers(-500, 9000),
        speed_mps=u16.map(lambda tenths: tenths / 36),
        heading_deg=st.integers(0, 359),
        alarm=u32,
        status=u32.map(lambda bits: bits & ~0b1100),
        extras=st.dictionaries(u8, st.binary(max_size=20), max_size=4).map(lambda items: tuple(items.items())),
    )


def _registers(form: type, version: Version) -> st.SearchStrategy[session.Register]:
    sizes = {Version.V2011: (5, 8, 7), Version.V2013: (5, 20, 7), Version.V2019: (11, 30, 30)}[version]
    maker, model, terminal_id = map(text, sizes)
    # a registration of 2011 with a long plate can't be told from one of 2013: that has a test of its own
    return st.builds(form, u16, u16, maker, model, terminal_id, st.sampled_from([1, 2, 3, 4, 5, 9]), text(11))


_items = st.lists(st.builds(control.Parameter, u32, st.binary(max_size=30)), max_size=8).map(tuple)
_micro = {limit: st.integers(-limit * 10**6, limit * 10**6).map(lambda micro: micro / 10**6) for limit in (90, 180)}
_windows = st.text("0123456789", min_size=12, max_size=12)
_speeds = st.integers(0, 200).map(lambda kmh: kmh * 10 / 36)
_points = st.lists(st.tuples(_micro[180], _micro[90]), max_size=5).map(tuple)


def form_of(kind: object) -> str:
    """What the helpers of a fixed field are called after: text, bcd, raw, time, … or nothing."""
    return "".join(getattr(kind, "helpers", {}))


def _of_size(kind: kinds.Fixed, size: int, said: object) -> st.SearchStrategy[object]:
    if said is bytes:
        return st.binary(min_size=size, max_size=size)
    return text(size) if "text" in form_of(kind) else st.text("0123456789", min_size=2 * size, max_size=2 * size)


def value(kind: object, said: object) -> st.SearchStrategy[object]:
    """Any value of a field that hangs on no other."""
    plain = {"B": u8, "H": u16, "I": u32}
    if isinstance(kind, kinds.Fixed) and kind.code in plain:
        return plain[kind.code]
    if said is datetime:
        return times
    if isinstance(kind, kinds.Fixed):
        return _of_size(kind, int(kind.code[:-1]), said)
    if get_origin(said) is tuple:
        return st.lists(message(get_args(said)[0]), max_size=6).map(tuple)
    flowing = {bytes: st.binary(max_size=60), str: text(60)}
    return flowing[said] if said in flowing else message(said)


def message(form: type) -> st.SearchStrategy[object]:
    """Any message of a class: its own strategy if it has one, else whatever its table allows."""
    if form is int:
        return u16
    if form in BODIES:
        return BODIES[form]
    hints = get_type_hints(form, include_extras=True)
    return st.builds(form, **{name: value(hint.__metadata__[0], hint.__origin__) for name, hint in hints.items()})


@st.composite
def _area(draw: st.DrawFn, form: type, **more: st.SearchStrategy[object]) -> object:
    """An area, a route or a point: what its attributes call for is there, the rest is not; signs as the bits say."""
    names = {each.name for each in dataclasses.fields(form)}
    attributes = draw(u16) & 0b11
    window = {name: draw(_windows) if attributes & 1 else None for name in names & {"start", "end"}}
    times_s = {name: draw(u16) if attributes & 1 else None for name in names & {"longest_s", "shortest_s"}}
    speeds = {
        name: draw(_speeds) if attributes & 2 else None for name in names & {"max_speed_mps", "night_max_speed_mps"}
    }
    overspeed = {name: draw(u8) if attributes & 2 else None for name in names & {"overspeed_s"}}
    degrees = {
        name: draw(_micro[180 if name in {"lon_deg", "west_deg", "east_deg"} else 90])
        for name in names & {"lat_deg", "lon_deg", "north_deg", "west_deg", "south_deg", "east_deg"}
    }
    name = {"name": draw(text(20))} if "name" in names else {}
    rest = {key: draw(drawn) for key, drawn in more.items()}
    return form(
        id=draw(u32), attributes=attributes, **window, **times_s, **speeds, **overspeed, **degrees, **name, **rest
    )


def _listed(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


_circles, _rectangles, _polygons, _routes = (
    _area(areas.Circle2019, radius_m=u32),
    _area(areas.Rectangle2019),
    _area(areas.SetPolygon2019, points=_points),
    _area(areas.SetRoute2019, points=_listed(_area(areas.RoutePoint2019, segment_id=u32, width_m=u8))),
)
_basic = _reports().map(lambda report: dataclasses.replace(report, extras={}))
_drivers = st.builds(
    media.Driver, text(20), text(20), text(30), st.text("0123456789", min_size=8, max_size=8), st.none() | text(20)
)
_cards = st.builds(media.CardRead, st.just(0), _drivers) | st.builds(media.CardRead, st.integers(1, 4), st.none())

BODIES: dict[type, st.SearchStrategy[object]] = {
    session.Register2011: _registers(session.Register2011, Version.V2011),
    session.Register: _registers(session.Register, Version.V2013),
    session.Register2019: _registers(session.Register2019, Version.V2019),
    session.RegisterReply: st.one_of(
        st.builds(session.RegisterReply, u16, st.just(0), text(40)),
        st.builds(session.RegisterReply, u16, st.integers(1, 255), st.none()),
    ),
    position.LocationReport: _reports(),
    position.BatchReport: st.builds(build.batch, st.lists(_reports(), max_size=6), catch_up=st.booleans()),
    position.Track: st.just(position.Track(0)) | st.builds(position.Track, st.integers(1, 65535), u32),
    control.SetParameters2011: st.builds(
        lambda items, total: control.SetParameters2011(total, len(items), items), _items, u8
    ),
    control.Parameters2011: st.builds(
        lambda serial, items, total: control.Parameters2011(serial, total, len(items), items), u16, _items, u8
    ),
    areas.SetCircles: st.builds(areas.SetCircles, u8, _listed(_area(areas.Circle, radius_m=u32))),
    areas.SetCircles2019: st.builds(areas.SetCircles2019, u8, _listed(_circles)),
    areas.SetRectangles: st.builds(areas.SetRectangles, u8, _listed(_area(areas.Rectangle))),
    areas.SetRectangles2019: st.builds(areas.SetRectangles2019, u8, _listed(_rectangles)),
    areas.SetPolygon: _area(areas.SetPolygon, points=_points),
    areas.SetPolygon2019: _polygons,
    areas.SetRoute: _area(areas.SetRoute, points=_listed(_area(areas.RoutePoint, segment_id=u32, width_m=u8))),
    areas.SetRoute2019: _routes,
    areas.Areas: st.one_of(
        *[
            _listed(strategy).map(functools.partial(areas.Areas, kind))
            for kind, strategy in enumerate((_circles, _rectangles, _polygons, _routes), 1)
        ]
    ),
    media.DriverCard: st.builds(media.DriverCard, u8, times, st.none() | _cards),
    media.CanData: _listed(st.builds(media.CanFrame, u32, st.binary(min_size=8, max_size=8))).map(
        lambda items: media.CanData(len(items), "2359590123", items)
    ),
    media.MediaData: st.builds(media.MediaData, u32, u8, u8, u8, u8, _basic, st.binary(max_size=50)),
    media.MediaReply: st.builds(media.MediaReply, u32, st.none() | st.lists(u16, max_size=9).map(tuple)),
}
"""How to draw a message of those classes whose fields hang on each other."""


@st.composite
def spoken(draw: st.DrawFn, *, upward: bool | None = None) -> tuple[object, Version]:
    """Any message of the table with an edition it stands in; `upward`: from terminals only."""
    rows = [row for row in messages.TABLE if upward is None or (row[0] < messages.FROM_PLATFORM) is upward]
    _, versions, form = draw(st.sampled_from(rows))
    return draw(message(form)), draw(st.sampled_from(versions))
