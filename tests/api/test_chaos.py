"""Short schedules of faults: what devices were answered is stored once, every watcher saw it, nobody waits for ever."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chaos import run, schedule, town, verdict

pytestmark = pytest.mark.faults
DEVICES = 15


@pytest.fixture(scope="module")
def small_town() -> Iterator[town.Town]:
    """Three gateways over a private PostgreSQL."""
    with (
        tempfile.TemporaryDirectory(prefix="tianshu-chaos-") as folder,
        town.built(Path(folder), 3, 2 * DEVICES + 1, durable=False) as built,
    ):
        yield built


@pytest.fixture
def town_with_a_bus() -> Iterator[town.Town]:
    """Two gateways that publish, two writers."""
    with (
        tempfile.TemporaryDirectory(prefix="tianshu-chaos-") as folder,
        town.built(Path(folder), 2, DEVICES, writers=2, durable=False) as built,
    ):
        yield built


async def test_whatever_breaks_nothing_acknowledged_is_lost(small_town: town.Town) -> None:
    report = await run.try_out(small_town, run.Trial(7, 5.0, 1, DEVICES))
    assert report["wrong"] == {}
    assert report["acknowledged"] > 20 * DEVICES
    assert {fault["lane"] for fault in report["faults"]} == set(schedule.LANES)


async def test_whatever_breaks_nothing_is_lost_on_the_way_over_a_bus(town_with_a_bus: town.Town) -> None:
    report = await run.try_out(town_with_a_bus, run.Trial(9, 5.0, 1, DEVICES))
    assert report["wrong"] == {}
    assert report["acknowledged"] > 20 * DEVICES
    assert {fault["lane"] for fault in report["faults"]} == set(schedule.BUS_LANES)


async def test_devices_hop_between_three_gateways_and_their_old_sockets_are_closed(small_town: town.Town) -> None:
    trial = run.Trial(3, 6.0, DEVICES + 1, DEVICES, {"lines": ("hop",), "more": ("hop",)})
    report = await run.try_out(small_town, trial)
    assert report["wrong"] == {}
    assert report["taken_over"] > 0


def test_the_verdict_notices_what_is_missing_and_what_nobody_sent(
    small_town: town.Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "SETTLE_S", 0.5)
    (device,) = run.devices_of([1], run.Trial(1, 1, 2 * DEVICES + 1, 1))
    device.measured, device.acknowledged = 4, {0, 1, 2}
    with small_town.connect() as connection:
        connection.execute(
            "INSERT INTO fix SELECT id, %s, 1, now(), 'SRID=4490;POINT(113 27)', 2, 0, 0, NULL, 0, 0, 0, 0, 1 "
            "FROM device WHERE phone = %s", [device.at(2), device.phone],
        )  # fmt: skip
    found = verdict.judge(small_town, [device])
    assert (found.unacknowledged, found.lost, found.strangers, found.without_batch, found.newest_wrong) == (
        1,
        2,
        1,
        1,
        1,
    )
    assert not found.is_good


def test_a_seed_draws_the_same_schedule_and_breaks_something_in_every_lane() -> None:
    assert schedule.draw(5, 20) == schedule.draw(5, 20) != schedule.draw(6, 20)
    for seed in range(20):
        faults = schedule.draw(seed, 15)
        assert {fault.lane for fault in faults} == set(schedule.LANES)
        assert max(fault.at_s + fault.for_s for fault in faults) <= 15


async def test_a_device_keeps_what_it_measured_until_it_is_acknowledged() -> None:
    """Against a platform that never answers, a device acknowledges nothing to itself."""
    heard = list[asyncio.StreamWriter]()
    server = await asyncio.start_server(lambda _, writer: heard.append(writer), "127.0.0.1", 0)
    async with server:
        (device,) = run.devices_of([server.sockets[0].getsockname()[1]], run.Trial(1, 1, 1, 1))
        device.measure()
        life = asyncio.create_task(device.run())
        await asyncio.sleep(0.5)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        for writer in heard:
            writer.close()
            await writer.wait_closed()
    assert heard
    assert not device.is_done()
    assert device.acknowledged == set()
