"""This platform under another one: it logs in there and sends what is stored here, so that nothing is lost between.

The protocol acknowledges no single position. What tells that positions have arrived is the answer to a link test that
was sent behind them on the same link: until then they stay in the queue, and after a break they go again, as a
catch-up. The upper platform knows a position by vehicle and second, so what comes twice counts once.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from prometheus_client import Counter, Gauge

from api.exchange.wire import LostError, Pace, Wire
from services import exchange
from services.db import engine as databases
from services.errors import InvalidError, UnavailableError
from services.ingest.jt809 import link as links
from services.ingest.jt809 import messages, positions
from services.ingest.jt809.framing import V2011, V2019, Cipher, Edition
from services.ingest.jt809.messages import session
from services.ingest.jt809.messages.vehicle import MAX_CATCH_UP
from services.settings import Settings

SENT = Counter("tianshu_exchange_sent_total", "Positions sent to the upper platform", ["how"])
CONFIRMED = Counter("tianshu_exchange_confirmed_total", "Positions that the upper platform has")
MISCOUNTS = Counter("tianshu_exchange_miscounts_total", "Notices of the upper platform that don't fit what was sent")
ON_THEIR_WAY = Gauge("tianshu_exchange_on_their_way", "Positions sent and not confirmed")

WINDOW = 2000  # positions on their way before sending waits for a confirmation
AT_ONCE = 500
_DWORD = 0xFFFFFFFF

log = structlog.get_logger()


class BadUpperUrlError(InvalidError):
    """TIANSHU_UPPER_URL is not understood."""


@dataclass(frozen=True, slots=True)
class UpperAddress:
    """Where the upper platform is, and who we are to it."""

    host: str
    port: int
    user_id: int
    password: str
    access_code: int
    edition: Edition = V2011
    cipher: Cipher | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read jt809://USER:PASSWORD@host:port/ACCESS_CODE?edition=2011&cipher=M1,IA1,IC1.

        Raises:
            BadUpperUrlError: it is not of this form; the password is not repeated.
        """
        try:
            parts = urlsplit(url)
            asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            cipher = Cipher(*map(int, asked["cipher"].split(","))) if "cipher" in asked else None
            address = cls(
                parts.hostname or "", parts.port or 0, int(parts.username or ""), unquote(parts.password or ""),
                int(parts.path.strip("/")), Edition(asked.get("edition", "2011")), cipher,
            )  # fmt: skip
            if parts.scheme == "jt809" and address.host and address.port and (cipher is None or cipher.m1 > 0):
                return address
        except (ValueError, TypeError):
            pass
        raise BadUpperUrlError(
            "TIANSHU_UPPER_URL is jt809://USER:PASSWORD@host:port/ACCESS_CODE?edition=2011&cipher=M1,IA1,IC1 with "
            "USER and ACCESS_CODE numbers; edition (2011 or 2019) and cipher may be left out."
        )


@dataclass(slots=True)
class Flight:
    """What is on its way over one link, and what the last link test asks about."""

    wire: Wire
    ids: set[int] = field(default_factory=set)
    asked: tuple[int, ...] = ()
    test: int = 0  # the number of the test whose answer confirms `asked`
    asked_s: float = 0.0


@dataclass(slots=True)
class Tally:
    """What was sent since the login, and what the upper platform says of it."""

    sent: int = 0
    confirmed: int = 0
    confirmed_before: int = 0  # at the notice before: those must be in the next one
    counted: int = 0

    def reconcile(self, count: int) -> bool:
        """Add a notice; say whether the sums can be true."""
        self.counted += count
        agrees = self.confirmed_before <= self.counted <= self.sent
        self.confirmed_before = self.confirmed
        return agrees


class Lower:
    """The client of an upper platform."""

    def __init__(
        self, engine: databases.Engine, settings: Settings, address: UpperAddress, pace: Pace | None = None
    ) -> None:
        """Choose the database, the upper platform and the pace."""
        self._engine, self._settings, self._address, self._pace = engine, settings, address, pace or Pace()
        self.main: Wire | None = None
        self.sub: Wire | None = None
        self.refused: int | None = None  # result of the last login that was refused
        self.tally = Tally()
        self.down_port = 0
        self._verify_code: int | None = None
        self._flight: Flight | None = None
        self._wake = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Keep the links and send what waits while the block runs; at its end log out."""
        async with asyncio.TaskGroup() as tasks:
            server = await asyncio.start_server(
                self._accept_sub, self._settings.exchange_host, self._settings.exchange_down_port
            )
            self.down_port = server.sockets[0].getsockname()[1]
            chores = [tasks.create_task(self._keep_main()), tasks.create_task(self._forward_on())]
            try:
                yield self
            finally:
                server.close()
                for chore in chores:
                    chore.cancel()
                await self._log_out()

    # -- the links -----------------------------------------------------------------------------------------------------

    async def _keep_main(self) -> None:
        """Log in, again and again."""
        while True:
            try:
                await self._serve_main()
            except (OSError, TimeoutError, UnavailableError) as error:
                log.info("upper_not_there", error=type(error).__name__)
            self.main = None
            await self._tell_lost()
            await asyncio.sleep(self._pace.retry_s)

    async def _serve_main(self) -> None:
        async with asyncio.timeout(self._pace.retry_s):
            reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        wire = Wire(reader, writer, self._link(), self._pace)
        try:
            await wire.say(self._login())

            async def hear(message: Any) -> None:
                if isinstance(message, session.LoginAnswer):
                    self._logged_in(wire, message)
                elif self.main is wire:
                    await self._hear(wire, message)

            await wire.listen(hear, test=session.LinkTest())
        finally:
            wire.close()

    def _login(self) -> session.Login | session.Login2019:
        user_id, password, access_code = self._address.user_id, self._address.password, self._address.access_code
        host, port = self._settings.exchange_down_host, self.down_port
        if self._address.edition is V2019:
            return session.Login2019(user_id, password, access_code, host, port)
        return session.Login(user_id, password, host, port)

    def _logged_in(self, wire: Wire, answer: session.LoginAnswer) -> None:
        if answer.result:
            self.refused = answer.result
            log.warning("upper_refused_login", result=answer.result)
            wire.close()
            return
        self.main, self._verify_code, self.refused, self.tally = wire, answer.verify_code, None, Tally()
        self._wake.set()
        log.info("upper_logged_in")

    async def _accept_sub(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a sub link of who knows the code of our login."""
        wire = Wire(reader, writer, self._link(), self._pace)

        async def hear(message: Any) -> None:
            if isinstance(message, session.SubLogin):
                matches = self._verify_code is not None and message.verify_code == self._verify_code
                await wire.say(session.SubLoginAnswer(0 if matches else 1))
                if not matches:
                    wire.close()
                    return
                self.sub = wire
                self._wake.set()
            elif self.sub is wire:
                await self._hear(wire, message)

        try:
            await wire.listen(hear)
        except UnavailableError as error:
            log.info("sub_link_ended", error=type(error).__name__)
        finally:
            if self.sub is wire:
                self.sub = None

    def _link(self) -> links.Link:
        key = secrets.randbelow(_DWORD)
        address = self._address
        return links.Link(
            address.access_code, datetime.now(UTC), edition=address.edition, cipher=address.cipher, key=key
        )

    async def _hear(self, wire: Wire, message: Any) -> None:
        """Take what the upper platform says on either link."""
        match message:
            case session.LinkTestAnswer():
                wire.answers += 1
                await self._confirm(wire)
            case session.SubLinkTest():
                await wire.say(session.SubLinkTestAnswer())
            case session.ReceivedCount():
                if not self.tally.reconcile(message.count):
                    MISCOUNTS.inc()
                    log.warning("upper_counts_otherwise", counted=self.tally.counted, sent=self.tally.sent)
            case session.SubLogout():
                await wire.say(session.SubLogoutAnswer())
                wire.close()
            case session.UpperCloses():
                self._close()

    async def _tell_lost(self) -> None:
        """Say over the sub link that the main link broke."""
        if self.sub and self.sub.is_open:
            try:
                await self.sub.say(session.MainLinkLost(0))
            except LostError:
                self.sub = None

    async def _log_out(self) -> None:
        try:
            if self.main and self.main.is_open:
                await self.main.say(session.Logout(self._address.user_id, self._address.password))
        except LostError:
            pass
        self._close()

    def _close(self) -> None:
        for wire in (self.main, self.sub):
            if wire:
                wire.close()

    # -- the queue -----------------------------------------------------------------------------------------------------

    async def _forward_on(self) -> None:
        """Send what waits, over the main link or, while it is broken, over the sub link."""
        while True:
            sent = 0
            try:
                wire = next((wire for wire in (self.main, self.sub) if wire and wire.is_open), None)
                if wire:
                    sent = await self._forward_over(wire)
            except UnavailableError as error:
                log.info("not_forwarded", error=type(error).__name__)
            if not sent:
                self._wake.clear()
                try:
                    async with asyncio.timeout(self._pace.look_s):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _forward_over(self, wire: Wire) -> int:
        """Send some of what waits; return how many."""
        if self._flight is None or self._flight.wire is not wire:
            self._flight = Flight(wire)  # what was on its way over a link that is gone goes again
        flight, room = self._flight, min(WINDOW - len(self._flight.ids), AT_ONCE)
        found = list[exchange.Outgoing]()
        if room > 0:
            async with databases.reading(self._engine) as db:
                found = await exchange.waiting(db, without=sorted(flight.ids), limit=room)
        if found:
            await self._send(wire, found)
            flight.ids.update(each.id for each in found)
        ON_THEIR_WAY.set(len(flight.ids))
        now_s = asyncio.get_running_loop().time()
        if flight.ids and not flight.asked and (room <= 0 or now_s - flight.asked_s >= self._pace.confirm_s):
            flight.asked, flight.test, flight.asked_s = tuple(flight.ids), wire.tests + 1, now_s
            await wire.say(session.LinkTest())
        return len(found)

    async def _send(self, wire: Wire, found: Sequence[exchange.Outgoing]) -> None:
        edition, limit = self._address.edition, datetime.now(UTC) - self._pace.late
        for each in (each for each in found if each.fix.at >= limit):
            self.tally.sent += 1
            await wire.say(messages.about(each.plate, each.color, positions.from_fix(each.fix, edition)))
            SENT.labels("live").inc()
        late = sorted((each for each in found if each.fix.at < limit), key=lambda each: (*_vehicle(each), each.fix.at))
        for vehicle, of_vehicle in groupby(late, _vehicle):
            told = [positions.from_fix(each.fix, edition) for each in of_vehicle]
            for start in range(0, len(told), MAX_CATCH_UP):
                five = tuple(told[start : start + MAX_CATCH_UP])
                self.tally.sent += len(five)
                await wire.say(messages.about(*vehicle, positions.catch_up(five, edition)))
                SENT.labels("catch_up").inc(len(five))

    async def _confirm(self, wire: Wire) -> None:
        """Take from the queue what the answered test was sent behind."""
        flight = self._flight
        if flight is None or flight.wire is not wire or not flight.asked or wire.answers < flight.test:
            return
        async with databases.writing(self._engine) as db:
            await exchange.confirm(db, flight.asked)
        CONFIRMED.inc(len(flight.asked))
        self.tally.confirmed += len(flight.asked)
        flight.ids.difference_update(flight.asked)
        flight.asked = ()
        self._wake.set()


def _vehicle(each: exchange.Outgoing) -> tuple[str, int]:
    return each.plate, each.color
