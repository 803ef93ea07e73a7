"""What the worker does by itself, through real jobs; and how soon a call for help is on the screens."""

import asyncio
import json
from datetime import UTC, datetime
from importlib import resources

import pytest

from api import worker
from api.pursuit import Watch
from services import access, dispatch, live
from services.audit import Ledger
from services.db.engine import make_engine, writing
from services.errors import UnavailableError
from tests.builders import town
from tests.builders.database import rows

CALL = {"kind": "theft", "priority": 2, "lon_deg": town.SCENE[0], "lat_deg": town.SCENE[1]}


@pytest.fixture
def settings(settings, tmp_path):
    """Tables in which a unit has no time to accept, from a file of one's own."""
    shipped = (resources.files("services.dispatch") / "dispatch.toml").read_text(encoding="utf-8")
    mine = tmp_path / "dispatch.toml"
    mine.write_text(shipped.replace("accept_s = 60 ", "accept_s = 0 "), encoding="utf-8")
    return settings.model_copy(update={"dispatch_file": mine})


async def work_once(settings):
    """A worker that starts, does what is due, and ends."""
    engine = make_engine(settings.database_address)
    app = worker.make_app(settings, engine, Watch(engine, settings))
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)
    await engine.dispose()


async def send(client, engine):
    await town.place_units(engine, [town.SOUTH, town.WEST], datetime.now(UTC))
    desk = await client("dispatcher")
    call = (await desk.post("/calls", json=CALL)).json()
    answer = await desk.post(f"/calls/{call['id']}/assignments", json={"unit_id": 1})
    assert answer.status_code == 201, answer.text
    return desk, call


async def test_a_worker_that_starts_after_the_timer_ran_out_proposes_the_next_unit_once(client, engine, settings):
    desk, call = await send(client, engine)
    await asyncio.sleep(1)  # the timer runs out while no worker runs
    for _ in range(2):
        await work_once(settings)
    (alert,) = (await desk.get("/alerts")).json()["items"]
    assert (alert["kind"], alert["detail"]["call_id"], alert["call_sign"]) == ("call_not_accepted", call["id"], "U1")
    sent = (await desk.get(f"/calls/{call['id']}")).json()["assignments"]
    assert [(one["unit_id"], one["state"], one["by_machine"]) for one in sent] == [
        (1, "dispatched", False), (2, "proposed", True),
    ]  # fmt: skip


async def test_the_worker_follows_units_and_waits_while_the_database_is_away(own_cluster, settings):
    engine = make_engine(own_cluster.url())
    watch = Watch(engine, settings)
    assert await watch.check_timers() == 0
    await asyncio.to_thread(own_cluster.stop)
    with pytest.raises(UnavailableError):
        await watch.check_timers()
    following = asyncio.create_task(watch.follow())
    await asyncio.sleep(0.5)
    assert not following.done()  # it says so in the log and goes on
    following.cancel()
    await asyncio.to_thread(own_cluster.start)
    assert await watch.check_timers() == 0
    await engine.dispose()


async def test_a_call_for_help_is_on_every_screen_within_a_second(client, application, mandate, engine):
    look = await live.watch(await mandate("dispatcher"))
    officer = await client("patrol_officer")
    session = (await rows(engine, "SELECT id FROM login LIMIT 1"))[0][0]
    events = application.state.hub.follow(look, str(session))
    assert b"event: snapshot" in await anext(events)
    answer = await officer.post("/my/sos", json={"lon_deg": 113.13, "lat_deg": 27.83})
    assert answer.status_code == 201
    began = asyncio.get_running_loop().time()
    while True:
        event = await asyncio.wait_for(anext(events), 5)
        data = json.loads(event.split(b"data: ", 1)[1])
        if data["alerts"]:
            break
    took_s = asyncio.get_running_loop().time() - began
    print(f"from the commit to the stream: {took_s:.2f} s")  # noqa: T201
    assert data["alerts"][0]["kind"] == "sos"
    assert took_s < 1.0
    await events.aclose()


async def test_a_call_sent_while_the_database_was_away_is_taken_once_when_it_is_sent_again(own_cluster, settings):

    engine = make_engine(own_cluster.url())
    operator = access.system_mandate(Ledger(engine))
    draft = dispatch.Draft("fire", 1, *town.SCENE)

    async def take():
        async with writing(engine) as db:
            return await dispatch.take_call(
                operator, db, settings, dispatch.Ground(), draft, now=datetime.now(UTC), request_key="k"
            )

    await asyncio.to_thread(own_cluster.stop)
    with pytest.raises(UnavailableError, match="Nothing was lost"):
        await take()
    await asyncio.to_thread(own_cluster.start)
    assert (await take()).kind == "fire"
    assert await rows(engine, "SELECT count(*) FROM call") == [(1,)]
    await engine.dispose()
