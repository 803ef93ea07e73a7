"""Batches are stored before anybody is told, and every watcher sees every batch exactly once, whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from geo.fix import Fix, Quality
from services import pipeline, storing
from services.db.engine import WriteSession, reading, writing
from services.pipeline import NotStoredError, Pipeline, UnstorableError, Watcher
from services.settings import Settings
from services.storing import Storehouse

NOW = datetime.now(UTC).replace(microsecond=0)


def a_fix(number: int = 0, **more: object) -> Fix:
    return replace(Fix(1, NOW - timedelta(seconds=number), 113.15, 27.83, number), **more)


def some(count: int) -> list[Fix]:
    return [a_fix(number) for number in range(count)]


async def count(engine: AsyncEngine, table: str) -> int:
    async with reading(engine) as db:
        return int((await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


class Memory:
    """A watcher that writes down what it was shown, in the transaction it was given."""

    def __init__(self, name: str = "memory", failures: int = 0) -> None:
        self.seen: list[Fix] = []
        self.failures = failures
        self.name = name

    async def handle(self, db: WriteSession, fixes: Sequence[Fix], _: Settings) -> None:
        await db.execute(text("INSERT INTO area (name, kind, shape) VALUES (:name, 'seen', "
                              "'SRID=4490;MULTIPOLYGON EMPTY')"), {"name": f"{self.name} {len(fixes)}"})  # fmt: skip
        if self.failures:
            self.failures -= 1
            raise ValueError("this watcher is broken")
        self.seen += fixes

    @property
    def watcher(self) -> Watcher:
        return Watcher(self.name, self.handle)


@asynccontextmanager
async def running(engine: AsyncEngine, settings: Settings, *watchers: Memory) -> AsyncIterator[Pipeline]:
    async with Pipeline(engine, settings, [memory.watcher for memory in watchers]).running() as pipe:
        yield pipe


async def test_submit_returns_after_the_commit(engine: AsyncEngine, settings: Settings) -> None:
    async with running(engine, settings) as pipe:
        await pipe.submit(some(3))
        assert await count(engine, "fix") == 3


async def test_callers_share_a_commit(engine: AsyncEngine, settings: Settings) -> None:
    before = _commits()
    async with running(engine, settings) as pipe, asyncio.TaskGroup() as tasks:
        for fix in some(200):
            tasks.create_task(pipe.submit([fix]))
    assert await count(engine, "fix") == 200
    assert _commits() - before <= 2


def _commits() -> float:
    return sum(bucket.get() for bucket in pipeline.COMMIT_S._buckets)


async def test_a_batch_never_holds_more_than_the_settings_say(engine: AsyncEngine, settings: Settings) -> None:
    small = settings.model_copy(update={"batch_max_fixes": 10})
    async with running(engine, small, memory := Memory()) as pipe, asyncio.TaskGroup() as tasks:
        for start in range(0, 60, 6):
            tasks.create_task(pipe.submit(some(60)[start : start + 6]))
    async with reading(engine) as db:
        sizes = (await db.execute(text("SELECT count(*) FROM fix GROUP BY received_at"))).scalars().all()
    assert max(sizes) <= 10
    assert len(memory.seen) == 60


async def test_the_callers_are_told_in_the_order_they_came(engine: AsyncEngine, settings: Settings) -> None:
    told: list[int] = []
    async with running(engine, settings) as pipe:
        for number in range(20):
            pipe.put([a_fix(number)] if number % 3 else [], lambda _, number=number: told.append(number))
    assert told == list(range(20))


async def test_what_was_put_before_the_end_is_stored_before_the_end(engine: AsyncEngine, settings: Settings) -> None:
    errors: list[Exception | None] = []
    async with running(engine, settings, memory := Memory()) as pipe:
        for fix in some(30):
            pipe.put([fix], errors.append)
    assert errors == [None] * 30
    assert await count(engine, "fix") == 30
    assert len(memory.seen) == 30


async def test_every_watcher_sees_every_new_fix_once_and_the_outbox_is_empty_after(
    engine: AsyncEngine, settings: Settings
) -> None:
    async with running(engine, settings, one := Memory("one"), two := Memory("two")) as pipe:
        await pipe.submit(some(5))
        await pipe.submit(some(8))
    assert one.seen == two.seen
    assert sorted(one.seen, key=lambda fix: fix.payload_hash) == some(8)
    assert await count(engine, "outbox") == 0


async def test_a_replay_is_shown_to_nobody(engine: AsyncEngine, settings: Settings) -> None:
    async with running(engine, settings) as pipe:
        await pipe.submit(some(5))
    async with running(engine, settings, memory := Memory()) as pipe:
        await pipe.submit(some(5))
    assert memory.seen == []
    assert await count(engine, "outbox") == 0


async def test_a_broken_watcher_stops_neither_storing_nor_the_others_and_is_run_again(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "SWEEP_EVERY_S", 3600)
    async with running(engine, settings, broken := Memory("broken", failures=1), other := Memory("other")) as pipe:
        await asyncio.sleep(0.05)  # the sweep at the start is over
        await pipe.submit(some(4))
        await _until(lambda: len(other.seen) == 4)
        assert broken.seen == []
        assert await Storehouse(engine, settings, [broken.watcher, other.watcher]).run_outbox_once() == 1
        assert sorted(broken.seen, key=lambda fix: fix.payload_hash) == some(4)
        assert len(other.seen) == 4
    assert await count(engine, "outbox") == 0
    assert await count(engine, "area") == 2  # what it wrote before it failed went with its transaction


async def test_what_a_dead_process_left_in_the_outbox_is_run_at_the_next_start(
    engine: AsyncEngine, settings: Settings
) -> None:
    async with running(engine, settings, Memory("broken", failures=99)) as pipe:
        await pipe.submit(some(6))
    assert await count(engine, "outbox") == 1
    async with running(engine, settings, memory := Memory("broken")):
        await _until(lambda: len(memory.seen) == 6)
    assert await count(engine, "outbox") == 0


async def test_two_processes_that_find_the_same_batch_handle_it_once(engine: AsyncEngine, settings: Settings) -> None:
    async with running(engine, settings, Memory("areas", failures=99)) as pipe:
        await pipe.submit(some(6))
    memories = [Memory("areas"), Memory("areas")]
    async with asyncio.TaskGroup() as tasks:
        for memory in memories:
            tasks.create_task(Storehouse(engine, settings, [memory.watcher]).run_outbox_once())
    assert sum(len(memory.seen) for memory in memories) == 6


async def test_the_outbox_of_a_watcher_that_no_longer_exists_is_cleared(
    engine: AsyncEngine, settings: Settings
) -> None:
    async with running(engine, settings, Memory("gone", failures=99)) as pipe:
        await pipe.submit(some(2))
    await Storehouse(engine, settings, []).run_outbox_once()
    assert await count(engine, "outbox") == 0


async def test_nobody_suffers_for_another_ones_impossible_fix(engine: AsyncEngine, settings: Settings) -> None:
    impossible = a_fix(99, alarm=2**70)
    async with running(engine, settings) as pipe:
        outcomes = await asyncio.gather(
            *(pipe.submit([fix]) for fix in [*some(5), impossible, a_fix(7)]), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 5 + [UnstorableError, type(None)]
    assert await count(engine, "fix") == 6


async def test_a_database_that_does_not_let_us_in_refuses_nobodys_fix_and_is_asked_again(
    engine: AsyncEngine, settings: Settings
) -> None:
    """Rights are the operator's to mend: the fixes are sent again, not set aside, and the process goes on."""
    bar = "CREATE OR REPLACE FUNCTION bar() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM * FROM barred; END $$"
    async with running(engine, settings, Memory()) as pipe:
        async with writing(engine) as db:
            for statement in (
                "CREATE TABLE barred ()", bar, "ALTER FUNCTION bar() SET role = pg_monitor",
                "CREATE TRIGGER bar BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION bar()",
            ):  # fmt: skip
                await db.execute(text(statement))
        with pytest.raises(NotStoredError) as refused:
            await pipe.submit(some(3))
        assert type(refused.value) is NotStoredError
        async with writing(engine) as db:
            for statement in ("DROP TRIGGER bar ON outbox", "DROP FUNCTION bar()", "DROP TABLE barred"):
                await db.execute(text(statement))
        await pipe.submit(some(3))
    assert await count(engine, "fix") == 3


async def test_doubtful_fixes_are_shown_to_the_watchers_too(engine: AsyncEngine, settings: Settings) -> None:
    async with running(engine, settings, memory := Memory()) as pipe:
        await pipe.submit([a_fix(flags=Quality.ZERO)])
    assert memory.seen[0].flags == Quality.ZERO


async def test_storing_waits_for_watchers_that_fall_behind(
    engine: AsyncEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "MAX_UNWATCHED", 5)
    gate = asyncio.Event()

    async def wait(_db: WriteSession, _fixes: Sequence[Fix], _settings: Settings) -> None:
        await gate.wait()

    async with Pipeline(engine, settings, [Watcher("slow", wait)]).running() as pipe:
        await pipe.submit(some(10))
        late = asyncio.create_task(pipe.submit([a_fix(50)]))
        await asyncio.sleep(0.3)
        assert not late.done()
        gate.set()
        await late


async def test_an_alarm_of_the_emergency_button_and_an_area_are_watched_in_earnest() -> None:
    assert [watcher.name for watcher in pipeline.WATCHERS] == ["areas", "alarms", "clones", "duty", "exchange"]


async def test_partitions_of_the_coming_days_are_made(engine: AsyncEngine) -> None:
    await pipeline.ensure_partitions(engine, NOW)
    async with writing(engine) as db:
        await db.execute(text("SELECT 1 FROM fix_" + f"{NOW + timedelta(days=2):%Y%m%d}"))


async def _until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 -- the condition is a fact in a database or a watcher, not an event
            await asyncio.sleep(0.01)


async def test_batches_of_one_device_are_watched_in_the_order_they_were_stored_whoever_stored_them(
    engine: AsyncEngine, settings: Settings
) -> None:
    first, second, third = some(3)
    elsewhere = replace(first, device_id=2, payload_hash=9)
    one, other = Memory("areas"), Memory("areas")
    ours = Storehouse(engine, settings, [one.watcher])
    theirs = Storehouse(engine, settings, [other.watcher])
    await ours.store([elsewhere])
    await ours.store([replace(elsewhere, payload_hash=10), third])
    await theirs.store([second])
    await ours.store([first])
    async with theirs.running():
        pass
    assert other.seen == [elsewhere, third, replace(elsewhere, payload_hash=10), second]
    async with ours.running():
        pass
    assert one.seen == [first]
    assert await count(engine, "outbox") == 0


async def test_a_batch_of_another_process_that_can_not_be_watched_holds_up_nobody_else(
    engine: AsyncEngine, settings: Settings
) -> None:
    bad, good = some(2)
    seen = list[Fix]()

    async def handle(_db: WriteSession, fixes: Sequence[Fix], _: Settings) -> None:
        if bad in fixes:
            raise ValueError("this batch can't be watched")
        seen.extend(fixes)

    watcher = Watcher("areas", handle)
    await Storehouse(engine, settings, [watcher]).store([bad])
    ours = Storehouse(engine, settings, [watcher])
    await ours.store([good])
    async with ours.running():
        pass
    assert seen == [good]
    assert await count(engine, "outbox") == 1


async def test_what_a_process_remembers_of_a_device_is_forgotten_when_another_handled_it(
    engine: AsyncEngine, settings: Settings
) -> None:
    first, second = some(2)
    forgotten = list[tuple[str, int]]()

    def a_store(name: str) -> Storehouse:
        watcher = Watcher("areas", Memory("areas").handle, forget=lambda _, device: forgotten.append((name, device)))
        return Storehouse(engine, settings, [watcher])

    ours, theirs = a_store("ours"), a_store("theirs")
    await ours.store([second])
    await theirs.store([first])
    async with theirs.running():
        pass
    assert set(forgotten) == {("theirs", 1)}
    async with ours.running():
        pass
    assert forgotten[-1] == ("ours", 1)
