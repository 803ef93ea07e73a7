"""Commands to terminals over real sockets: sent, answered, lost, late, and through the end of a gateway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway import errands, server
from api.gateway.server import Gateway
from services import access, areas, commands
from services.commands import register
from services.db.engine import reading, writing
from services.errors import InvalidError
from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.events import Other
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import areas as fences
from services.ingest.jt808.messages import control, position, session, texts
from services.ingest.jt808.terminal import Terminal as Speaker
from services.settings import Settings
from tests.builders.database import fixes, know, rows
from tests.builders.terminals import NOW, PHONE, Terminal, a_report

WAIT_S = 0.4
PATIENT = Settings(command_timeout_s=30)
SQUARE = [[113.1, 27.8], [113.2, 27.8], [113.2, 27.9], [113.1, 27.9], [113.1, 27.8]]
LONG = [[113.1 + n / 10_000, 27.8 + (n % 2) / 10_000] for n in range(300)] + [[113.12, 27.9], [113.1, 27.8]]
"""An outline that takes three packets."""
Asker = Callable[..., Awaitable[int]]


@asynccontextmanager
async def a_gateway(engine: AsyncEngine, settings: Settings, **more: Any) -> AsyncIterator[Gateway]:
    chosen = {"gateway_port": 0, "command_timeout_s": WAIT_S, "command_retries": 2, **more}
    async with Gateway(engine, settings.model_copy(update=chosen)).serving() as served:
        yield served


@pytest.fixture
async def gateway(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Gateway]:
    await know(engine, PHONE)
    async with a_gateway(engine, settings, command_timeout_s=30) as served:
        yield served


@pytest.fixture
async def officer(mandate: Any) -> access.Mandate:
    return await mandate("system_admin")


@pytest.fixture
def ask(engine: AsyncEngine, officer: access.Mandate) -> Asker:
    async def give(kind: str, valid_s: float = 60, device_id: int = 1, **said: Any) -> int:
        async with writing(engine) as db:
            asked = await commands.ask(
                officer, db, device_id=device_id, kind=kind, parameters=said, valid_for=timedelta(seconds=valid_s),
                now=datetime.now(UTC),
            )  # fmt: skip
        assert asked.state == "queued"
        return asked.id

    return give


async def stands(engine: AsyncEngine, officer: access.Mandate, command_id: int) -> commands.CommandView:
    async with reading(engine) as db:
        found = await commands.list_commands(officer, db, state=None, before_id=None, limit=50)
    return next(each for each in found if each.id == command_id)


@pytest.fixture
def becomes(engine: AsyncEngine, officer: access.Mandate) -> Callable[..., Awaitable[commands.CommandView]]:
    async def wait(command_id: int, state: str, within_s: float = 10) -> commands.CommandView:
        async with asyncio.timeout(within_s):
            while (found := await stands(engine, officer, command_id)).state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    return wait


async def confirm(terminal: Terminal, frame: Any, result: int = 0) -> None:
    await terminal.send(terminal.frame(session.TerminalReply(frame.serial, frame.message_id, result)))


async def draw(engine: AsyncEngine, officer: access.Mandate, ring: list[Any], *holes: Any) -> int:
    return await put(engine, officer, {"type": "Polygon", "coordinates": [ring, *holes]})


async def put(engine: AsyncEngine, officer: access.Mandate, shape: dict[str, Any], **measures: Any) -> int:
    async with writing(engine) as db:
        drawn = await areas.create_area(officer, db, name="戒备区", kind="restricted", shape=shape, **measures)
    return drawn.id


CONFIRMED: list[tuple[str, dict[str, Any], Any]] = [
    ("text", {"text": "注意安全", "urgent": True, "read_out": True}, texts.Text(0b1101, "注意安全")),
    ("track", {"interval_s": 5, "validity_s": 300}, position.Track(5, 300)),
    ("track", {"interval_s": 0}, position.Track(0)),
    ("restart", {}, control.Control(4, "")),
    (
        "set_parameters",
        {"values": {"heartbeat_s": 60, "gnss_systems": 3, "max_speed_mps": 25}},
        control.SetParameters(
            (
                control.Parameter(1, b"\0\0\0\x3c"),
                control.Parameter(0x90, b"\3"),
                control.Parameter(0x55, b"\0\0\0\x5a"),
            )
        ),
    ),
    ("delete_areas", {"form": "circle", "ids": [6]}, fences.DeleteCircles((6,))),
    ("delete_areas", {"form": "rectangle", "ids": [7, 8]}, fences.DeleteRectangles((7, 8))),
    ("delete_areas", {"form": "polygon", "ids": [9]}, fences.DeletePolygons((9,))),
    ("delete_areas", {"form": "route", "ids": []}, fences.DeleteRoutes(())),
]


@pytest.mark.parametrize(("kind", "said", "expected"), CONFIRMED)
async def test_a_command_is_sent_and_acknowledged(signed_in, ask, becomes, kind, said, expected) -> None:
    command_id = await ask(kind, **said)
    frame, heard = await signed_in.hear_frame()
    assert heard == expected
    assert (await becomes(command_id, "sent")).attempts == 1
    await confirm(signed_in, frame)
    done = await becomes(command_id, "acknowledged")
    assert done.sent_at <= done.settled_at


ATTRIBUTES = control.Attributes(0, "TSHU", "TS-1", "T000001", "8986" + "0" * 16, "1.0", "2.3", 3, 1)
ANSWERED: list[tuple[str, dict[str, Any], Any, Callable[[int], Any], dict[str, Any]]] = [
    (
        "query_parameters", {}, control.QueryParameters(),
        lambda serial: control.Parameters(
            serial, (control.Parameter(1, b"\0\0\0\x1e"), control.Parameter(0x13, b"host"))
        ),
        {"parameters": {"heartbeat_s": 30, "0x0013": "686f7374"}},
    ),
    (
        "query_parameters", {"names": ["max_speed_mps"]}, control.QuerySomeParameters((0x55,)),
        lambda serial: control.Parameters(serial, (control.Parameter(0x55, b"\0\0\0\x5a"),)),
        {"parameters": {"max_speed_mps": 25.0}},
    ),
    ("query_attributes", {}, control.QueryAttributes(), lambda _: ATTRIBUTES, {"maker": "TSHU", "firmware": "2.3"}),
    (
        "position_now", {}, position.QueryPosition(), lambda serial: position.PositionReply(serial, a_report()),
        {"lon_deg": 113.15, "positioned": True},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "said", "expected", "answer", "shown"), ANSWERED)
async def test_a_question_is_answered(signed_in, ask, becomes, kind, said, expected, answer, shown) -> None:
    command_id = await ask(kind, **said)
    frame, heard = await signed_in.hear_frame()
    assert heard == expected
    await signed_in.send(signed_in.frame(answer(frame.serial)))
    done = await becomes(command_id, "answered")
    assert done.answer.items() >= shown.items()


async def test_the_position_that_was_asked_for_is_a_fix_like_any_other(signed_in, ask, becomes, engine) -> None:
    command_id = await ask("position_now")
    frame, _ = await signed_in.hear_frame()
    await signed_in.send(signed_in.frame(position.PositionReply(frame.serial, a_report())))
    await becomes(command_id, "answered")
    assert await fixes(engine) == 1


async def test_a_question_may_be_confirmed_first_and_answered_later(signed_in, ask, becomes) -> None:
    command_id = await ask("query_parameters")
    frame, _ = await signed_in.hear_frame()
    await confirm(signed_in, frame)
    await becomes(command_id, "acknowledged")
    await signed_in.send(signed_in.frame(control.Parameters(frame.serial, ())))
    assert (await becomes(command_id, "answered")).answer == {"parameters": {}}


@pytest.mark.parametrize(("result", "detail"), [(1, "failed"), (2, "bad_message"), (3, "unsupported")])
async def test_what_a_terminal_refuses_is_refused(signed_in, ask, becomes, result, detail) -> None:
    command_id = await ask("restart")
    frame, _ = await signed_in.hear_frame()
    await confirm(signed_in, frame, result)
    assert (await becomes(command_id, "refused")).detail == detail


async def test_an_answer_settles_the_command_whose_serial_number_it_names(signed_in, ask, becomes) -> None:
    first, second = await ask("text", text="一"), await ask("text", text="二")
    frames = [(await signed_in.hear_frame())[0] for _ in range(2)]
    await confirm(signed_in, frames[1])
    await becomes(second, "acknowledged")
    await becomes(first, "sent")
    await confirm(signed_in, frames[0], 1)
    await becomes(first, "refused")


# -- areas


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


async def test_what_an_edition_can_not_say_is_refused_when_it_is_asked(signed_in, ask) -> None:
    with pytest.raises(InvalidError, match="0x8608"):
        await ask("query_areas", form="circle", ids=[])
    with pytest.raises(InvalidError, match="GBK"):
        await ask("text", text="😀")


# -- lost, late, elsewhere


async def test_a_command_without_an_answer_is_sent_again_and_then_given_up(engine, settings, ask, becomes) -> None:
    await know(engine, PHONE)
    async with a_gateway(engine, settings) as gateway, Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        command_id = await ask("text", text="在吗")
        heard = [await terminal.hear_frame() for _ in range(3)]
        assert len({(frame.serial, message) for frame, message in heard}) == 1
        given_up = await becomes(command_id, "timed_out")
        assert given_up.attempts == 3
        assert given_up.settled_at - given_up.sent_at >= timedelta(seconds=WAIT_S * (1 + 2 + 6))
        await confirm(terminal, heard[0][0])
        await becomes(command_id, "acknowledged")


async def test_an_answer_that_was_lost_comes_with_the_next_attempt(engine, settings, ask, becomes) -> None:
    await know(engine, PHONE)
    async with a_gateway(engine, settings) as gateway, Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        command_id = await ask("position_now")
        await terminal.hear_frame()
        frame, _ = await terminal.hear_frame()
        await terminal.send(terminal.frame(position.PositionReply(frame.serial, a_report())))
        assert (await becomes(command_id, "answered")).attempts == 2


async def test_a_command_outlives_the_gateway_that_sent_it(engine, settings, ask, becomes) -> None:
    await know(engine, PHONE)
    async with a_gateway(engine, settings) as gateway, Terminal.on(gateway.port) as terminal:
        code = await terminal.sign_in()
        command_id = await ask("query_attributes")
        await terminal.hear_frame()
        waiting = await ask("text", text="later", valid_s=60)
    async with a_gateway(engine, settings) as gateway, Terminal.on(gateway.port) as terminal:
        assert await terminal.authenticate(code) == 0
        heard = {type((await terminal.hear_frame())[1]) for _ in range(2)}
        assert heard == {control.QueryAttributes, texts.Text}
        await terminal.send(terminal.frame(ATTRIBUTES))
        await becomes(command_id, "answered")
        await becomes(waiting, "sent")


async def test_the_gateway_that_holds_the_socket_sends_the_command(engine, settings, ask, becomes) -> None:
    await know(engine, PHONE)
    async with a_gateway(engine, settings), a_gateway(engine, settings) as other, Terminal.on(other.port) as terminal:
        await terminal.sign_in()
        command_id = await ask("text", text="hello")
        frame, _ = await terminal.hear_frame()
        await confirm(terminal, frame)
        assert (await becomes(command_id, "acknowledged")).attempts == 1


async def test_a_command_waits_for_a_device_that_is_away_until_its_time_is_over(gateway, ask, becomes) -> None:
    patient, hasty = await ask("text", text="later", valid_s=60), await ask("text", text="now", valid_s=1)
    assert (await becomes(hasty, "expired")).attempts == 0
    await becomes(patient, "queued")
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        frame, heard = await terminal.hear_frame()
        assert heard == texts.Text(0b100, "later")
        await confirm(terminal, frame)
        await becomes(patient, "acknowledged")
        assert await terminal.hears_nothing(1.2)


async def test_what_the_terminal_turns_out_not_to_speak_is_refused(engine, gateway, ask, becomes) -> None:
    async with writing(engine) as db:
        await db.execute(text("UPDATE device SET protocol = '2019'"))
    question = await ask("query_areas", form="circle", ids=[])
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        assert "0x8608" in (await becomes(question, "refused")).detail
        assert await terminal.hears_nothing()


async def test_a_terminal_of_2019_is_addressed_in_its_own_words(gateway, ask) -> None:
    await ask("text", text="later")
    async with Terminal.on(gateway.port, version=Version.V2019) as terminal:
        await terminal.sign_in()
        assert await terminal.hear() == texts.Text2019(0b111, 1, "later")


async def test_everybody_who_asks_is_recorded(ask, gateway, engine, officer) -> None:
    await ask("restart")
    found = await rows(engine, "SELECT act, target FROM audit WHERE act LIKE '%_device' ORDER BY id")
    assert found == [("command_device", "device:1 restart"), ("configure_device", "device:1 restart")]


# -- over HTTP


async def test_commands_are_asked_listed_and_taken_back_over_http(client, engine) -> None:
    await know(engine, PHONE)
    await know(engine, "rdss:0179773")
    desk = await client("dispatcher")
    asked = await desk.post("/devices/1/commands", json={"kind": "text", "text": "请回电"})
    assert asked.status_code == 201
    command = asked.json()
    assert (command["state"], command["parameters"]["text"], command["attempts"]) == ("queued", "请回电", 0)
    assert command["asked_by"].startswith("dispatcher")
    assert (await desk.post("/devices/1/commands", json={"kind": "restart"})).status_code == 403
    assert (await desk.post("/devices/9/commands", json={"kind": "position_now"})).status_code == 404
    assert (await desk.post("/devices/2/commands", json={"kind": "position_now"})).status_code == 422
    assert (await desk.post("/devices/1/commands", json={"kind": "explode"})).status_code == 422
    assert (await desk.get("/devices/1/commands")).json()["items"] == [command]
    assert (await desk.get("/commands", params={"state": "queued"})).json()["items"] == [command]
    assert (await desk.get("/commands", params={"state": "sent"})).json()["items"] == []
    gone = await desk.delete(f"/commands/{command['id']}")
    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    assert (await desk.delete(f"/commands/{command['id']}")).status_code == 409
    assert (await desk.delete("/commands/999")).status_code == 404


async def test_a_parameter_that_may_not_be_set_is_refused_with_those_that_may(client, engine) -> None:
    await know(engine, PHONE)
    admin = await client("system_admin")

    async def set_to(**values: float) -> Any:
        return await admin.post("/devices/1/commands", json={"kind": "set_parameters", "values": values})

    assert "heartbeat_s" in (await set_to(server=1)).json()["detail"]
    assert "5 to 3600" in (await set_to(heartbeat_s=1)).json()["detail"]
    assert (await set_to(heartbeat_s=60, default_interval_s=10)).status_code == 201


async def test_no_more_than_fifty_commands_of_a_device_wait(client, engine) -> None:
    await know(engine, PHONE)
    desk = await client("dispatcher")
    codes = [(await desk.post("/devices/1/commands", json={"kind": "position_now"})).status_code for _ in range(51)]
    assert codes == [201] * 50 + [409]


async def test_a_name_that_is_half_a_character_is_refused_as_a_problem(client, engine) -> None:
    await know(engine, PHONE)
    admin = await client("system_admin")
    said = b'{"kind": "set_parameters", "values": {"\\ud800": 1}}'
    answer = await admin.post("/devices/1/commands", content=said, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_refusal_carries_its_pattern_and_its_values(client, engine) -> None:
    await know(engine, PHONE)
    admin = await client("system_admin")
    said = {"kind": "set_parameters", "values": {"heartbeat_s": 1}}
    refused = (await admin.post("/devices/1/commands", json=said)).json()
    assert refused["detail"] == "heartbeat_s is 5 to 3600."
    values = {"name": "heartbeat_s", "least": "5", "most": "3600"}
    assert refused["told"] == {"sentence": "{name} is {least} to {most}.", "values": values}
    wrong = (await admin.post("/devices/1/commands", json={"kind": "track", "interval_s": -1})).json()
    told = {"sentence": "greater_than_equal", "values": {"ge": 0}}
    assert [(fault["where"], fault["told"]) for fault in wrong["errors"]] == [("body.track.interval_s", told)]


async def test_why_a_terminal_could_not_be_told_is_kept_with_its_values(engine, gateway, ask, becomes, client) -> None:
    async with writing(engine) as db:
        await db.execute(text("UPDATE device SET protocol = '2019'"))
    question = await ask("query_areas", form="circle", ids=[])
    async with Terminal.on(gateway.port) as terminal:
        await terminal.sign_in()
        await becomes(question, "refused")
    (command,) = (await (await client("dispatcher")).get("/commands")).json()["items"]
    assert command["told"]["values"] == {"version": "2013", "message_id": "8608"}


async def test_many_that_ask_at_the_same_time_do_not_get_past_the_limit(engine, ask, monkeypatch) -> None:
    monkeypatch.setattr(register, "MAX_OPEN", 5)
    await know(engine, PHONE)
    asked = await asyncio.gather(*(ask("position_now") for _ in range(9)), return_exceptions=True)
    assert sum(isinstance(each, commands.TooManyError) for each in asked) == 4
    assert await rows(engine, "SELECT count(*) FROM command") == [(5,)]
