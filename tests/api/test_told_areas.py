"""Areas and ways of the map told to terminals over real sockets: in their form, in packets, or not at all."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway import errands, server
from services import access, areas, commands
from services.db.engine import writing
from services.errors import InvalidError
from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.events import Other
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import areas as fences
from services.ingest.jt808.messages import session
from services.ingest.jt808.terminal import Terminal as Speaker
from tests.builders.terminals import NOW, Terminal, confirm

SQUARE = [[113.1, 27.8], [113.2, 27.8], [113.2, 27.9], [113.1, 27.9], [113.1, 27.8]]
LONG = [[113.1 + n / 10_000, 27.8 + (n % 2) / 10_000] for n in range(300)] + [[113.12, 27.9], [113.1, 27.8]]
"""An outline that takes three packets."""


async def draw(engine: AsyncEngine, officer: access.Mandate, ring: list[Any], *holes: Any) -> int:
    return await put(engine, officer, {"type": "Polygon", "coordinates": [ring, *holes]})


async def put(engine: AsyncEngine, officer: access.Mandate, shape: dict[str, Any], **measures: Any) -> int:
    async with writing(engine) as db:
        drawn = await areas.create_area(officer, db, name="戒备区", kind="restricted", shape=shape, **measures)
    return drawn.id


async def test_an_area_drawn_on_the_map_is_watched_by_the_terminal(signed_in, ask, becomes, engine, officer) -> None:
    area_id = await draw(engine, officer, SQUARE)
    command_id = await ask("set_area", area_id=area_id, max_speed_mps=10, daily_from="08:00", daily_to="18:30")
    frame, heard = await signed_in.hear_frame()
    (item,) = heard.items
    assert type(heard) is fences.SetRectangles
    assert (item.id, item.attributes, item.start, item.end) == (area_id, 0b101011, "000000080000", "000000183000")
    assert (item.north_deg, item.west_deg, item.south_deg, item.east_deg) == (27.9, 113.1, 27.8, 113.2)
    assert (item.max_speed_mps, item.overspeed_s) == (10, 10)
    await confirm(signed_in, frame)
    await becomes(command_id, "acknowledged")


async def test_an_area_with_a_hole_is_refused_in_words(ask, gateway, engine, officer) -> None:
    hole = [[113.14, 27.84], [113.16, 27.84], [113.16, 27.86], [113.14, 27.84]]
    area_id = await draw(engine, officer, SQUARE, hole)
    with pytest.raises(InvalidError, match=r"parts of this area: 1, holes: 1\. Draw each part"):
        await ask("set_area", area_id=area_id)


async def test_a_long_outline_goes_in_packets_and_what_the_terminal_misses_is_sent_again(
    gateway, ask, becomes, engine, officer
) -> None:
    area_id = await draw(engine, officer, LONG)
    async with Terminal.on(gateway.port, version=Version.V2019) as terminal:
        await terminal.sign_in()
        command_id = await ask("set_area", area_id=area_id, tell_driver=True)
        frame, heard = await terminal.hear_frame()
        assert type(heard) is fences.SetPolygon2019
        assert (heard.id, heard.name, heard.attributes, len(heard.points)) == (area_id, "戒备区", 0b111100, 301)
        packets = terminal.packets.copy()
        assert [packet.part for packet in packets] == [(3, 1), (3, 2), (3, 3)]
        assert [packet.serial for packet in packets] == [frame.serial + n for n in range(3)]
        await terminal.send(terminal.frame(session.TerminalResend(frame.serial, (1, 3))))
        with pytest.raises(TimeoutError):
            await terminal.hear(0.5)
        assert terminal.packets[3:] == [packets[0], packets[2]]
        await confirm(terminal, packets[0])
        await confirm(terminal, packets[2])
        await becomes(command_id, "acknowledged")


@pytest.mark.parametrize("number", [0, 1])
async def test_a_long_command_that_is_confirmed_once_by_any_packet_is_acknowledged(
    gateway, ask, becomes, engine, officer, monkeypatch, number
) -> None:
    monkeypatch.setattr(server, "_LOOK_ROUND_S", 0.1)
    monkeypatch.setattr(errands, "QUIET", timedelta(seconds=0.3))
    area_id = await draw(engine, officer, LONG)
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        command_id = await ask("set_area", area_id=area_id)
        await terminal.hear_frame()
        await confirm(terminal, terminal.packets[number])
        await becomes(command_id, "acknowledged")
        assert len(terminal.packets) == 3
        await confirm(terminal, terminal.packets[-1])  # the same again changes nothing
        assert (await terminal.ask(session.Heartbeat())).result == 0


async def test_a_terminal_that_confirms_packet_by_packet_is_waited_for_and_may_still_refuse(
    gateway, ask, becomes, engine, officer
) -> None:
    area_id = await draw(engine, officer, LONG)
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        command_id = await ask("set_area", area_id=area_id)
        await terminal.hear_frame()
        for packet in terminal.packets[:2]:
            await confirm(terminal, packet)
        await terminal.send(terminal.frame(session.TerminalReply(terminal.packets[2].serial, 0x8604, 1)))
        await becomes(command_id, "refused")


def test_a_packet_confirmed_before_others_are_asked_for_again_does_not_stand_for_the_whole() -> None:
    speaker = Speaker()
    hello = jt808.frame(build.authenticate(Version.V2019, "x"), phone="1", serial=0, version=Version.V2019)
    assert len(list(speaker.receive(hello, NOW))) == 1
    sent = errands.Errands(speaker)
    points = [[113.1 + n / 10_000, 27.8] for n in range(300)]
    sent.write(commands.Errand(1, 1, "set_area", {"area_id": 5, "form": "polygon", "points": points}))

    def reply(serial: int, seconds: float) -> object:
        said = session.TerminalReply(serial, 0x8604, 0)
        return sent.hear(Other("1", 0, 0x0001, said), NOW + timedelta(seconds=seconds))

    assert reply(0, 0) is None
    assert len(jt808.Splitter().feed(sent.again(0, (2, 3)))) == 2
    assert list(sent.conclude(NOW + timedelta(seconds=60))) == []
    assert reply(0, 70) is None
    assert [outcome.state for outcome in sent.conclude(NOW + timedelta(seconds=90))] == ["acknowledged"]
    assert list(sent.conclude(NOW + timedelta(seconds=120))) == []


WAY = {"type": "LineString", "coordinates": [[113.1, 27.8], [113.2, 27.8], [113.2, 27.9]]}


async def test_a_way_is_a_route_with_its_width_and_a_limit_for_each_segment(
    gateway, ask, becomes, engine, officer
) -> None:
    way = await put(engine, officer, WAY, width_m=50)
    async with Terminal.on(gateway.port, version=Version.V2019) as terminal:
        await terminal.sign_in()
        command_id = await ask(
            "set_area", area_id=way, max_speed_mps=20, segment_speeds_mps=[None, 10], daily_from="06:00",
            daily_to="22:00",
        )  # fmt: skip
        frame, told = await terminal.hear_frame()
        assert type(told) is fences.SetRoute2019
        assert (told.id, told.attributes, told.name) == (way, 0b101001, "戒备区")
        assert (told.start, told.end) == ("000000060000", "000000220000")
        assert [[point.lon_deg, point.lat_deg] for point in told.points] == WAY["coordinates"]
        assert [point.width_m for point in told.points] == [50] * 3
        assert [point.max_speed_mps for point in told.points] == [20, 10, 10]
        await confirm(terminal, frame)
        await becomes(command_id, "acknowledged")
        question = await ask("query_areas", form="route", ids=[])
        assert await terminal.hear() == fences.QueryAreas(4, ())
        await terminal.send(terminal.frame(fences.Areas(4, (told,))))
        assert (await becomes(question, "answered")).answer["items"][0]["id"] == way


async def test_a_way_without_limits_is_told_to_an_older_terminal(signed_in, ask, engine, officer) -> None:
    way = await put(engine, officer, WAY, width_m=8)
    await ask("set_area", area_id=way)
    told = await signed_in.hear()
    assert type(told) is fences.SetRoute
    assert (told.attributes, {point.attributes for point in told.points}) == (0b101000, {0})


async def test_a_circle_drawn_by_its_radius_is_told_as_one(signed_in, ask, engine, officer) -> None:
    area_id = await put(engine, officer, {"type": "Point", "coordinates": [113.1, 27.8]}, radius_m=300)
    await ask("set_area", area_id=area_id)
    (circle,) = (await signed_in.hear()).items
    assert (circle.lon_deg, circle.lat_deg, circle.radius_m) == (pytest.approx(113.1), pytest.approx(27.8), 300)


async def test_limits_by_segment_are_as_many_as_the_segments_and_of_a_way(ask, gateway, engine, officer) -> None:
    way, square = await put(engine, officer, WAY, width_m=8), await draw(engine, officer, SQUARE)
    with pytest.raises(InvalidError, match="2 segments"):
        await ask("set_area", area_id=way, segment_speeds_mps=[10])
    with pytest.raises(InvalidError, match="Only a way"):
        await ask("set_area", area_id=square, segment_speeds_mps=[10])
