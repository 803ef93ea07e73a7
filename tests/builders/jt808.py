"""Arbitrary JT/T 808 messages: one hypothesis strategy a message class of the table."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from services.ingest.jt808 import build, messages
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import control, position, session

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

BODIES: dict[type, st.SearchStrategy[object]] = {
    session.TerminalReply: st.builds(session.TerminalReply, u16, u16, u8),
    session.Heartbeat: st.builds(session.Heartbeat, st.binary(max_size=8)),
    session.Unregister: st.just(session.Unregister()),
    session.Register2011: _registers(session.Register2011, Version.V2011),
    session.Register: _registers(session.Register, Version.V2013),
    session.Register2019: _registers(session.Register2019, Version.V2019),
    session.Authenticate: st.builds(session.Authenticate, text(60)),
    session.Authenticate2019: st.builds(session.Authenticate2019, text(60), text(15), text(20)),
    position.LocationReport: _reports(),
    position.BatchReport: st.builds(build.batch, st.lists(_reports(), max_size=6), catch_up=st.booleans()),
    position.QueryPosition: st.just(position.QueryPosition()),
    session.PlatformReply: st.builds(session.PlatformReply, u16, u16, u8),
    session.RegisterReply: st.one_of(
        st.builds(session.RegisterReply, u16, st.just(0), text(40)),
        st.builds(session.RegisterReply, u16, st.integers(1, 255), st.none()),
    ),
    control.SetParameters: st.builds(control.SetParameters, _items),
    control.SetParameters2011: st.builds(
        lambda items, total: control.SetParameters2011(total, len(items), items), _items, u8
    ),
    control.Text: st.builds(control.Text, u8, text(200)),
    control.Text2019: st.builds(control.Text2019, u8, u8, text(200)),
}
"""How to draw a message of each class."""


@st.composite
def spoken(draw: st.DrawFn, *, upward: bool | None = None) -> tuple[object, Version]:
    """Any message of the table with an edition it stands in; `upward`: from terminals only."""
    rows = [row for row in messages.TABLE if upward is None or (row[0] < messages.FROM_PLATFORM) is upward]
    _, versions, form = draw(st.sampled_from(rows))
    return draw(BODIES[form]), draw(st.sampled_from(versions))
