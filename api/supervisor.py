"""Processes that belong together: started in order, restarted when one dies, stopped in reverse order."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger()

STOP_TIMEOUT_S = 15.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_HEALTHY_AFTER_S = 60.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep alive."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)  # beside what all of them get


@dataclass(slots=True)
class Supervisor:
    """Keeps programs alive until `stop`; each writes to a log file of its own in `log_dir`."""

    programs: list[Program]
    environment: Mapping[str, str]
    log_dir: Path
    restarts: dict[str, int] = field(default_factory=dict)
    _processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _keepers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def start(self) -> None:
        """Start every program, in order."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for program in self.programs:
            await self._begin(program)

    async def add(self, program: Program) -> None:
        """Start one more program; it will be the first to be stopped."""
        self.programs.append(program)
        await self._begin(program)

    async def stop(self) -> None:
        """Stop every program, the last started first; one that does not end in time is killed."""
        for program in reversed(self.programs):
            keeper = self._keepers.pop(program.name, None)
            if keeper:
                keeper.cancel()
                with suppress(asyncio.CancelledError):
                    await keeper
            await self._end(self._processes.pop(program.name, None), program.name)

    def pid(self, name: str) -> int | None:
        """Return the process id of a program that runs now."""
        process = self._processes.get(name)
        return process.pid if process and process.returncode is None else None

    async def _begin(self, program: Program) -> None:
        await self._spawn(program)
        self._keepers[program.name] = asyncio.create_task(self._keep(program), name=f"keep {program.name}")

    async def _keep(self, program: Program) -> None:
        pause_s = _FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            code = await self._processes[program.name].wait()
            self.restarts[program.name] = self.restarts.get(program.name, 0) + 1
            log.warning("process_died", program=program.name, code=code, restarts=self.restarts[program.name])
            pause_s = _FIRST_PAUSE_S if loop.time() - started > _HEALTHY_AFTER_S else min(pause_s * 2, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)
            await self._spawn(program)

    async def _spawn(self, program: Program) -> None:
        with (self.log_dir / f"{program.name}.log").open("ab") as output:
            self._processes[program.name] = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environment, **program.environment},
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops them in order
                preexec_fn=_die_with_parent,
            )
        log.info("process_started", program=program.name, pid=self._processes[program.name].pid)

    async def _end(self, process: asyncio.subprocess.Process | None, name: str) -> None:
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            log.warning("process_killed", program=name)
            process.kill()
            await process.wait()


def _die_with_parent() -> None:
    """Ask Linux to end this process when the supervisor itself is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
