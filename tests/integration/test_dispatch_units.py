"""Units on their way, followed; and what their terminals say of them."""

import pytest

from geo.fix import Fix
from services import dispatch, tracks
from services.db.engine import writing
from services.dispatch import Step, pursuit
from tests.builders import town
from tests.builders.database import rows
from tests.builders.desk import NOW, Desk, after, alert_kinds, unit_states


@pytest.fixture
async def desk(mandate):
    return await mandate("dispatcher")


@pytest.fixture
def act(engine, desk, settings):
    return Desk(engine, desk, settings)


@pytest.fixture
def run(act):
    return act.run


class Drive:
    """A unit on its way, looked at again and again."""

    def __init__(self, engine, settings, roads):
        self.engine, self.settings, self.roads, self.pursuit = engine, settings, roads, pursuit.Pursuit()

    async def at(self, place, seconds, *, heard=True):
        if heard:
            async with writing(self.engine) as db:
                await tracks.store(db, [Fix(1, after(seconds), *place, seconds)])
        async with writing(self.engine) as db:
            await self.pursuit.look(db, self.roads, self.settings, after(seconds))
        (found,) = await rows(self.engine, "SELECT way, eta_at FROM assignment")
        return found


@pytest.fixture
async def drive(engine, settings, act):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    sent = await act.place(call.id, unit_id)
    await act.report(sent.id, Step.EN_ROUTE)
    return Drive(engine, settings, town.modes())


def along(share):
    (x, y), (east, north) = town.SOUTH, town.SCENE
    return x + (east - x) * share, y + (north - y) * share


async def test_the_expected_arrival_follows_a_unit_on_its_way(engine, drive):
    way, eta_at = await drive.at(town.SOUTH, 0)
    assert way == "on_route"
    assert abs((eta_at - after(222)).total_seconds()) < 2
    way, eta_at = await drive.at(along(0.5), 150)  # half the way took longer than foreseen
    assert abs((eta_at - after(150 + 111)).total_seconds()) < 3
    assert way == "on_route"
    assert await alert_kinds(engine) == []


async def test_a_unit_that_drives_away_is_told_of_once_until_it_comes_back(engine, drive):
    await drive.at(along(0.5), 0)
    assert (await drive.at(along(0.4), 10))[0] == "on_route"
    assert (await drive.at(along(0.1), 40))[0] == "off_route"
    assert (await drive.at(along(0.05), 45))[0] == "off_route"
    assert (await drive.at(along(0.5), 80))[0] == "on_route"
    assert await alert_kinds(engine) == ["unit_off_route"]


async def test_a_unit_that_stands_on_its_way_is_told_of_and_one_at_the_scene_is_not(engine, drive):
    for seconds in (1, 30):
        assert (await drive.at(along(0.5), seconds))[0] == "on_route"
    for seconds in (61, 70):
        assert (await drive.at(along(0.5), seconds))[0] == "stopped"
    assert await alert_kinds(engine) == ["unit_stopped"]
    for seconds in (100, 130, 170):
        assert (await drive.at(town.SCENE, seconds))[0] == "on_route"


async def test_a_unit_that_falls_silent_on_its_way_is_told_of(engine, drive):
    _, eta_at = await drive.at(along(0.5), 0)
    assert (await drive.at(None, 119, heard=False))[0] == "on_route"
    assert (await drive.at(None, 121, heard=False))[0] == "silent"
    assert (await drive.at(None, 124, heard=False))[1] > eta_at  # what was foreseen when it was heard of last
    assert await alert_kinds(engine) == ["unit_silent"]
    events = await rows(engine, "SELECT what FROM call_event ORDER BY id")
    assert events[-1] == ("unit_silent",)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("收到，马上到", "accepted"),
        ("到场", "on_scene"),
        ("21", "en_route"),
        ("25", "clear"),
        ("天气不错", "dispatched"),
    ],
)
async def test_a_terminals_text_reports_the_step_of_its_unit(engine, act, run, settings, said, state):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    call = await act.take()
    await act.place(call.id, unit_id)
    await run(dispatch.hear_text, settings, 1, said, after(5))
    record = await act.read(call.id)
    assert record.call.assignments[0].state == state
    if state != "dispatched":
        assert (record.events[-1].what, record.events[-1].who) == (state, None)


async def test_a_text_that_can_not_come_next_changes_nothing(engine, act, run, settings):
    (unit_id,) = await town.place_units(engine, [town.SOUTH], NOW)
    assert await run(dispatch.hear_text, settings, 1, "到场", NOW) is None  # on no call
    sent = await act.place((await act.take()).id, unit_id)
    await act.report(sent.id, Step.ON_SCENE)
    assert await run(dispatch.hear_text, settings, 1, "出发", NOW) is None


async def test_a_terminal_out_of_service_takes_its_free_unit_off_duty_and_back(engine, run, settings):
    await town.place_units(engine, [town.SOUTH], NOW)
    away = Fix(1, after(1), *town.SOUTH, 1, status=0b10000)
    await run(dispatch.watch_duty, [away, Fix(1, NOW, *town.SOUTH, 2)], settings)
    assert await unit_states(engine) == ["off_duty"]
    await run(dispatch.watch_duty, [Fix(1, after(2), *town.SOUTH, 3)], settings)
    assert await unit_states(engine) == ["free"]
