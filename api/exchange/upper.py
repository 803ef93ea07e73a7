"""This platform above others: they log in here, we call them back, and what they send is stored."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self

import structlog
from prometheus_client import Counter

from api.exchange.wire import LostError, Pace, Wire
from api.quarantine import Quarantine
from services import exchange, fleet
from services.db import engine as databases
from services.errors import Saying, UnavailableError
from services.ingest.jt809 import link as links
from services.ingest.jt809 import positions
from services.ingest.jt809.framing import Cipher, Edition, edition_of
from services.ingest.jt809.messages import Enclosed, session
from services.pipeline import Pipeline
from services.settings import Settings

RECEIVED = Counter("tianshu_exchange_received_total", "Positions received from lower platforms")
UNKNOWN = Counter("tianshu_exchange_unknown_vehicles_total", "Positions of vehicles that nobody knows")
LOGINS = Counter("tianshu_exchange_logins_total", "Logins of lower platforms by outcome", ["outcome"])

LOGIN_TIMEOUT_S = 30.0
MAX_PENDING = 200  # messages whose positions wait for their commit before the link is left unread
MAX_SESSIONS = 256
KNOWN_FOR_S = 60.0  # a vehicle, known or not, is looked up again after this long
_DWORD = 0xFFFFFFFF
_RESULTS = {
    None: session.Refusal.NONE,
    exchange.Denial.ADDRESS: session.Refusal.ADDRESS,
    exchange.Denial.ACCESS_CODE: session.Refusal.ACCESS_CODE,
    exchange.Denial.USER: session.Refusal.UNKNOWN_USER,
    exchange.Denial.PASSWORD: session.Refusal.PASSWORD,
}

log = structlog.get_logger()


class Session:
    """One lower platform that has logged in: its two links, what came, what waits for its commit."""

    def __init__(self, upper: "Upper", platform: Any, main: Wire, down: tuple[str, int]) -> None:
        """Begin with the main link; `down` is where the platform wants to be called back."""
        self._upper, self.platform, self.main, self.down = upper, platform, main, down
        self.sub: Wire | None = None
        self.calling: asyncio.Task[None] | None = None  # keeps the sub link
        self.verify_code = secrets.randbelow(_DWORD)
        self.received, self._counted_from = 0, datetime.now(UTC)
        self._pending = list[asyncio.Future[None]]()
        self._vehicles: dict[tuple[str, int], tuple[int | None, float]] = {}

    @property
    def is_over(self) -> bool:
        """Whether both links are gone."""
        return not self.main.is_open and not (self.sub and self.sub.is_open)

    async def hear(self, wire: Wire, message: Any) -> None:
        """Take what the platform says on either link.

        A link test is answered after the commit of everything before it: whoever tests knows what is safe.
        """
        match message:
            case Enclosed():
                await self._take(message, wire.heard)
            case session.LinkTest():
                await self.settle()
                await wire.say(session.LinkTestAnswer())
            case session.Logout():
                await self.settle()
                await wire.say(session.LogoutAnswer())
                self.close()
            case session.LowerCloses():
                self.close()

    async def settle(self) -> None:
        """Return when all that came is committed.

        Raises:
            NotStoredError: some of it was not: the link has to end, so that it is sent again.
        """
        pending, self._pending = self._pending, []
        for stored in pending:
            await stored

    async def count(self) -> None:
        """Tell the platform how many positions came since the last time, over the sub link if there is one."""
        now = datetime.now(UTC)
        notice = session.ReceivedCount(self.received, self._counted_from, now)
        self.received, self._counted_from = 0, now
        wire = self.sub if self.sub and self.sub.is_open else self.main
        await wire.say(notice)

    def close(self) -> None:
        """Close both links and call back no more."""
        for wire in (self.main, self.sub):
            if wire:
                wire.close()
        self._upper.forget(self)

    async def _take(self, message: Enclosed, frame: bytes) -> None:
        told, late = positions.positions_in(message.said)
        if not told or message.plate is None or message.color is None:
            return
        self.received += len(told)
        RECEIVED.inc(len(told))
        vehicle = (message.plate, message.color)
        device_id = await self._device_of(*vehicle)
        if device_id is None:
            UNKNOWN.inc(len(told))
            return
        now = datetime.now(UTC)
        if any(map(positions.is_enciphered, told)):
            self._upper.keep_enciphered(frame, message.plate, self.main.remote, now)
        judged = (
            positions.to_fix(position, device_id, vehicle, now, late=late, raw=frame, **self._upper.tolerances)
            for position in told
        )
        self._pending.append(self._upper.put([fix for fix in judged if fix]))
        if len(self._pending) > MAX_PENDING:
            await self.settle()

    async def _device_of(self, plate: str, color: int) -> int | None:
        now_s = asyncio.get_running_loop().time()
        device_id, until_s = self._vehicles.get((plate, color), (None, 0.0))
        if now_s >= until_s:
            device_id = await self._upper.look_up(plate, color, self.main.remote)
            self._vehicles[plate, color] = device_id, now_s + self._upper.known_for_s
        return device_id


class Upper:
    """The server that lower platforms log in to."""

    def __init__(
        self, engine: databases.Engine, settings: Settings, pipeline: Pipeline, pace: Pace | None = None
    ) -> None:
        """Choose the database, the pipeline that runs, and the pace."""
        self._engine, self._settings, self._pipeline, self._pace = engine, settings, pipeline, pace or Pace()
        self.tolerances = {
            "future_tolerance": timedelta(seconds=settings.future_tolerance_s),
            "past_tolerance": timedelta(days=settings.past_tolerance_days),
        }
        self.known_for_s = KNOWN_FOR_S
        self.port = 0
        self.sessions: dict[int, Session] = {}
        self._quarantine = Quarantine(engine)
        self._tasks: asyncio.TaskGroup
        self._wires = set[Wire]()
        self._closing = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Let platforms in while the block runs; at its end say so to them and close."""
        async with asyncio.TaskGroup() as self._tasks:
            server = await asyncio.start_server(
                self._accept, self._settings.exchange_host, self._settings.exchange_port
            )
            self.port = server.sockets[0].getsockname()[1]
            chores = [self._tasks.create_task(chore) for chore in (self._count_on(), self._quarantine.run())]
            try:
                yield self
            finally:
                self._closing = True
                server.close()
                for chore in chores:
                    chore.cancel()
                await self._quarantine.flush()
                for each in list(self.sessions.values()):
                    await self._part(each)
                for wire in self._wires:
                    wire.close()

    def put(self, fixes: list[Any]) -> asyncio.Future[None]:
        """Hand fixes to the pipeline; the future is done with their commit."""
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(_see)
        self._pipeline.put(fixes, partial(_resolve, future))
        return future

    def keep_enciphered(self, frame: bytes, plate: str, remote: str, now: datetime) -> None:
        """Put a frame where people see that there are coordinates in it that nobody is to see as degrees."""
        detail = Saying("the secrecy plug-in has enciphered the coordinates of {plate}", plate=plate)
        self._quarantine.add(fleet.BadFrame(now, remote, None, "enciphered", detail, frame))

    def _keep_refused(self, remote: str, event: links.Refused) -> None:
        """Put a frame that was not accepted where people see why."""
        now = datetime.now(UTC)
        self._quarantine.add(fleet.BadFrame(now, remote, None, event.reason, event.detail, event.piece))

    async def look_up(self, plate: str, color: int, remote: str) -> int | None:
        """Return the device of a vehicle; if nobody knows it, it waits for an administrator from now on."""
        async with databases.reading(self._engine) as db:
            device_id = await exchange.find_vehicle(db, plate, color)
        if device_id is None:
            async with databases.writing(self._engine) as db:
                await exchange.note_vehicle(db, plate, color, remote)
        return device_id

    # -- the main link -------------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a main link to its end; nothing that is said on it ends the server."""
        wire = Wire(reader, writer, links.Link(0, datetime.now(UTC), edition=None), self._pace)
        guest = _Guest(self, wire)
        self._wires.add(wire)
        late = asyncio.get_running_loop().call_later(LOGIN_TIMEOUT_S, guest.hurry)
        try:
            await wire.listen(guest.hear, unseal=guest.unseal, refused=partial(self._keep_refused, wire.remote))
        except UnavailableError as error:
            log.warning("exchange_link_ended", remote=wire.remote, error=type(error).__name__)
        finally:
            late.cancel()
            self._wires.discard(wire)
            if guest.session:
                log.info("exchange_main_lost", platform=guest.session.platform.name)
                self.forget(guest.session)

    async def find_platform(self, access_code: int) -> Any:
        """Return the platform of an access code, or None."""
        async with databases.reading(self._engine) as db:
            return await exchange.find_platform(db, access_code)

    async def admit(self, wire: Wire, platform: Any, login: session.Login | session.Login2019) -> Session | None:
        """Answer a login; return the session if it is one."""
        denial = await exchange.admit(platform, login.user_id, login.password, wire.remote)
        result = _RESULTS[denial]
        if denial is None and len(self.sessions) >= MAX_SESSIONS and platform.access_code not in self.sessions:
            result = session.Refusal.BUSY
        LOGINS.labels(result.name.lower()).inc()
        if result is not session.Refusal.NONE:
            log.warning("exchange_login_refused", remote=wire.remote, reason=result.name.lower())
            await asyncio.sleep(self._pace.penalty_s)
            await wire.say(session.LoginAnswer(result, 0))
            wire.close()
            return None
        if self._closing:
            wire.close()
            return None
        older = self.sessions.pop(platform.access_code, None)
        if older:
            older.close()
        guest = Session(self, platform, wire, (login.down_host, login.down_port))
        self.sessions[platform.access_code] = guest
        await wire.say(session.LoginAnswer(result, guest.verify_code))
        if not self._closing:
            guest.calling = self._tasks.create_task(self._keep_sub(guest))
        log.info("exchange_logged_in", platform=platform.name)
        return guest

    # -- the sub link --------------------------------------------------------------------------------------------------

    async def _keep_sub(self, guest: Session) -> None:
        """Call the platform back, again and again while it is here; say on the main link when that link broke."""
        if not self._may_call(guest):
            log.warning("exchange_sub_refused", platform=guest.platform.name)
            return
        while not guest.is_over and self.sessions.get(guest.platform.access_code) is guest:
            try:
                await self._serve_sub(guest)
                if guest.main.is_open:
                    await guest.main.say(session.SubLinkLost(0))
            except (OSError, TimeoutError, UnavailableError) as error:
                log.info("exchange_sub_not_there", platform=guest.platform.name, error=type(error).__name__)
            await asyncio.sleep(self._pace.retry_s)
        self.forget(guest)

    def forget(self, guest: Session) -> None:
        """Forget a session whose links are both gone, and call its platform back no more."""
        if not guest.is_over:
            return
        if self.sessions.get(guest.platform.access_code) is guest:
            del self.sessions[guest.platform.access_code]
        if guest.calling and guest.calling is not asyncio.current_task():
            guest.calling.cancel()

    async def _serve_sub(self, guest: Session) -> None:
        async with asyncio.timeout(self._pace.retry_s):
            reader, writer = await asyncio.open_connection(*guest.down)
        main = guest.main.link
        link = links.Link(main.access_code, datetime.now(UTC), edition=main.edition, cipher=main.cipher, key=main.key)
        wire = Wire(reader, writer, link, self._pace)
        try:
            await wire.say(session.SubLogin(guest.verify_code))

            async def hear(message: Any) -> None:
                if isinstance(message, session.SubLoginAnswer):
                    guest.sub = wire if message.result == 0 else None
                elif guest.sub is wire:
                    await guest.hear(wire, message)

            await wire.listen(hear, refused=partial(self._keep_refused, wire.remote), test=session.SubLinkTest())
        finally:
            wire.close()

    def _may_call(self, guest: Session) -> bool:
        """Whether the address to call back is the platform's own, or one of its networks: never any other host."""
        host = guest.down[0]
        return host == guest.main.remote or (
            bool(guest.platform.addresses) and exchange.is_allowed(guest.platform, host)
        )

    # -- chores --------------------------------------------------------------------------------------------------------

    async def _count_on(self) -> None:
        while True:
            await asyncio.sleep(self._pace.count_s)
            for guest in list(self.sessions.values()):
                try:
                    await guest.count()
                except LostError:
                    continue

    async def _part(self, guest: Session) -> None:
        try:
            await guest.settle()
            await guest.main.say(session.UpperCloses(0))
        except UnavailableError:
            pass
        guest.close()
        self.sessions.pop(guest.platform.access_code, None)


class _Guest:
    """Who has connected and may not have logged in."""

    def __init__(self, upper: Upper, wire: Wire) -> None:
        """Nobody yet."""
        self._upper, self._wire = upper, wire
        self._platform: Any = None
        self.session: Session | None = None

    async def unseal(self, sealed: links.Sealed) -> None:
        """Learn edition and cipher from the access code in the header."""
        link, self._platform = self._wire.link, await self._upper.find_platform(sealed.frame.access_code)
        link.access_code = sealed.frame.access_code
        link.edition = Edition(self._platform.edition) if self._platform else edition_of(sealed.piece)
        if self._platform and self._platform.cipher:
            link.cipher, link.key = Cipher(*self._platform.cipher), secrets.randbelow(_DWORD)

    async def hear(self, message: Any) -> None:
        """Take a login; everything else only from who has logged in."""
        if isinstance(message, session.Login | session.Login2019) and self.session is None:
            self.session = await self._upper.admit(self._wire, self._platform, message)
        elif self.session:
            await self.session.hear(self._wire, message)
        else:
            log.warning("exchange_not_logged_in", remote=self._wire.remote, message=type(message).__name__)

    def hurry(self) -> None:
        """Close who has not logged in."""
        if self.session is None:
            self._wire.close()


def _resolve(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(None)


def _see(future: asyncio.Future[None]) -> None:
    """Look at the outcome, so that nobody complains when the link ended before somebody asked for it."""
    if not future.cancelled():
        future.exception()
