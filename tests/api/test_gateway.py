"""Terminals on real sockets: who may speak, and when the answer comes."""

import asyncio
import random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.gateway import server
from api.gateway.server import Gateway
from services.ingest import jt808
from services.ingest.jt808 import build
from services.ingest.jt808.framing import Version, open_frame
from services.ingest.jt808.messages import session
from tests.builders.database import fixes, know, quarantined, rows
from tests.builders.terminals import NOW, PHONE, Terminal, a_report

OK, FAILED = 0, 1


# -- who may speak


async def test_a_known_terminal_registers_authenticates_and_reports(terminal: Terminal, engine: AsyncEngine) -> None:
    await terminal.sign_in()
    answer = await terminal.ask(a_report())
    assert (answer.answered_id, answer.answered_serial, answer.result) == (0x0200, terminal.serial, OK)
    assert await fixes(engine) == 1


@pytest.mark.parametrize("version", list(Version))
async def test_every_edition_is_spoken(gateway: Gateway, engine: AsyncEngine, version: Version) -> None:
    async with Terminal.on(gateway.port, version=version) as terminal:
        await terminal.sign_in()
        assert (await terminal.ask(a_report())).result == OK
    expected = 0 if version is Version.V2011 else 3  # the bits of the systems are reserved in 2011
    assert await rows(engine, "SELECT systems FROM fix") == [(expected,)]
    assert await rows(engine, "SELECT protocol FROM device") == [(version.value,)]


async def test_nothing_is_accepted_before_authentication(terminal: Terminal, engine: AsyncEngine) -> None:
    assert (await terminal.ask(a_report())).result == FAILED
    assert (await terminal.ask(build.batch([a_report(1)]))).result == FAILED
    assert (await terminal.ask(session.Heartbeat())).result == FAILED
    assert (await terminal.ask(session.Unregister())).result == FAILED
    await terminal.register()
    assert (await terminal.ask(a_report(2))).result == FAILED
    assert await quarantined(engine, 3) == ["unauthenticated"] * 3
    assert await fixes(engine) == 0


async def test_a_wrong_code_opens_nothing(terminal: Terminal, engine: AsyncEngine) -> None:
    code = (await terminal.register()).code
    for wrong in ("", "x", code[:-1], code + "x", code.swapcase()):
        assert await terminal.authenticate(wrong) == FAILED
    assert (await terminal.ask(a_report())).result == FAILED
    assert await fixes(engine) == 0
    assert await terminal.authenticate(code) == OK


async def test_a_device_that_never_registered_can_not_authenticate(terminal: Terminal) -> None:
    assert await terminal.authenticate("") == FAILED
    terminal.phone = "13999999999"
    assert await terminal.authenticate("anything") == FAILED


async def test_only_the_hash_of_the_code_is_kept_and_a_new_one_replaces_it(
    terminal: Terminal, engine: AsyncEngine
) -> None:
    first = (await terminal.register()).code
    ((kept,),) = await rows(engine, "SELECT auth_code_hash FROM device")
    assert isinstance(kept, bytes)
    assert len(kept) == 32
    assert first.encode() not in kept
    second = (await terminal.register()).code
    assert await terminal.authenticate(first) == FAILED
    assert await terminal.authenticate(second) == OK


async def test_the_code_serves_again_on_the_next_connection(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal
) -> None:
    code = (await signed_in.register()).code
    async with Terminal.on(gateway.port) as again:
        assert await again.authenticate(code) == OK
        assert (await again.ask(a_report())).result == OK


async def test_what_follows_an_authentication_in_the_same_bytes_is_heard(
    terminal: Terminal, engine: AsyncEngine
) -> None:
    code = (await terminal.register()).code
    await terminal.send(
        terminal.frame(build.authenticate(terminal.version, code)), terminal.report(), terminal.report(1)
    )
    assert [(await terminal.hear()).result for _ in range(3)] == [OK] * 3
    assert await fixes(engine) == 2


async def test_an_unknown_terminal_waits_for_an_administrator_and_keeps_its_connection(
    gateway: Gateway, engine: AsyncEngine
) -> None:
    async with Terminal.on(gateway.port, "13911112222") as stranger:
        for _ in range(2):
            answer = await stranger.register("T9", "湘B99999")
            assert answer.result == session.Registration.NO_SUCH_TERMINAL
            assert answer.code is None
        assert await rows(engine, "SELECT phone, terminal_id, plate, attempts FROM pending_device") == [
            ("13911112222", "T9", "湘B99999", 2)
        ]
        await know(engine, "13911112222")
        await stranger.sign_in()
        assert (await stranger.ask(a_report())).result == OK


async def test_a_terminal_bound_to_an_id_and_a_plate_has_to_show_them(gateway: Gateway, engine: AsyncEngine) -> None:
    await know(engine, "2", terminal_id="T2", plate="湘B00002")
    async with Terminal.on(gateway.port, "2") as terminal:
        assert (await terminal.register("T3", "湘B00002")).result == session.Registration.NO_SUCH_TERMINAL
        assert (await terminal.register("T2", "湘B00003")).result == session.Registration.NO_SUCH_VEHICLE
        assert (await terminal.register("T2", "湘B00002")).result == session.Registration.OK


async def test_an_imei_that_is_known_has_to_match(gateway: Gateway, engine: AsyncEngine) -> None:
    await know(engine, "3", imei="860000000000001")
    async with Terminal.on(gateway.port, "3", Version.V2019) as terminal:
        code = (await terminal.register()).code
        assert await terminal.authenticate(code, imei="860000000000002") == FAILED
        assert await terminal.authenticate(code, imei="860000000000001") == OK


async def test_text_with_zeros_inside_does_not_upset_the_database(gateway: Gateway, engine: AsyncEngine) -> None:
    async with Terminal.on(gateway.port, "13911113333") as stranger:
        assert (await stranger.register("A\0B", "湘\0B")).result == session.Registration.NO_SUCH_TERMINAL
    assert await rows(engine, "SELECT terminal_id, plate FROM pending_device") == [("AB", "湘B")]


async def test_a_terminal_speaks_for_itself_only(signed_in: Terminal, engine: AsyncEngine) -> None:
    await know(engine, "77")
    forged = jt808.frame(a_report(), phone="77", serial=5)
    await signed_in.send(forged)
    assert (await signed_in.hear()).result == FAILED
    assert await fixes(engine) == 0


async def test_a_terminal_that_unregisters_has_to_register_again(gateway: Gateway, signed_in: Terminal) -> None:
    code = (await signed_in.register()).code
    assert (await signed_in.ask(session.Unregister())).result == OK
    with pytest.raises(EOFError):
        await signed_in.hear()
    async with Terminal.on(gateway.port) as again:
        assert await again.authenticate(code) == FAILED


async def test_the_newly_authenticated_connection_wins(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal
) -> None:
    before = server.counters.TAKEOVERS._value.get()
    async with Terminal.on(gateway.port) as newer:
        code = (await newer.register()).code
        assert (await signed_in.ask(a_report(3))).result == OK  # registering takes nothing from anybody
        assert await newer.authenticate(code) == OK
        with pytest.raises(EOFError):
            await signed_in.hear()
        assert (await newer.ask(a_report(4))).result == OK
    assert server.counters.TAKEOVERS._value.get() == before + 1
    assert await fixes(engine) == 2


async def test_a_takeover_from_another_host_raises_an_alert(
    gateway: Gateway, engine: AsyncEngine, signed_in: Terminal
) -> None:
    for _ in range(2):
        async with Terminal.on(gateway.port, local_addr=("127.0.0.2", 0)) as stranger:
            await stranger.sign_in()
        async with Terminal.on(gateway.port) as back:
            await back.sign_in()
    assert await rows(engine, "SELECT kind, device_id, detail->>'to' FROM alert") == [
        ("device_takeover", 1, "127.0.0.2")
    ]


# -- when the answer comes


async def test_answers_come_in_the_order_of_the_messages(signed_in: Terminal) -> None:
    frames = [signed_in.report(number) for number in range(30)]
    frames.insert(10, signed_in.frame(session.Heartbeat()))
    await signed_in.send(*frames)
    heard = [await signed_in.hear() for _ in range(31)]
    serials = [open_frame(jt808.Splitter().feed(frame)[0]).serial for frame in frames]
    assert [answer.answered_serial for answer in heard] == serials
    assert {answer.result for answer in heard} == {OK}


async def test_the_platform_counts_its_own_serial_numbers(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    splitter, serials = jt808.Splitter(), list[int]()
    for number in range(3):
        writer.write(jt808.frame(session.Heartbeat(), phone=PHONE, serial=number))
        serials += [open_frame(content).serial for content in splitter.feed(await reader.read(1000))]
    writer.close()
    assert serials == [0, 1, 2]


async def test_a_fix_is_in_the_database_when_its_answer_comes(signed_in: Terminal, engine: AsyncEngine) -> None:
    for number in range(10):
        assert (await signed_in.ask(a_report(number))).result == OK
        assert await fixes(engine) == number + 1


async def test_a_batch_is_stored_and_marked_late_when_it_was_kept(signed_in: Terminal, engine: AsyncEngine) -> None:
    reports = [a_report(number) for number in range(20)]
    assert (await signed_in.ask(build.batch(reports[:10]))).result == OK
    assert (await signed_in.ask(build.batch(reports[10:], catch_up=True))).result == OK
    assert await rows(engine, "SELECT flags, count(*) FROM fix GROUP BY 1 ORDER BY 1") == [(0, 10), (256, 10)]


async def test_a_batch_with_a_bad_report_is_answered_once_and_keeps_the_good_ones(
    signed_in: Terminal, engine: AsyncEngine
) -> None:
    good = build.batch([a_report(1), a_report(2)])
    message = type(good)(4, 0, (*good.items, b"short", b""))
    assert (await signed_in.ask(message)).result == OK
    assert await signed_in.hears_nothing()
    assert await fixes(engine) == 2
    assert await quarantined(engine, 2) == ["body", "body"]


async def test_duplicate_and_shuffled_uploads_leave_each_fix_once_and_the_newest_position_right(
    signed_in: Terminal, engine: AsyncEngine
) -> None:
    numbers = list(range(40)) * 3
    random.Random(5).shuffle(numbers)  # noqa: S311
    await signed_in.send(*(signed_in.report(number, lon_deg=113 + number / 100) for number in numbers))
    assert {(await signed_in.hear()).result for _ in numbers} == {OK}
    assert await rows(engine, "SELECT count(*), count(DISTINCT at) FROM fix") == [(40, 40)]
    assert await rows(engine, "SELECT at, ST_X(place::geometry) FROM newest_fix") == [(NOW, 113.0)]
