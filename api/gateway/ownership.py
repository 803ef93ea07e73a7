"""Which devices are ours: what this gateway claims, what others claim of it, that it lives."""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog

from services import owners
from services.db import engine as databases
from services.errors import UnavailableError

LOOK_EVERY_S = 1.0  # how soon a socket is closed whose device has gone to another gateway
ALIVE_EVERY_S = 5.0

log = structlog.get_logger()


class Holder(Protocol):
    """A connection that speaks for a device."""

    claim: int
    remote: str

    @property
    def protocol(self) -> str | None:
        """The edition it speaks."""


class Ownership:
    """Keeps the database's knowledge of our devices true, and ours of the database's."""

    def __init__(
        self, engine: databases.Engine, held: Mapping[int, Holder], lose: Callable[[int, str], Awaitable[None]]
    ) -> None:
        """Choose the database; `held` is who speaks for a device now, `lose` ends it, told the remote of the other."""
        self._engine, self._held, self._lose = engine, held, lose
        self.gateway_id = ""
        self._gone = dict[int, int]()  # claims of devices that left
        self._moment = 0
        self._alive_s = -ALIVE_EVERY_S  # when it said so last, by the loop's clock

    def begin(self, port: int) -> None:
        """Take a name that no other process has."""
        self.gateway_id = f"{socket.gethostname()}:{port}-{secrets.token_hex(4)}"

    def release(self, device_id: int, claim: int) -> None:
        """Let go of a device, soon; of several claims to it the last is the one that stands."""
        self._gone[device_id] = max(claim, self._gone.get(device_id, 0))

    async def run(self) -> None:
        """Look every second, and say every five that we live; rest while the database is away."""
        while True:
            try:
                await self._let_go()
                if asyncio.get_running_loop().time() - self._alive_s >= ALIVE_EVERY_S:
                    await self._say_alive()
                await self._look()
            except UnavailableError:
                log.warning("owners_not_asked")
            except Exception:  # whatever it is, the devices go on reporting
                log.exception("owners_not_asked")
            await asyncio.sleep(LOOK_EVERY_S)

    async def leave(self) -> None:
        """Say that we hold nothing any more."""
        try:
            async with databases.writing(self._engine) as db:
                await owners.leave(db, self.gateway_id)
        except UnavailableError:
            log.warning("owners_not_told")

    async def _let_go(self) -> None:
        if not self._gone:
            return
        gone, self._gone = self._gone, {}
        try:
            async with databases.writing(self._engine) as db:
                await owners.release_sessions(db, gone)
        except BaseException:
            for device_id, claim in gone.items():
                self.release(device_id, claim)
            raise

    async def _say_alive(self) -> None:
        """Say that we live, and claim again what is ours but noted for nobody.

        Others are buried only when we said so in time before: else it was the database that was away.
        """
        now_s = asyncio.get_running_loop().time()
        in_time = now_s - self._alive_s < owners.GONE_AFTER.total_seconds() / 2
        async with databases.writing(self._engine) as db:
            await owners.say_alive(db, self.gateway_id)
            if in_time:
                await owners.bury(db)
            again = await owners.claim_again(db, [self._as_held(*each) for each in self._held.items()])
        self._alive_s = now_s
        for device_id, claim in again.items():
            if device_id in self._held:
                self._held[device_id].claim = max(claim, self._held[device_id].claim)
            else:  # it left meanwhile
                self.release(device_id, claim)

    async def _look(self) -> None:
        """Give up the devices that were claimed elsewhere. Who is held is noted first: what is read is then newer."""
        held = dict(self._held)
        async with databases.reading(self._engine) as db:
            claimed, self._moment = await owners.claimed_since(db, self._moment)
        for theirs in claimed:
            mine = held.get(theirs.device_id)
            if mine and theirs.gateway_id != self.gateway_id and self._held.get(theirs.device_id) is mine:
                await self._lose(theirs.device_id, theirs.remote)

    def _as_held(self, device_id: int, holder: Holder) -> owners.Held:
        return owners.Held(device_id, self.gateway_id, holder.claim, holder.remote, holder.protocol)
