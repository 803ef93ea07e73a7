"""Processes that belong together."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from api.supervisor import Program, Supervisor

LINGER = """
import pathlib, signal, sys, time
def end(*_):
    with pathlib.Path({mark!r}).open("a") as mark:
        mark.write({name!r} + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path({up!r}).touch()
time.sleep(60)
"""
CHATTER = "print('hello', flush=True); import time; time.sleep(60)"
PARENT = """
import asyncio, pathlib, sys
from api.supervisor import Program, Supervisor
async def main():
    folder = pathlib.Path({folder!r})
    supervisor = Supervisor([Program("one", [sys.executable, "-c", "import time; time.sleep(60)"])], {{}}, folder)
    await supervisor.start()
    (folder / "child.tmp").write_text(str(supervisor.pid("one")))
    (folder / "child.tmp").rename(folder / "child")
    await asyncio.sleep(60)
asyncio.run(main())
"""


def lingering(folder: Path, name: str) -> Program:
    code = LINGER.format(mark=str(folder / "ended"), name=name, up=str(folder / f"{name}.up"))
    return Program(name, [sys.executable, "-c", code])


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_program_that_dies_is_started_again(tmp_path):
    supervisor = Supervisor([lingering(tmp_path, "one")], {}, tmp_path / "logs")
    await supervisor.start()
    try:
        first = supervisor.pid("one")
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pid("one") not in {first, None})
        assert supervisor.restarts == {"one": 1}
    finally:
        await supervisor.stop()
    assert supervisor.pid("one") is None


async def test_programs_are_stopped_the_last_started_first(tmp_path):
    supervisor = Supervisor([lingering(tmp_path, name) for name in ("one", "two", "three")], {}, tmp_path / "logs")
    await supervisor.start()
    await until(lambda: all((tmp_path / f"{name}.up").exists() for name in ("one", "two", "three")))
    await supervisor.stop()
    assert (tmp_path / "ended").read_text().split() == ["three", "two", "one"]


async def test_what_a_program_prints_is_kept_in_its_own_log(tmp_path):
    supervisor = Supervisor(
        [Program("one", [sys.executable, "-c", "print('hello', flush=True); import time; time.sleep(60)"])],
        {},
        tmp_path,
    )
    await supervisor.start()
    await until(lambda: "hello" in (tmp_path / "one.log").read_text())
    await supervisor.stop()


async def test_programs_end_when_the_supervisor_itself_is_killed(tmp_path):
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT.format(folder=str(tmp_path)))
    await until((tmp_path / "child").exists)
    command = Path(f"/proc/{(tmp_path / 'child').read_text()}/cmdline")
    assert command.read_bytes()
    parent.kill()
    await parent.wait()
    await until(lambda: not command.exists() or not command.read_bytes())
