"""A dispatcher at his desk, for tests of what happens to calls: each act in a transaction of its own."""

from datetime import UTC, datetime, timedelta

from services import dispatch
from services.db.engine import writing
from services.dispatch import Draft, Ground, Step, timers
from tests.builders import town
from tests.builders.database import rows

NOW = datetime.now(UTC).replace(microsecond=0)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


class Desk:
    def __init__(self, engine, mandate, settings):
        self.engine, self.mandate, self.settings = engine, mandate, settings

    async def run(self, act, *arguments, **more):
        async with writing(self.engine) as db:
            return await act(db, *arguments, **more)

    async def take(self, place=town.SCENE, kind="theft"):
        async def do(db):
            draft = Draft(kind, 2, *place)
            return await dispatch.take_call(self.mandate, db, self.settings, Ground(), draft, now=NOW)

        return await self.run(do)

    async def place(self, call_id, unit_id, level=Step.DISPATCHED, now=NOW):
        async def do(db):
            return await dispatch.assign_unit(
                self.mandate, db, None, self.settings, call_id=call_id, unit_id=unit_id, level=level, now=now
            )

        return await self.run(do)

    async def report(self, assignment_id, step, now=NOW):
        return await self.run(lambda db: dispatch.report_status(self.mandate, db, assignment_id, step=step, now=now))

    async def check(self, now, roads=None):
        return await self.run(lambda db: timers.check(db, roads, self.settings, now))

    async def read(self, call_id):
        return await self.run(lambda db: dispatch.read_call(self.mandate, db, call_id))

    async def whats(self, call_id):
        return [event.what for event in (await self.read(call_id)).events]


async def unit_states(engine):
    return [state for (state,) in await rows(engine, "SELECT state FROM unit ORDER BY id")]


async def alert_kinds(engine):
    return [kind for (kind,) in await rows(engine, "SELECT kind FROM alert ORDER BY id")]
