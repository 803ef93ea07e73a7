"""Commands to terminals over real sockets: sent, answered, lost, late, and through the end of a gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway.server import Gateway
from services import commands
from services.commands import register
from services.db.engine import writing
from services.errors import InvalidError
from services.ingest.jt808.framing import Version
from services.ingest.jt808.messages import areas as fences
from services.ingest.jt808.messages import control, position, texts
from services.settings import Settings
from tests.builders.database import fixes, know, rows
from tests.builders.terminals import PHONE, Terminal, a_report, confirm

WAIT_S = 0.4
PATIENT = Settings(command_timeout_s=30)


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
