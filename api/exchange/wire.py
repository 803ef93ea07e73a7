"""One connection between two platforms: a link and its socket."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter

from services.errors import Saying, UnavailableError
from services.ingest.jt809 import link as links
from services.ingest.jt809.messages.session import LinkTest

REFUSED = Counter(
    "tianshu_exchange_frames_refused_total", "Frames of other platforms that were not accepted", ["reason"]
)
_CHUNK = 64 * 1024
_WRITE_TIMEOUT_S = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done. The first two are the standard's; the others are ours."""

    idle: timedelta = links.IDLE
    silence: timedelta = links.SILENCE
    look_s: float = 1.0  # how often a quiet link and the queue are looked at
    retry_s: float = 10.0  # between attempts to connect
    confirm_s: float = 5.0  # between link tests that confirm what was sent
    count_s: float = 60.0  # between notices of how much was received
    late: timedelta = timedelta(seconds=30)  # a position older than this goes as a catch-up
    penalty_s: float = 1.0  # before a refused login is answered


class LostError(UnavailableError):
    """The connection is gone, or its other end does not read."""


class Wire:
    """A link over a socket. Everything that is said goes out in the order it was said."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: links.Link, pace: Pace
    ) -> None:
        """Take over an open connection."""
        self._reader, self._writer, self.link, self._pace = reader, writer, link, pace
        self.remote = str((writer.get_extra_info("peername") or ("?",))[0])
        self.heard = b""  # the frame that is being handed on
        self.tests = self.answers = 0  # link tests sent, and answers that came: they come in order

    async def say(self, message: Any) -> None:
        """Send a message.

        Raises:
            LostError: it can't be.
        """
        if self._writer.is_closing():
            raise LostError("The link is closed.")
        try:
            self._writer.write(self.link.send(message, datetime.now(UTC)))
            self.tests += isinstance(message, LinkTest)  # here: the next to write counts on it
            async with asyncio.timeout(_WRITE_TIMEOUT_S):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            self.close()
            raise LostError("The other platform does not read.") from error

    async def listen(
        self,
        hear: Callable[[Any], Awaitable[None]],
        *,
        unseal: Callable[[links.Sealed], Awaitable[None]] | None = None,
        refused: Callable[[links.Refused], None] | None = None,
        test: Any = None,
    ) -> None:
        """Hand on every message until the link ends; send `test` when nothing was said for a minute.

        `unseal` is asked before a frame is read that the link can't read yet; `refused` is told of frames that were
        not accepted. Whatever is raised ends the link.
        """
        try:
            while True:
                data = await self._read()
                now = datetime.now(UTC)
                if data == b"" or now - self.link.heard_at > self._pace.silence:
                    return
                for event in self.link.receive(data, now) if data else ():
                    if isinstance(event, links.Sealed) and unseal:
                        await unseal(event)
                        event = self.link.unseal(event)  # noqa: PLW2901
                    if isinstance(event, links.Said):
                        self.heard = event.piece
                        await hear(event.message)
                    else:
                        self._refuse(event, refused)
                if test is not None and now - self.link.spoke_at >= self._pace.idle:
                    await self.say(test)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection once what was said is written."""
        self._writer.close()

    @property
    def is_open(self) -> bool:
        """Whether something may still be said."""
        return not self._writer.is_closing()

    async def _read(self) -> bytes | None:
        """What came, nothing (b"") at the end, None when nothing came for a while."""
        try:
            async with asyncio.timeout(self._pace.look_s):
                return await self._reader.read(_CHUNK)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def _refuse(self, event: links.Sealed | links.Refused, refused: Callable[[links.Refused], None] | None) -> None:
        if isinstance(event, links.Sealed):
            event = links.Refused(
                "encrypted", Saying("the frame is encrypted before anybody has logged in"), event.piece
            )
        REFUSED.labels(event.reason).inc()
        log.warning("exchange_frame_refused", reason=event.reason, remote=self.remote)
        if refused:
            refused(event)
