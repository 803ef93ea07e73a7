"""The MQTT door, against Debian's mosquitto and a real database."""

import asyncio
import json
import secrets
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.mqtt import BadBrokerUrlError, Broker, Door
from geo.fix import Source
from services.db.cluster import Cluster
from services.db.engine import make_engine, reading, writing
from services.db.tables.fleet import Device, PendingDevice
from services.db.tables.tracks import Fix, Quarantine
from services.pipeline import Pipeline
from services.settings import Settings

PHONE = "13912345678"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with (tmp_path / "mosquitto.log").open("w") as log:
        server = subprocess.Popen(["/usr/sbin/mosquitto", "-c", tmp_path / "mosquitto.conf"], stdout=log, stderr=log)
        yield Broker("127.0.0.1", port)
        server.terminate()
        server.wait(10)


@asynccontextmanager
async def open_door(engine: AsyncEngine, url: str, broker: Broker) -> AsyncIterator[None]:
    settings = Settings(database_url=url)
    async with Pipeline(engine, settings).running() as pipeline:
        task = asyncio.create_task(Door(engine, settings, pipeline, broker, client_id="door", retry_s=0.1).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def an_app(broker: Broker) -> AsyncIterator[aiomqtt.Client]:
    async with asyncio.timeout(20):
        while True:
            try:
                async with aiomqtt.Client(broker.host, broker.port, identifier=secrets.token_hex(4)) as client:
                    yield client
                    return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)


async def tell(broker: Broker, *payloads: str | bytes, phone: str = PHONE) -> None:
    async with an_app(broker) as client:
        for payload in payloads:
            await client.publish(f"tianshu/fix/{phone}", payload, qos=1)


def told(*seconds: int, phone: str = PHONE) -> str:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    fixes = [{"at": (start + timedelta(seconds=s)).isoformat(), "lon_deg": 113.13, "lat_deg": 27.83} for s in seconds]
    return json.dumps({"phone": phone, "fixes": fixes})


async def know(engine: AsyncEngine) -> None:
    async with writing(engine) as db:
        db.add(Device(phone=PHONE))


async def stored(engine: AsyncEngine, count: int) -> list[Fix]:
    async with asyncio.timeout(30):
        while True:
            async with reading(engine) as db:
                found = list((await db.execute(select(Fix).order_by(Fix.at))).scalars())
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_a_message_is_stored(engine, database_url, broker):
    await know(engine)
    async with open_door(engine, database_url, broker):
        await asyncio.sleep(0.5)
        await tell(broker, told(1, 2), told(3))
        found = await stored(engine, 3)
    assert {fix.source for fix in found} == {Source.MQTT}


async def test_what_comes_while_nobody_reads_is_kept_by_the_broker(engine, database_url, broker):
    await know(engine)
    async with open_door(engine, database_url, broker):
        await tell(broker, told(1))
        await asyncio.sleep(0.5)
        await tell(broker, told(1))
        await stored(engine, 1)
    await tell(broker, *[told(second) for second in range(2, 30)])
    async with open_door(engine, database_url, broker):
        assert len(await stored(engine, 29)) >= 29


async def test_what_could_not_be_committed_comes_again(own_cluster: Cluster, broker):
    """The database stops while messages come; nothing is acknowledged, and all of it is there afterwards, once."""
    url = own_cluster.url()
    engine = make_engine(url)
    await know(engine)
    at = [told(second) for second in range(60)]
    async with open_door(engine, url, broker):
        await asyncio.sleep(0.5)
        await tell(broker, *at[:20])
        await stored(engine, 20)
        await asyncio.to_thread(own_cluster.stop)
        await tell(broker, *at[20:])
        await asyncio.sleep(1.5)
        await asyncio.to_thread(own_cluster.start)
        found = await stored(engine, 60)
        await asyncio.sleep(0.5)
        assert len(await stored(engine, 60)) == len(found) == 60
    await engine.dispose()


async def test_what_is_no_fix_is_kept_with_its_reason_and_is_not_sent_again(engine, database_url, broker):
    await know(engine)
    async with open_door(engine, database_url, broker):
        await asyncio.sleep(0.5)
        await tell(broker, b"\xff\x00", "[]", told(1, phone="13900000000"), json.dumps({"phone": PHONE, "fixes": [1]}))
        await tell(broker, told(5))
        await stored(engine, 1)
        async with reading(engine) as db:
            kept = list((await db.execute(select(Quarantine).order_by(Quarantine.id))).scalars())
    assert [bad.phone for bad in kept] == [PHONE] * 4
    assert kept[0].frame == b"\xff\x00"
    assert "13900000000" in kept[2].detail
    async with open_door(engine, database_url, broker):
        await tell(broker, told(6))
        await stored(engine, 2)
        async with reading(engine) as db:
            assert len((await db.execute(select(Quarantine.id))).all()) == 4


async def test_a_device_that_nobody_knows_waits_for_an_administrator(engine, database_url, broker):
    await know(engine)
    async with open_door(engine, database_url, broker):
        await asyncio.sleep(0.5)
        await tell(broker, told(1, phone="13900000000"), phone="13900000000")
        await tell(broker, told(5))
        await stored(engine, 1)
    async with reading(engine) as db:
        assert (await db.execute(select(PendingDevice.phone))).scalars().all() == ["13900000000"]


def test_the_address_of_the_broker_is_one_line():
    assert Broker.parse("mqtt://me:p%40ss@broker:1884") == Broker("broker", 1884, "me", "p@ss")
    assert Broker.parse("mqtts://broker") == Broker("broker", 8883, secure=True)
    for wrong in ("", "http://broker", "mqtt://me:secret@:1", "mqtt://broker:port"):
        with pytest.raises(BadBrokerUrlError) as caught:
            Broker.parse(wrong)
        assert "secret" not in str(caught.value)
